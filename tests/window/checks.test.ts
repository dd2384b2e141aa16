/** Handler checks by keyboard, through the real window and a browser, against a handler with one fault. */
import { spawn, type ChildProcess } from "node:child_process";
import { createConnection } from "node:net";
import { resolve } from "node:path";

import { Key } from "selenium-webdriver";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { DOORS, ended, freePort, start, until, type Running } from "./hookbench";
import { chord, click, pick, press, screenshot, sees, serious, setTheme } from "./page";

const shots = process.env.HOOKBENCH_SHOTS;
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/** A whole run takes its time: a burst, a slow upload, 25 MB. */
const RUN = 90_000;

describe.each(DOORS)("handler checks in the %s", (door) => {
  let hookbench: Running;
  let handler: ChildProcess;
  let url = "";
  const shot = async (name: string): Promise<void> => {
    if (shots) await screenshot(hookbench.driver, `${shots}/${door}-checks-${name}.png`);
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
      cwd: resolve(import.meta.dirname, "../receivers"),
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
    hookbench = await start(door);
    await sees(hookbench.driver, "Nothing has arrived yet");
  });
  afterAll(async () => {
    await hookbench?.stop();
    handler.kill();
    await ended(handler);
  });

  test(
    "a run says first what it sends, then what is wrong and what to do",
    async () => {
      const { driver } = hookbench;
      await press(driver, "g", "k");
      await sees(driver, "Is your webhook handler right?");
      await shot("empty");
      expect(await serious(driver)).toEqual([]);
      await chord(driver, Key.SHIFT, "H");
      await sees(driver, "Show what will be sent");
      await click(driver, "Show what will be sent");
      await sees(driver, "does not begin with http:// or https://");
      await fill("URL of the handler", `${url}/webhook`);
      await fill("Secret the handler knows", SECRET);
      await fill("Effect probe", `${url}/effects`);
      await click(driver, "Show what will be sent");
      await sees(driver, "of 52 are not asked");
      expect(await serious(driver)).toEqual([]);
      await shot("plan");
      await click(driver, "Begin");
      await sees(driver, "Under way");
      await until(
        "the verdict",
        () => driver.executeScript<boolean>("return document.querySelector('article h2')?.textContent === 'Wrong'"),
        RUN,
      );
      await sees(driver, "Answer 2xx to what you do not handle.");
      for (const theme of ["dark", "light"] as const) {
        await setTheme(driver, theme);
        expect(await serious(driver)).toEqual([]);
        await shot(`report-${theme}`);
      }
      await driver.executeScript("document.querySelector('section[aria-label=Failed] summary').click()");
      await sees(driver, "hookbench.something_new");
      await sees(driver, "answered 500");
      await shot("failed");
      const failed = await driver.executeScript<number>(
        "return document.querySelectorAll('section[aria-label=Failed] li').length",
      );
      expect(failed).toBe(1);
      await click(driver, "Ask this again");
      await until(
        "it again",
        async () =>
          (
            await hookbench.api<{ items: { ended_at: string | null; counts: { fail: number } }[] }>("/checks")
          ).items.every((run) => run.ended_at && run.counts.fail === 1),
        RUN,
      );
    },
    2 * RUN,
  );

  test("an endpoint is checked from its page", async () => {
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
    await click(driver, "Show what will be sent");
    await sees(driver, "one after the other");
    await click(driver, "Begin");
    await sees(driver, "Under way");
    await click(driver, "Cancel");
    await sees(driver, "Not finished");
    await pick(driver, "[aria-label='Compare with']", /, /);
    await sees(driver, "Since the run of");
    await shot("compared");
  });
});
