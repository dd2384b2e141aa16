/** Handler checks by keyboard, in the desktop window and in a browser, on a handler with one fault. */
import { spawn, type ChildProcess } from "node:child_process";
import { createConnection } from "node:net";
import { resolve } from "node:path";

import { Key } from "selenium-webdriver";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { TRANSPORTS, ended, freePort, start, until, type Running } from "./hookbench";
import { chord, click, pick, press, screenshot, sees, serious, setTheme } from "./page";

const shots = process.env.HOOKBENCH_SHOTS;
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/** Maximum duration of a run in ms. A run includes a burst, a slow upload and 25 MB. */
const RUN = 90_000;

describe.each(TRANSPORTS)("handler checks in the %s", (transport) => {
  let hookbench: Running;
  let handler: ChildProcess;
  let url = "";
  const shot = async (name: string): Promise<void> => {
    if (shots) await screenshot(hookbench.driver, `${shots}/${transport}-checks-${name}.png`);
  };
  const fill = (label: string, text: string): Promise<unknown> =>
    hookbench.driver.executeScript(
      `const input = [...document.querySelectorAll('input')].find((one) => one.labels?.[0]?.textContent === arguments[0]);
       Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(input, arguments[1]);
       input.dispatchEvent(new Event('input', { bubbles: true }));`,
      label,
      text,
    );

  beforeAll(async () => {
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    handler = spawn("node", ["checked.mjs"], {
      cwd: resolve(import.meta.dirname, "../handlers"),
      env: { ...process.env, PORT: String(port), WEBHOOK_SECRET: SECRET, FAULT: "unknown" },
      stdio: "ignore",
    });
    await until(
      "the handler",
      () =>
        new Promise<boolean>((done) => {
          const socket = createConnection(port, "127.0.0.1", () => (socket.destroy(), done(true)));
          socket.on("error", () => done(false));
        }),
    );
    hookbench = await start(transport);
    await sees(hookbench.driver, "Nothing has arrived yet");
  });
  afterAll(async () => {
    await hookbench?.stop();
    handler.kill();
    await ended(handler);
  });

  test(
    "previews the requests of a run, then reports faults and advice",
    async () => {
      const { driver } = hookbench;
      await press(driver, "g", "k");
      await sees(driver, "Test a webhook handler");
      await shot("empty");
      expect(await serious(driver)).toEqual([]);
      await chord(driver, Key.SHIFT, "H");
      await sees(driver, "Preview requests");
      await click(driver, "Preview requests");
      await sees(driver, "does not begin with http:// or https://");
      await fill("Handler URL", `${url}/webhook`);
      await fill("Signing secret", SECRET);
      await fill("Side-effect probe", `${url}/effects`);
      await click(driver, "Preview requests");
      await sees(driver, "of 52 skipped");
      expect(await serious(driver)).toEqual([]);
      await shot("plan");
      await click(driver, "Run checks");
      await sees(driver, "Running");
      await until(
        "the result",
        () => driver.executeScript<boolean>("return document.querySelector('article h2')?.textContent === 'Failed'"),
        RUN,
      );
      await sees(driver, "Respond with 2xx to event types that you do not handle.");
      for (const theme of ["dark", "light"] as const) {
        await setTheme(driver, theme);
        expect(await serious(driver)).toEqual([]);
        await shot(`report-${theme}`);
      }
      await driver.executeScript("document.querySelector('[aria-label=Failed] li summary').click()");
      await sees(driver, "hookbench.something_new");
      await sees(driver, "responded with 500");
      await shot("failed");
      const failed = await driver.executeScript<number>(
        "return document.querySelectorAll('[aria-label=Failed] li').length",
      );
      expect(failed).toBe(1);
      await click(driver, "Rerun check");
      await until(
        "the rerun",
        async () =>
          (
            await hookbench.api<{ items: { ended_at: string | null; counts: { fail: number } }[] }>("/checks")
          ).items.every((run) => run.ended_at && run.counts.fail === 1),
        RUN,
      );
    },
    2 * RUN,
  );

  test("checks an endpoint from its page", async () => {
    const { driver } = hookbench;
    await hookbench.api("/endpoints", {
      method: "POST",
      body: JSON.stringify({
        name: "mine",
        url: `${url}/webhook`,
        provider: "standard-webhooks",
        secrets: [{ value: SECRET }],
        local_test: true,
      }),
    });
    await press(driver, "g", "e");
    await sees(driver, "mine");
    await driver.executeScript(
      "[...document.querySelectorAll('a')].find((one) => one.textContent.includes('mine')).click()",
    );
    await click(driver, "Check handler");
    await click(driver, "Preview requests");
    await sees(driver, "one at a time");
    await click(driver, "Run checks");
    await sees(driver, "Running");
    await click(driver, "Cancel");
    await sees(driver, "Incomplete");
    await pick(driver, "[aria-label='Compare with']", /, /);
    await sees(driver, "Changes since the run of");
    await shot("compared");
  });
});
