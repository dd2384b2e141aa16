/** What differs from the schema of an imported event is shown with the request. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { BINARY, TRANSPORTS, start, until, type Running } from "./hookbench";
import { button, choose, chord, click, Key, press, screenshot, seen, sees, serious, setTheme } from "./page";

const SCHEMA = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "An order was paid",
  type: "object",
  required: ["id", "type", "data"],
  properties: {
    id: { type: "string" },
    type: { const: "order.paid" },
    data: {
      type: "object",
      required: ["total", "currency"],
      properties: { total: { type: "number" }, currency: { enum: ["EUR", "USD"] } },
    },
  },
};

describe.each(TRANSPORTS)("an imported event in the %s", (transport) => {
  let hookbench: Running;
  const folder = mkdtempSync(join(tmpdir(), "hookbench-events-"));
  const post = (body: unknown) => fetch(`${hookbench.listener}/inbox`, { method: "POST", body: JSON.stringify(body) });
  const shot = async (name: string): Promise<void> => {
    if (process.env.HOOKBENCH_SHOTS)
      await screenshot(hookbench.driver, `${process.env.HOOKBENCH_SHOTS}/${transport}-events-${name}.png`);
  };

  beforeAll(async () => {
    hookbench = await start(transport);
    await hookbench.driver.manage().window().setRect({ width: 1280, height: 820 });
    writeFileSync(join(folder, "order.paid.json"), JSON.stringify(SCHEMA));
    const run = (...args: string[]) => execFileSync(BINARY, [...args, "--data", hookbench.data], { cwd: folder });
    run("provider", "import", folder, "--id", "acme", "--name", "Acme");
    run("inbox", "set", "inbox", "--provider", "acme");
    await post({ id: "evt_1", type: "order.paid", data: { total: 9.9, currency: "EUR" } });
    await post({ id: "evt_1", type: "order.paid", data: { total: "9.90", currency: "GBP" } });
  });
  afterAll(async () => {
    await hookbench?.stop();
    rmSync(folder, { recursive: true });
  });

  test("shows the differences of the payload, and none of a valid one", async () => {
    const { driver } = hookbench;
    await click(driver, "inbox");
    await press(driver, Key.HOME);
    await sees(driver, "2 differences from the schema");
    await sees(driver, "Hookbench knows no signature scheme of this provider.");
    const opens = await button(driver, "2 differences from the schema of order.paid that Acme publishes");
    expect(await opens.getAttribute("aria-expanded")).toBe("false");
    await opens.click();
    await sees(driver, /data\.currency\s+"GBP" is not one of "EUR" or "USD"/);
    expect(await serious(driver)).toEqual([]);
    await shot("differences");
    await setTheme(driver, "dark");
    expect(await serious(driver)).toEqual([]);
    await shot("differences-dark");
    await setTheme(driver, "light");
    await click(driver, "Timeline");
    await sees(driver, "payload changed");
    await sees(driver, /data\.total\s+"9.90" is not of type "number"/);
    await shot("timeline");
    await press(driver, "j");
    await sees(driver, /first/);
    await until("the valid request", async () => !(await seen(driver)).includes("2 differences from the schema of"));
  });

  test("sends a sample of the event", async () => {
    const { driver } = hookbench;
    await click(driver, "Deliveries");
    await chord(driver, Key.SHIFT, "S");
    await choose(driver, "Send as", "acme", "Acme");
    await sees(driver, /"type": "order\.paid"/);
    await shot("composer");
  });
});
