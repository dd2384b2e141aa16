/**
 * Makes `vectors.json`: messages with the verdict of the vendor's own SDK, good ones and tampered.
 * Run by hand when an SDK or a rule changes: `npm install && node generate.mjs`.
 */
import { createHmac, generateKeyPairSync, createSign, sign as edSign } from "node:crypto";
import { createRequire } from "node:module";
import { readFileSync, writeFileSync } from "node:fs";

const require = createRequire(import.meta.url);
const NOW = Math.floor(Date.now() / 1000);
const URL_ = "https://example.com/hooks?a=1";
const BODY = JSON.stringify({ type: "thing.happened", id: "evt_1", text: "Zoë — 100 % / ✓", list: [1, 2.5, null], webhookTimestamp: NOW * 1000 });
const SECRET = "5ec2e75ec2e75ec2e75ec2e75ec2e7abcdef0123";
const vectors = [];
const failed = [];

const version = (name) => {
  let at;
  try {
    at = require.resolve(name);
  } catch {
    at = `${import.meta.dirname}/node_modules/${name}/x`;
  }
  for (;;) {
    at = at.slice(0, at.lastIndexOf("/"));
    try {
      const found = JSON.parse(readFileSync(`${at}/package.json`, "utf8"));
      if (found.name === name && found.version) return `${name} ${found.version}`;
    } catch {}
    if (at.endsWith("node_modules")) return name;
  }
};

const raw = (headers, body, target = "/hooks?a=1") =>
  Buffer.concat([Buffer.from(`POST ${target} HTTP/1.1\r\nHost: example.com\r\n${Object.entries(headers).map(([n, v]) => `${n}: ${v}\r\n`).join("")}\r\n`), Buffer.from(body)]).toString("base64");

/** What happens to a good message on its way, and the SDK has to refuse. */
const TAMPERED = {
  "a byte of the body": (m) => ({ ...m, body: m.body.replace("thing", "thinG").replace("pspReference", "pspreference") }),
  "another secret": (m) => ({ ...m, secret: m.other ?? m.secret.replace(/.$/, (c) => (c === "4" ? "5" : "4")) }),
  "the signature's middle": (m) => ({ ...m, headers: Object.fromEntries(Object.entries(m.headers).map(([n, v]) => [n, m.signature.includes(n) ? v.slice(0, -12) + (v.at(-12) === "a" ? "b" : "a") + v.slice(-11) : v])) }),
};

/** `message` makes a good one, `verdict` asks the SDK. */
async function vendor(by, provider, message, verdict, more = {}) {
  try {
    const good = { url: URL_, ...(await message()) };
    const same = JSON.stringify(good);
    const cases = [["as signed", good, true], ...Object.entries(TAMPERED).map(([what, change]) => [what, change(good), false])].filter(([, m, valid]) => valid || JSON.stringify(m) !== same);
    const found = [];
    for (const [what, m, wanted] of cases) {
      const said = await Promise.resolve()
        .then(() => verdict(m))
        .then((ok) => ok !== false, () => false);
      if (said !== wanted) throw new Error(`${what}: the SDK says ${said}`);
      found.push({ provider, by: version(by), what, secret: m.secret, url: m.url, now: NOW, request: raw(m.headers, m.body), valid: wanted, ...more });
    }
    vectors.push(...found);
  } catch (error) {
    failed.push(`${by}: ${String(error.stack ?? error).split("\n").slice(0, 2).join(" ")}`);
  }
}

const hmac = (algorithm, secret, text, encoding) => createHmac(algorithm, secret).update(text).digest(encoding);

const { default: Stripe } = await import("stripe");
await vendor("stripe", "stripe", () => ({ secret: "whsec_test", other: "whsec_other", body: BODY, signature: ["Stripe-Signature"], headers: { "Stripe-Signature": Stripe.webhooks.generateTestHeaderString({ payload: BODY, secret: "whsec_test", timestamp: NOW }) } }), (m) => Boolean(Stripe.webhooks.constructEvent(m.body, m.headers["Stripe-Signature"], m.secret)));

const WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
for (const [name, provider, prefix] of [["standardwebhooks", "standard-webhooks", "webhook"], ["svix", "svix", "svix"], ["svix", "clerk", "svix"], ["svix", "resend", "svix"]]) {
  const { Webhook } = await import(name);
  await vendor(name, provider, () => ({ secret: WHSEC, other: OTHER, body: BODY, signature: [`${prefix}-signature`], headers: { [`${prefix}-id`]: "msg_1", [`${prefix}-timestamp`]: String(NOW), [`${prefix}-signature`]: new Webhook(WHSEC).sign("msg_1", new Date(NOW * 1000), BODY) } }), (m) => Boolean(new Webhook(m.secret).verify(m.body, m.headers)));
}

const octokit = await import("@octokit/webhooks-methods");
await vendor("@octokit/webhooks-methods", "github", async () => ({ secret: SECRET, body: BODY, signature: ["X-Hub-Signature-256"], headers: { "X-GitHub-Event": "push", "X-Hub-Signature-256": await octokit.sign(SECRET, BODY) } }), (m) => octokit.verify(m.secret, m.body, m.headers["X-Hub-Signature-256"]));

const twilio = require("twilio");
const FORM = "CallSid=CA1&From=%2B14158675309&Caller=thing+happened&Digits=1234";
const params = (body) => Object.fromEntries(new URLSearchParams(body));
await vendor("twilio", "twilio", () => ({ secret: SECRET, body: FORM, signature: ["X-Twilio-Signature"], headers: { "Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": twilio.getExpectedTwilioSignature(SECRET, URL_, params(FORM)) } }), (m) => twilio.validateRequest(m.secret, m.headers["X-Twilio-Signature"], m.url, params(m.body)));

const { WebhooksHelper } = require("square");
await vendor("square", "square", () => ({ secret: SECRET, body: BODY, signature: ["x-square-hmacsha256-signature"], headers: { "x-square-hmacsha256-signature": hmac("sha256", SECRET, URL_ + BODY, "base64") } }), (m) => WebhooksHelper.verifySignature({ requestBody: m.body, signatureHeader: m.headers["x-square-hmacsha256-signature"], signatureKey: m.secret, notificationUrl: m.url }));

const line = require("@line/bot-sdk");
await vendor("@line/bot-sdk", "line", () => ({ secret: SECRET, body: BODY, signature: ["x-line-signature"], headers: { "x-line-signature": hmac("sha256", SECRET, BODY, "base64") } }), (m) => line.validateSignature(m.body, m.secret, m.headers["x-line-signature"]));

const Razorpay = require("razorpay");
await vendor("razorpay", "razorpay", () => ({ secret: SECRET, body: BODY, signature: ["X-Razorpay-Signature"], headers: { "X-Razorpay-Signature": hmac("sha256", SECRET, BODY, "hex") } }), (m) => Razorpay.validateWebhookSignature(m.body, m.headers["X-Razorpay-Signature"], m.secret));

const { Signature } = require("@hubspot/api-client");
const hubspot = (m, signatureVersion, header) => Signature.isValid({ signatureVersion, signature: m.headers[header], method: "POST", clientSecret: m.secret, requestBody: m.body, url: m.url, timestamp: Number(m.headers["X-HubSpot-Request-Timestamp"]) });
const v = (signatureVersion, extra = {}) => Signature.getSignature("POST", signatureVersion, { method: "POST", clientSecret: SECRET, requestBody: BODY, url: URL_, timestamp: NOW * 1000, ...extra });
await vendor("@hubspot/api-client", "hubspot", () => ({ secret: SECRET, body: BODY, signature: ["X-HubSpot-Signature-v3"], headers: { "X-HubSpot-Request-Timestamp": String(NOW * 1000), "X-HubSpot-Signature-v3": hmac("sha256", SECRET, `POST${URL_}${BODY}${NOW * 1000}`, "base64") } }), (m) => hubspot(m, "v3", "X-HubSpot-Signature-v3"), { scheme: "v3" });

const discord = require("discord-interactions");
const ed = generateKeyPairSync("ed25519");
const edPublic = ed.publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("hex");
const edOther = generateKeyPairSync("ed25519").publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("hex");
await vendor("discord-interactions", "discord", () => ({ secret: edPublic, other: edOther, body: BODY, signature: ["X-Signature-Ed25519"], headers: { "X-Signature-Timestamp": String(NOW), "X-Signature-Ed25519": edSign(null, Buffer.from(NOW + BODY), ed.privateKey).toString("hex") } }), (m) => discord.verifyKey(m.body, m.headers["X-Signature-Ed25519"], m.headers["X-Signature-Timestamp"], m.secret));

