/** onWebChat handler in Node: verifies HMAC-SHA256 over the raw body and detects duplicates by the delivery id. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const seen = new Set();
const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const expected = createHmac("sha256", process.env.WEBHOOK_SECRET).update(body).digest();
  const found = Buffer.from(request.headers["x-owc-signature"] ?? "", "hex");
  if (found.length !== expected.length || !timingSafeEqual(found, expected)) return response.writeHead(401).end("bad signature");
  const delivery = request.headers["x-owc-delivery"];
  const again = seen.has(delivery);
  seen.add(delivery);
  if (JSON.parse(body).event !== request.headers["x-owc-event"]) return response.writeHead(400).end("event header and body differ");
  console.log(`${request.headers["x-owc-event"]}${again ? " (duplicate)" : ""}`);
  response.writeHead(200).end("OK");
}).listen(Number(process.env.PORT), "127.0.0.1", () => console.log(`listening on ${server.address().port}`));
