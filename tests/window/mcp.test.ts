/** `hookbench mcp`, by the client of the TypeScript SDK, as most agents use it. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { expect, test } from "vitest";

import { BINARY, prepare, start } from "./hookbench";

test("an agent on the TypeScript SDK lists and calls tools, and receives a request", async () => {
  const data = mkdtempSync(join(tmpdir(), "hookbench-mcp-"));
  await prepare(data);
  const client = new Client({ name: "test", version: "1" });
  // No other Hookbench runs, so the server has its own listener.
  await client.connect(new StdioClientTransport({ command: BINARY, args: ["mcp", "--data", data], stderr: "ignore" }));
  const text = async (name: string, args: Record<string, unknown>): Promise<string> => {
    const result = await client.callTool({ name, arguments: args });
    return (result.content as { text: string }[]).map((block) => block.text).join("\n");
  };
  try {
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toContain("wait_for_request");
    expect(tools.every(({ annotations }) => annotations?.readOnlyHint)).toBe(true);
    expect(client.getInstructions()).toContain("--allow-write");
    const listener = /reach an inbox at (\S+)\/NAME/.exec(await text("list_inboxes", {}))?.[1];
    expect(listener).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const waiting = text("wait_for_request", { query: "body.order:7", since: "1m", timeout_s: 20 });
    await fetch(`${listener}/inbox`, { method: "POST", body: '{"order":7}' });
    expect(await waiting).toContain('"complete":true');
    const { resources } = await client.listResources();
    const read = await client.readResource({ uri: resources[0]!.uri });
    expect(JSON.stringify(read.contents)).toContain("not trusted");
    const { prompts } = await client.listPrompts();
    expect(prompts.map(({ name }) => name).sort()).toEqual([
      "why-did-this-webhook-fail",
      "write-a-handler-for-this-event",
    ]);
  } finally {
    await client.close();
    rmSync(data, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
  }
});

test("an agent on the TypeScript SDK uses the server over HTTP", async () => {
  const hookbench = await start("browser");
  const client = new Client({ name: "test", version: "1" });
  try {
    const { api } = JSON.parse(readFileSync(join(hookbench.data, "engine.json"), "utf8")) as { api: string };
    const token = readFileSync(join(hookbench.data, "token"), "utf8");
    const requestInit = { headers: { authorization: `Bearer ${token}` } };
    await client.connect(new StreamableHTTPClientTransport(new URL(`${api}/mcp`), { requestInit }));
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toContain("wait_for_request");
    const waiting = client.callTool({
      name: "wait_for_request",
      arguments: { query: "body.order:8", since: "1m", timeout_s: 20 },
    });
    await fetch(`${hookbench.listener}/inbox`, { method: "POST", body: '{"order":8}' });
    expect(JSON.stringify((await waiting).content)).toContain('\\"complete\\":true');
  } finally {
    await client.close();
    await hookbench.stop();
  }
});