const slack = require("@slack/bolt/dist/receivers/verify-request.js");
await vendor("@slack/bolt", "slack", () => ({ secret: SECRET, body: BODY, signature: ["x-slack-signature"], headers: { "x-slack-request-timestamp": String(NOW), "x-slack-signature": `v0=${hmac("sha256", SECRET, `v0:${NOW}:${BODY}`, "hex")}` } }), (m) => (slack.verifySlackRequest({ signingSecret: m.secret, body: m.body, headers: { ...m.headers, "x-slack-request-timestamp": NOW } }), true));

const gocardless = require("gocardless-nodejs/webhooks");
const EVENTS = '{"events":[{"id":"EV1","text":"thing"}]}';
await vendor("gocardless-nodejs", "gocardless", () => ({ secret: SECRET, body: EVENTS, signature: ["Webhook-Signature"], headers: { "Webhook-Signature": hmac("sha256", SECRET, EVENTS, "hex") } }), (m) => Boolean(gocardless.parse(m.body, m.secret, m.headers["Webhook-Signature"])));

const sanity = require("@sanity/webhook");
await vendor("@sanity/webhook", "sanity", async () => ({ secret: SECRET, body: BODY, signature: ["sanity-webhook-signature"], headers: { "sanity-webhook-signature": await sanity.encodeSignatureHeader(BODY, NOW * 1000, SECRET) } }), (m) => sanity.isValidSignature(m.body, m.headers["sanity-webhook-signature"], m.secret));

const contentful = require("@contentful/node-apps-toolkit");
const LONG = "0123456789abcdef".repeat(4);
await vendor("@contentful/node-apps-toolkit", "contentful", () => {
  const headers = contentful.signRequest(LONG, { method: "POST", path: "/hooks?a=1", headers: { "X-Contentful-Topic": "Entry.publish" }, body: BODY }, NOW * 1000);
  return { secret: LONG, body: BODY, signature: ["x-contentful-signature"], headers: { "X-Contentful-Topic": "Entry.publish", ...headers } };
}, (m) => contentful.verifyRequest(m.secret, { method: "POST", path: "/hooks?a=1", headers: m.headers, body: m.body }, 0));

const { WorkOS } = require("@workos-inc/node");
const workos = new WorkOS("sk_test");
await vendor("@workos-inc/node", "workos", () => ({ secret: SECRET, body: BODY, signature: ["WorkOS-Signature"], headers: { "WorkOS-Signature": `t=${NOW * 1000}, v1=${hmac("sha256", SECRET, `${NOW * 1000}.${BODY}`, "hex")}` } }), (m) => workos.webhooks.verifyHeader({ payload: JSON.parse(m.body), sigHeader: m.headers["WorkOS-Signature"], secret: m.secret }));

const Mux = require("@mux/mux-node").default;
const mux = new Mux({ tokenId: "x", tokenSecret: "y" });
await vendor("@mux/mux-node", "mux", () => ({ secret: SECRET, body: BODY, signature: ["Mux-Signature"], headers: { "Mux-Signature": `t=${NOW},v1=${hmac("sha256", SECRET, `${NOW}.${BODY}`, "hex")}` } }), async (m) => (await mux.webhooks.verifySignature(m.body, { "mux-signature": m.headers["Mux-Signature"] }, m.secret), true));

const { Paddle } = require("@paddle/paddle-node-sdk");
const paddle = new Paddle("x");
await vendor("@paddle/paddle-node-sdk", "paddle", () => ({ secret: SECRET, body: BODY, signature: ["Paddle-Signature"], headers: { "Paddle-Signature": `ts=${NOW};h1=${hmac("sha256", SECRET, `${NOW}:${BODY}`, "hex")}` } }), (m) => paddle.webhooks.isSignatureValid(m.body, m.secret, m.headers["Paddle-Signature"]));

const { LinearWebhookClient } = require("@linear/sdk/webhooks");
await vendor("@linear/sdk", "linear", () => ({ secret: SECRET, body: BODY, signature: ["Linear-Signature"], headers: { "Linear-Signature": hmac("sha256", SECRET, BODY, "hex") } }), (m) => new LinearWebhookClient(m.secret).verify(Buffer.from(m.body), m.headers["Linear-Signature"], NOW * 1000));

