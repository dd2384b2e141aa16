/** The contract of `tests/contract.json`, called from the page through the bridge of the window and `fetch`. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { TRANSPORTS, start, type Running } from "./hookbench";

interface Step {
  what: string;
  call: string;
  body?: object;
  text?: string;
  status: number;
  has: object;
  save?: Record<string, string>;
}

const steps = JSON.parse(readFileSync(join(import.meta.dirname, "../contract.json"), "utf8")) as Step[];

/** Page script that makes one call through its own transport. */
const CALL = `
  const [method, path, body, done] = arguments;
  const answer = (status, text) => done({ status, text });
  if (window.__TAURI_INTERNALS__) {
    const headers = { "x-method": method, "x-path": path, "x-content-type": "application/json" };
    window.__TAURI_INTERNALS__.invoke("api", new TextEncoder().encode(body), { headers }).then((framed) => {
      const length = new DataView(framed).getUint32(0, true);
      const text = (from, to) => new TextDecoder().decode(new Uint8Array(framed).subarray(from, to));
      answer(JSON.parse(text(4, 4 + length)).status, text(4 + length));
    }, (error) => answer(0, JSON.stringify(error)));
  } else {
    const headers = { "content-type": "application/json", authorization: "Bearer " + sessionStorage.getItem("hookbench-token") };
    fetch(path, { method, headers, body: method === "GET" ? undefined : body }).then(async (response) => answer(response.status, await response.text()));
  }`;

async function call(
  hookbench: Running,
  method: string,
  path: string,
  body: string,
): Promise<{ status: number; response: unknown }> {
  const { status, text } = await hookbench.driver.executeAsyncScript<{ status: number; text: string }>(
    CALL,
    method,
    `/api/v1${path}`,
    body,
  );
  return { status, response: JSON.parse(text) as unknown };
}

const at = (value: unknown, pointer: string): unknown =>
  pointer
    .split("/")
    .slice(1)
    .reduce<unknown>((inner, key) => (inner as Record<string, unknown>)[key], value);

describe.each(TRANSPORTS)("the API contract through the %s", (transport) => {
  test("returns the expected response for every step", async () => {
    const hookbench = await start(transport);
    try {
      const saved: Record<string, string> = {};
      const fill = (text: string): string =>
        Object.entries(saved).reduce((filled, [name, value]) => filled.replaceAll(`{${name}}`, value), text);
      for (const step of steps) {
        const [method, path] = step.call.split(" ") as [string, string];
        const { status, response } = await call(
          hookbench,
          method,
          fill(path),
          step.text ?? (step.body ? JSON.stringify(step.body) : ""),
        );
        expect(status, `${step.what}: ${JSON.stringify(response)}`).toBe(step.status);
        expect(response, step.what).toMatchObject(JSON.parse(fill(JSON.stringify(step.has))) as object);
        for (const [name, pointer] of Object.entries(step.save ?? {})) saved[name] = String(at(response, pointer));
      }
    } finally {
      await hookbench.stop();
    }
  });
});
