/** Verifies requests with official vendor libraries, one path each. Responds with 200 if valid, otherwise with 401. */
import { createServer } from "node:http";

import { verify as verifyGithub } from "@octokit/webhooks-methods";
import bolt from "@slack/bolt";
import { Webhook as StandardWebhook } from "standardwebhooks";
import Stripe from "stripe";
import { Webhook as SvixWebhook } from "svix";

const secret = process.env.WEBHOOK_SECRET;
const stripe = new Stripe("sk_test_unused");

const LIBRARIES = {
  "/standard-webhooks": ({ body, headers }) => new StandardWebhook(secret).verify(body, headers),
  "/svix": ({ body, headers }) => new SvixWebhook(secret).verify(body, headers),
  "/stripe": ({ body, headers }) => stripe.webhooks.constructEvent(body, headers["stripe-signature"], secret),
  "/github": async ({ body, headers }) => {
    if (!(await verifyGithub(secret, body, headers["x-hub-signature-256"]))) throw new Error("the signature does not match");
  },
  "/slack": ({ body, headers }) => bolt.verifySlackRequest({ signingSecret: secret, body, headers }),
};

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  try {
    await LIBRARIES[request.url]({ body: Buffer.concat(chunks).toString(), headers: request.headers });
    response.writeHead(200).end("OK");
  } catch (error) {
    response.writeHead(401).end(String(error));
  }
}).listen(Number(process.env.PORT), "127.0.0.1", () => console.log(`listening on ${server.address().port}`));