const { WebhookReceiver, AccessToken } = await import("livekit-server-sdk");
await vendor("livekit-server-sdk", "livekit", async () => {
  const token = new AccessToken("APIkey", SECRET);
  const { createHash } = await import("node:crypto");
  token.sha256 = createHash("sha256").update(BODY).digest("base64");
  return { secret: SECRET, body: BODY, signature: ["Authorization"], headers: { Authorization: await token.toJwt() } };
}, async (m) => Boolean(await new WebhookReceiver("APIkey", m.secret).receive(m.body, m.headers.Authorization)), { params: { api_key: "APIkey" } });

const braintree = require("braintree");
await vendor("braintree", "braintree", () => {
  const gateway = new braintree.BraintreeGateway({ environment: braintree.Environment.Sandbox, merchantId: "m", publicKey: "pub", privateKey: SECRET });
  const sample = gateway.webhookTesting.sampleNotification("subscription_went_past_due", "thing_1");
  return { secret: SECRET, body: new URLSearchParams({ bt_payload: sample.bt_payload, bt_signature: sample.bt_signature }).toString().replace("bt_payload", "bt_payload"), signature: [], headers: { "Content-Type": "application/x-www-form-urlencoded" } };
}, async (m) => {
  const gateway = new braintree.BraintreeGateway({ environment: braintree.Environment.Sandbox, merchantId: "m", publicKey: "pub", privateKey: m.secret });
  const form = params(m.body);
  return Boolean(await gateway.webhookNotification.parse(form.bt_signature, form.bt_payload));
}, { params: { public_key: "pub" } });

const { default: OpenAI } = await import("openai");
await vendor("openai", "openai", async () => {
  const { Webhook } = await import("standardwebhooks");
  return { secret: WHSEC, other: OTHER, body: BODY, signature: ["webhook-signature"], headers: { "webhook-id": "msg_1", "webhook-timestamp": String(NOW), "webhook-signature": new Webhook(WHSEC).sign("msg_1", new Date(NOW * 1000), BODY) } };
}, async (m) => (await new OpenAI({ apiKey: "x" }).webhooks.verifySignature(m.body, m.headers, m.secret), true));

const EasyPost = require("@easypost/api");
await vendor("@easypost/api", "easypost", () => ({ secret: "sécret-" + SECRET, body: BODY, signature: ["X-Hmac-Signature"], headers: { "X-Hmac-Signature": `hmac-sha256-hex=${hmac("sha256", ("sécret-" + SECRET).normalize("NFKD"), BODY, "hex")}` } }), (m) => Boolean(new EasyPost("x").Utils.validateWebhook(Buffer.from(m.body), m.headers, m.secret)));

const Pusher = require("pusher");
await vendor("pusher", "pusher", () => ({ secret: SECRET, body: BODY, signature: ["x-pusher-signature"], headers: { "x-pusher-key": "key", "content-type": "application/json", "x-pusher-signature": hmac("sha256", SECRET, BODY, "hex") } }), (m) => new Pusher({ appId: "1", key: "key", secret: m.secret }).webhook({ rawBody: m.body, headers: m.headers }).isValid(), { params: { app_key: "key" } });

const adyen = require("@adyen/api-library");
const HEX = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056";
const item = { pspReference: "thing_7914073381342284", originalReference: "", merchantAccountCode: "TestMerchant", merchantReference: "TestPayment-1407325143704", amount: { value: 1130, currency: "EUR" }, eventCode: "AUTHORISATION", success: "true" };
await vendor("@adyen/api-library", "adyen", () => {
  const signature = new adyen.hmacValidator().calculateHmac(item, HEX);
  return { secret: HEX, other: HEX.replace(/^44/, "45"), body: JSON.stringify({ live: "false", notificationItems: [{ NotificationRequestItem: { ...item, additionalData: { hmacSignature: signature } } }] }), signature: [], headers: {} };
}, (m) => new adyen.hmacValidator().validateHMAC(JSON.parse(m.body).notificationItems[0].NotificationRequestItem, m.secret), { scheme: "payments" });

