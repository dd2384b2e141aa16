// Express handler for Standard Webhooks, correct unless FAULT names a fault. GET /effects returns the number of
// side effects. While the file BROKEN exists, the handler simulates an unavailable database.
import { createHmac, timingSafeEqual } from "node:crypto";
import { existsSync } from "node:fs";

import express from "express";

const fault = process.env.FAULT ?? "";
const key = Buffer.from(process.env.WEBHOOK_SECRET.replace(/^whsec_/, ""), "base64");
const done = new Set();
let effects = 0;

const app = express();
app.get("/effects", (_, response) => response.send(String(effects)));

app.all("/webhook", (request, response, next) => {
  if (fault === "redirect") return response.redirect(308, "/elsewhere");
  if (request.method !== "POST") return response.sendStatus(405);
  next();
});

app.post("/webhook", express.raw({ type: () => true, limit: "30mb" }), async (request, response) => {
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const [id, time] = [request.get("webhook-id") ?? "", request.get("webhook-timestamp") ?? ""];
  if (fault === "slow") await new Promise((wait) => setTimeout(wait, 1_500));
  if (fault !== "unverified" && !holds(id, time, body, request.get("webhook-signature") ?? "")) return response.sendStatus(401);
  const age = Date.now() / 1_000 - Number(time);
  if (fault !== "expired-timestamp" && fault !== "nan" && !/^\d+$/.test(time)) return response.sendStatus(401);
  if (fault !== "expired-timestamp" && Math.abs(age) > 300) return response.sendStatus(401);
  let event;
  try {
    event = JSON.parse(body.toString());
  } catch (error) {
    return fault === "trace" ? response.status(500).send(error.stack) : response.sendStatus(400);
  }
  if (typeof event !== "object" || event === null) return response.sendStatus(400);
  if (event.type !== "user.created") {
    if (fault === "unknown") return response.sendStatus(500);
    return response.sendStatus(fault === "gone" ? 410 : 204);
  }
  if (fault === "strict" && Object.keys(event).some((name) => !["type", "timestamp", "data"].includes(name))) return response.sendStatus(400);
  if (process.env.BROKEN && existsSync(process.env.BROKEN)) {
    if (fault === "swallow") return response.sendStatus(200);
    return response.set("Retry-After", "5").sendStatus(503);
  }
  if (fault === "silent") return response.sendStatus(200);
  if (fault === "leaky") response.set("X-Debug", process.env.WEBHOOK_SECRET);
  const repeated = done.has(id);
  if (fault === "racy") await new Promise((wait) => setTimeout(wait, 30));
  done.add(id);
  if (!repeated || fault === "twice") effects += 1;
  response.sendStatus(200);
});

function holds(id, time, body, header) {
  const signed = fault === "parsed" ? Buffer.from(reparsed(body)) : body;
  const due = createHmac("sha256", key).update(`${id}.${time}.`).update(fault === "ascii" ? signed.toString("latin1") : signed).digest();
  const given = header.split(" ").slice(0, fault === "first" ? 1 : 20).filter((part) => part.startsWith("v1,") || (fault === "version" && part.startsWith("v")));
  return given.some((part) => {
    const signature = Buffer.from(part.slice(part.indexOf(",") + 1), "base64");
    if (fault !== "throws" && signature.length !== due.length) return false;
    return timingSafeEqual(signature, due);
  });
}

function reparsed(body) {
  try {
    return JSON.stringify(JSON.parse(body.toString()));
  } catch {
    return body;
  }
}

app.listen(Number(process.env.PORT), "127.0.0.1", () => console.log("listening"));
