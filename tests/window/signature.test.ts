/** Verdicts in the window: who sent it, what happened, whether it holds, and why not. */
import { createHmac } from "node:crypto";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { DOORS, start, until, type Running } from "./hookbench";
import { choose, chord, click, Key, noDialog, press, rows, screenshot, seen, sees, serious, setTheme } from "./page";

const SECRET = "5ec2e75ec2e75ec2e75ec2e75ec2e75ec2e7";
const BODY = '{"event":"chat.closed","data":{"chat":{"id":"c_42"}}}';

describe.each(DOORS)("verdicts in the %s", (door) => {
  let hookbench: Running;
  beforeAll(async () => {
    hookbench = await start(door);
    await sees(hookbench.driver, "Listening.");
  });
  afterAll(() => hookbench?.stop());

  const send = (body: string, signed = BODY) =>
    fetch(`${hookbench.receiver}/inbox`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "x-owc-event": "chat.closed",
        "x-owc-delivery": "d-1",
        "x-owc-signature": createHmac("sha256", SECRET).update(signed).digest("hex"),
      },
      body,
    });

  test("a sender is recognised, and the tab says how to verify", async () => {
    const { driver } = hookbench;
    await send(BODY);
    await until("the event type", async () => (await rows(driver))[0]?.includes("chat.closed"));
    await press(driver, Key.HOME);
    await sees(driver, "Copy as curl");
    await click(driver, "Signature");
    await sees(driver, "This looks like onwebchat. It is not verified yet.");
  });

  test("with provider and secret set in the form, stored and new requests are judged", async () => {
    const { driver } = hookbench;
    await click(driver, "Set");
    await sees(driver, "Who sends here");
    await choose(driver, "Provider", "onweb", "onWebChat");
    await until("the secret's field", () =>
      driver.executeScript<boolean>(
        "const field = document.querySelector('[role=dialog] input[type=password]'); field?.focus(); return Boolean(field)",
      ),
    );
    await press(driver, SECRET);
    expect(await serious(driver)).toEqual([]);
    await press(driver, Key.ENTER);
    await noDialog(driver);
    await until("the verdict", async () => (await rows(driver))[0]?.includes("valid"));
    await sees(driver, "The signature holds.");
    if (process.env.HOOKBENCH_SHOTS)
      await screenshot(driver, `${process.env.HOOKBENCH_SHOTS}/${door}-signature-valid.png`);
  });

  test("a body changed after signing says so in one sentence, with both digests and the content", async () => {
    const { driver } = hookbench;
    await send(BODY.replaceAll(":", ": "));
    await until("the verdict", async () => (await rows(driver))[0]?.includes("invalid"));
    await press(driver, Key.HOME);
    await sees(driver, "it matches the signature as compact JSON");
    const text = await seen(driver);
    expect(text).toContain(createHmac("sha256", SECRET).update(BODY).digest("hex"));
    expect(text).toContain(createHmac("sha256", SECRET).update(BODY.replaceAll(":", ": ")).digest("hex"));
    expect(text).not.toContain(SECRET);
    for (const theme of ["light", "dark"] as const) {
      await setTheme(driver, theme);
      expect(await serious(driver)).toEqual([]);
      if (process.env.HOOKBENCH_SHOTS)
        await screenshot(driver, `${process.env.HOOKBENCH_SHOTS}/${door}-${theme}-signature.png`);
    }
  });

  test("code that verifies it is there in seven languages", async () => {
    const { driver } = hookbench;
    await sees(driver, "Verify it in your own code");
    await sees(driver, "timingSafeEqual");
    await click(driver, "Ruby");
    await sees(driver, "OpenSSL.secure_compare");
    const languages = await driver.executeScript<number>(
      "return document.querySelectorAll('[aria-label=Language] [role=radio]').length",
    );
    expect(languages).toBe(7);
  });

  test("an unknown sender's scheme is found, judged while it is described, and saved as a provider", async () => {
    const { driver } = hookbench;
    await hookbench.api("/inboxes", { method: "POST", body: JSON.stringify({ name: `own-${door}` }) });
    const at = String(Math.floor(Date.now() / 1000));
    const signature = createHmac("sha256", SECRET).update(`${at}.${BODY}`).digest("base64");
    await fetch(`${hookbench.receiver}/own-${door}`, {
      method: "POST",
      headers: { "x-acme-time": at, "x-acme-signature": `v1=${signature}` },
      body: BODY,
    });
    await click(driver, `own-${door}`);
    await until("the request", async () => (await rows(driver)).length === 1);
    await press(driver, Key.HOME);
    await sees(driver, "Nothing says who signs here.");
    await click(driver, "Find or describe the scheme");
    await sees(driver, "A scheme of your own");
    await until("the secret's field", () =>
      driver.executeScript<boolean>(
        "const field = document.querySelector('[role=dialog] input[type=password]'); field?.focus(); return Boolean(field)",
      ),
    );
    await press(driver, SECRET);
    await sees(driver, "is not hex");
    await click(driver, "Find the scheme");
    await sees(driver, "Found: the form says how it is signed.");
    await sees(driver, "The signature holds.");
    expect(await serious(driver)).toEqual([]);
    if (process.env.HOOKBENCH_SHOTS) await screenshot(driver, `${process.env.HOOKBENCH_SHOTS}/${door}-own-scheme.png`);
    await until("the name's field", () =>
      driver.executeScript<boolean>(
        "const field = [...document.querySelectorAll('[role=dialog] input')].at(-1); field?.focus(); return Boolean(field)",
      ),
    );
    await press(driver, `Acme ${door}`);
    await press(driver, Key.ENTER);
    await noDialog(driver);
    await until("the verdict", async () => (await rows(driver))[0]?.includes("valid"));
    await click(driver, "inbox");
    await press(driver, Key.HOME);
  });

  test("the lab judges a pasted request and keeps nothing", async () => {
    const { driver } = hookbench;
    const stored = (await hookbench.api<{ requests: number }>("/status")).requests;
    await press(driver, "g", "l");
    await sees(driver, "Nothing here is stored.");
    await click(driver, "Example");
    await until("the secret's field", () =>
      driver.executeScript<boolean>(
        "const field = document.querySelector('main input[type=password]'); field?.focus(); return Boolean(field)",
      ),
    );
    await press(driver, "It's a Secret to Everybody");
    await chord(driver, Key.CONTROL, Key.ENTER);
    await sees(driver, "The signature holds.");
    await press(driver, "!");
    await click(driver, "Verify");
    await sees(driver, "The signature does not match");
    await click(driver, "Sign");
    await sees(driver, "What signing adds");
    expect(await serious(driver)).toEqual([]);
    if (process.env.HOOKBENCH_SHOTS) await screenshot(driver, `${process.env.HOOKBENCH_SHOTS}/${door}-lab.png`);
    expect((await hookbench.api<{ requests: number }>("/status")).requests).toBe(stored);
  });
});