const { EventWebhook } = require("@sendgrid/eventwebhook");
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const spki = (key) => key.export({ format: "der", type: "spki" }).toString("base64");
await vendor("@sendgrid/eventwebhook", "sendgrid", () => ({ secret: spki(ec.publicKey), other: spki(generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey), body: BODY, signature: ["X-Twilio-Email-Event-Webhook-Signature"], headers: { "X-Twilio-Email-Event-Webhook-Timestamp": String(NOW), "X-Twilio-Email-Event-Webhook-Signature": createSign("sha256").update(NOW + BODY).sign(ec.privateKey, "base64") } }), (m) => {
  const sdk = new EventWebhook();
  return sdk.verifySignature(sdk.convertPublicKeyToECDSA(m.secret), m.body, m.headers["X-Twilio-Email-Event-Webhook-Signature"], m.headers["X-Twilio-Email-Event-Webhook-Timestamp"]);
});

const { Receiver } = require("@upstash/qstash");
await vendor("@upstash/qstash", "upstash-qstash", async () => {
  const { createHash } = await import("node:crypto");
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { iss: "Upstash", sub: URL_, exp: NOW + 300, nbf: NOW - 1, iat: NOW, jti: "jwt_1", body: createHash("sha256").update(BODY).digest("base64url") };
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return { secret: SECRET, body: BODY, signature: ["Upstash-Signature"], headers: { "Upstash-Signature": `${signed}.${hmac("sha256", SECRET, signed, "base64url")}` } };
}, (m) => new Receiver({ currentSigningKey: m.secret, nextSigningKey: m.secret }).verify({ signature: m.headers["Upstash-Signature"], body: m.body, url: m.url }));

const plivo = { v3: require("plivo/dist/utils/v3Security.js"), v2: require("plivo/dist/utils/security.js") };
const fields = (text) => Object.fromEntries(new URLSearchParams(text));
await vendor("plivo", "plivo", () => {
  const form = Object.entries(fields(FORM)).sort().map(([n, v]) => n + v).join("");
  return { secret: SECRET, body: FORM, signature: ["X-Plivo-Signature-V3"], headers: { "Content-Type": "application/x-www-form-urlencoded", "X-Plivo-Signature-V3-Nonce": "12345", "X-Plivo-Signature-V3": hmac("sha256", SECRET, `${URL_}.${form}.12345`, "base64") } };
}, (m) => plivo.v3.validateV3Signature("POST", m.url, m.headers["X-Plivo-Signature-V3-Nonce"], m.secret, m.headers["X-Plivo-Signature-V3"], fields(m.body)), { scheme: "v3" });
await vendor("plivo", "plivo", () => ({ secret: SECRET, body: "", signature: ["X-Plivo-Signature-V2"], headers: { "X-Plivo-Signature-V2-Nonce": "12345", "X-Plivo-Signature-V2": hmac("sha256", SECRET, `${URL_.split("?")[0]}12345`, "base64") } }), (m) => plivo.v2.validateSignature(m.url, m.headers["X-Plivo-Signature-V2-Nonce"], m.headers["X-Plivo-Signature-V2"], m.secret), { scheme: "v2" });

const truelayer = require("truelayer-signing");
const p521 = () => generateKeyPairSync("ec", { namedCurve: "P-521", publicKeyEncoding: { type: "spki", format: "pem" }, privateKeyEncoding: { type: "sec1", format: "pem" } });
const [mine, theirs] = [p521(), p521()];
for (const slash of ["", "/"]) {
  await vendor("truelayer-signing", "truelayer", () => ({ secret: mine.publicKey, other: theirs.publicKey, url: "https://example.com/hooks", body: BODY, signature: ["Tl-Signature"], headers: { "X-Tl-Webhook-Timestamp": "2021-11-29T11:42:55Z", "Tl-Signature": truelayer.sign({ kid: "k", privateKeyPem: mine.privateKey, method: "POST", path: `/hooks${slash}`, headers: { "X-Tl-Webhook-Timestamp": "2021-11-29T11:42:55Z" }, body: BODY }) } }), (m) => (truelayer.verify({ publicKeyPem: m.secret, signature: m.headers["Tl-Signature"], method: "POST", path: "/hooks", headers: { "X-Tl-Webhook-Timestamp": "2021-11-29T11:42:55Z" }, body: m.body }), true));
}

writeFileSync(new URL("vectors.json", import.meta.url), JSON.stringify(vectors, null, 1) + "\n");
console.log(`${vectors.length} vectors by ${new Set(vectors.map(({ by }) => by)).size} SDKs`);
for (const line of failed) console.log(line);
process.exit(0);
