/** Signature status in the page: provider, event type, verification and explanation. */
import { createHmac } from "node:crypto";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { TRANSPORTS, start, until, type Running } from "./hookbench";
import { choose, chord, click, Key, noDialog, press, rows, screenshot, seen, sees, serious, setTheme } from "./page";

const SECRET = "5ec2e75ec2e75ec2e75ec2e75ec2e75ec2e7";
const BODY = '{"event":"chat.closed","data":{"chat":{"id":"c_42"}}}';

describe.each(TRANSPORTS)("signatures in the %s", (transport) => {
  let hookbench: Running;
  beforeAll(async () => {
    hookbench = await start(transport);
    await sees(hookbench.driver, "Listening.");
  });
  afterAll(() => hookbench?.stop());

  const send = (body: string, signed = BODY) =>
    fetch(`${hookbench.listener}/inbox`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "x-owc-event": "chat.closed",
        "x-owc-delivery": "d-1",
        "x-owc-signature": createHmac("sha256", SECRET).update(signed).digest("hex"),
      },
      body,
    });

  test("detects the provider and explains how to verify", async () => {
    const { driver } = hookbench;
    await send(BODY);
    await until("the event type", async () => (await rows(driver))[0]?.includes("chat.closed"));
    await press(driver, Key.HOME);
    await sees(driver, "Copy as");
    await click(driver, "Signature");
    await sees(driver, "Detected provider: onwebchat. Not verified yet.");
  });

  test("verifies stored and new requests after provider and secret are set", async () => {
    const { driver } = hookbench;
    await click(driver, "Set up verification");
    await sees(driver, "Signing secret of");
    await choose(driver, "Provider", "onweb", "onWebChat");
    await until("the secret field", () =>
      driver.executeScript<boolean>(
        "const field = document.querySelector('[role=dialog] input[type=password]'); field?.focus(); return Boolean(field)",
      ),
    );
    await press(driver, SECRET);
    expect(await serious(driver)).toEqual([]);
    await press(driver, Key.ENTER);
    await noDialog(driver);
    await until("the signature status", async () => (await rows(driver))[0]?.includes("valid"));
    await sees(driver, "Signed by onWebChat.");
    if (process.env.HOOKBENCH_SHOTS)
      await screenshot(driver, `${process.env.HOOKBENCH_SHOTS}/${transport}-signature-valid.png`);
  });

  test("explains a changed body with both digests and the signed payload", async () => {
    const { driver } = hookbench;
    await send(BODY.replaceAll(":", ": "));
    await until("the signature status", async () => (await rows(driver))[0]?.includes("invalid"));
    await press(driver, Key.HOME);
    await sees(driver, "it matches the signature as compact JSON");
    const text = await seen(driver);
    // The digests are shown in groups, whose gaps are no spaces in copied text.
    const digests = text.replace(/\s+/g, "");
    expect(digests).toContain(createHmac("sha256", SECRET).update(BODY).digest("hex"));
    expect(digests).toContain(createHmac("sha256", SECRET).update(BODY.replaceAll(":", ": ")).digest("hex"));
    expect(text).not.toContain(SECRET);
    for (const theme of ["light", "dark"] as const) {
      await setTheme(driver, theme);
      expect(await serious(driver)).toEqual([]);
      if (process.env.HOOKBENCH_SHOTS)
        await screenshot(driver, `${process.env.HOOKBENCH_SHOTS}/${transport}-${theme}-signature.png`);
    }
  });

  test("shows verification code in seven languages", async () => {
    const { driver } = hookbench;
    await sees(driver, "Verify in your code");
    await sees(driver, "timingSafeEqual");
    await click(driver, "Ruby");
    await sees(driver, "OpenSSL.secure_compare");
    const languages = await driver.executeScript<number>(
      "return document.querySelectorAll('[aria-label=Language] [role=radio]').length",
    );
    expect(languages).toBe(7);
  });

  test("finds the scheme of an unknown sender and saves it as a provider", async () => {
    const { driver } = hookbench;
    await hookbench.api("/inboxes", { method: "POST", body: JSON.stringify({ name: `own-${transport}` }) });
    const at = String(Math.floor(Date.now() / 1000));
    const signature = createHmac("sha256", SECRET).update(`${at}.${BODY}`).digest("base64");
    await fetch(`${hookbench.listener}/own-${transport}`, {
      method: "POST",
      headers: { "x-acme-time": at, "x-acme-signature": `v1=${signature}` },
      body: BODY,
    });
    await click(driver, `own-${transport}`);
    await until("the request", async () => (await rows(driver)).length === 1);
    await press(driver, Key.HOME);
    await sees(driver, "No provider is known for this request.");
    await click(driver, "Find signature scheme");
    await sees(driver, "Custom signature scheme");
    await until("the secret field", () =>
      driver.executeScript<boolean>(
        "const field = document.querySelector('[role=dialog] input[type=password]'); field?.focus(); return Boolean(field)",
      ),
    );
    await press(driver, SECRET);
    await sees(driver, "is not valid hex");
    await click(driver, "Find scheme");
    await sees(driver, "Scheme found. The fields below describe it.");
    await sees(driver, "The signature is valid.");
    expect(await serious(driver)).toEqual([]);
    if (process.env.HOOKBENCH_SHOTS)
      await screenshot(driver, `${process.env.HOOKBENCH_SHOTS}/${transport}-own-scheme.png`);
    await until("the name field", () =>
      driver.executeScript<boolean>(
        "const field = [...document.querySelectorAll('[role=dialog] input')].at(-1); field?.focus(); return Boolean(field)",
      ),
    );
    await press(driver, `Acme ${transport}`);
    await press(driver, Key.ENTER);
    await noDialog(driver);
    await until("the signature status", async () => (await rows(driver))[0]?.includes("valid"));
    await click(driver, "inbox");
    await press(driver, Key.HOME);
  });

  test("verifies a pasted request in the debugger without storing it", async () => {
    const { driver } = hookbench;
    const stored = (await hookbench.api<{ requests: number }>("/status")).requests;
    await press(driver, "g", "l");
    await sees(driver, "Nothing here is stored.");
    await click(driver, "Load example");
    await until("the secret field", () =>
      driver.executeScript<boolean>(
        "const field = document.querySelector('main input[type=password]'); field?.focus(); return Boolean(field)",
      ),
    );
    await press(driver, "It's a Secret to Everybody");
    await chord(driver, Key.CONTROL, Key.ENTER);
    await sees(driver, "The signature is valid.");
    await press(driver, "!");
    await click(driver, "Verify");
    await sees(driver, "The signature does not match");
    await click(driver, "Sign");
    await sees(driver, "Added by signing");
    expect(await serious(driver)).toEqual([]);
    if (process.env.HOOKBENCH_SHOTS)
      await screenshot(driver, `${process.env.HOOKBENCH_SHOTS}/${transport}-debugger.png`);
    expect((await hookbench.api<{ requests: number }>("/status")).requests).toBe(stored);
  });
});
