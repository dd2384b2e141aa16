// Runs with `hookbench up -- npm test`, which starts everything that hookbench.toml names.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { createApp } from "./app.mjs";

const hookbench = async (...args) => (await promisify(execFile)("hookbench", args)).stdout;
const paid = new Set();
let server;

before(() => {
  server = createApp(paid).listen(3000, "127.0.0.1");
});
after(() => server.close());

test("marks the invoice of a signed event as paid", async () => {
  const started = new Date().toISOString();
  await hookbench("trigger", "stripe", "invoice.paid", "--endpoint", "stripe", "--set", "data.object.id=in_42");
  const found = await hookbench("wait", "stripe", "-q", "event:invoice.paid", "--since", started, "--expect-signature", "valid", "--json");
  assert.equal(JSON.parse(found).status, 204);
  assert.ok(paid.has("in_42"));
});

test("rejects an event without a signature", async () => {
  const body = JSON.stringify({ type: "invoice.paid", data: { object: { id: "in_43" } } });
  const headers = { "content-type": "application/json" };
  const response = await fetch(process.env.HOOKBENCH_INBOX_STRIPE, { method: "POST", headers, body });
  assert.equal(response.status, 400);
  assert.ok(!paid.has("in_43"));
});
