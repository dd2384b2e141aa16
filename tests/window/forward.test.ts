/** Response rules, forwards and replays by keyboard, in the desktop window and in a browser. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { By, Key } from "selenium-webdriver";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { TRANSPORTS, start, until, type Running } from "./hookbench";
import { chord, click, noDialog, press, rows, screenshot, sees, serious, setTheme } from "./page";

const shots = process.env.HOOKBENCH_SHOTS;

describe.each(TRANSPORTS)("response rules, forwards and replays in the %s", (transport) => {
  let hookbench: Running;
  let app: Server;
  const got: { path: string; body: string }[] = [];
  let status = 202;
  const shot = async (name: string): Promise<void> => {
    if (shots) await screenshot(hookbench.driver, `${shots}/${transport}-forward-${name}.png`);
  };
  const send = (path: string, body: object) =>
    fetch(`${hookbench.listener}/inbox${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const to = (): string => `http://127.0.0.1:${(app.address() as AddressInfo).port}`;
  const fill = (label: string, text: string): Promise<unknown> =>
    hookbench.driver.executeScript(
      `const input = [...document.querySelectorAll('input,textarea')].find((one) => one.getAttribute('aria-label') === arguments[0] || one.labels?.[0]?.textContent === arguments[0]);
       const set = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(input), 'value').set;
       set.call(input, arguments[1]);
       input.dispatchEvent(new Event('input', { bubbles: true }));`,
      label,
      text,
    );

  beforeAll(async () => {
    app = createServer((request, response) => {
      let body = "";
      request.on("data", (piece: Buffer) => (body += piece.toString()));
      request.on("end", () => {
        got.push({ path: request.url!, body });
        response.writeHead(status).end(`effect ${got.length} of the app`);
      });
    });
    await new Promise<void>((listening) => app.listen(0, "127.0.0.1", listening));
    hookbench = await start(transport);
    await sees(hookbench.driver, "Nothing has arrived yet");
  });
  afterAll(async () => {
    await hookbench?.stop();
    app.close();
  });

  test("creates a rule and a forward, and shows their responses", async () => {
    const { driver } = hookbench;
    await setTheme(driver, "dark");
    await press(driver, "o");
    await sees(driver, "the first match responds");
    await click(driver, "Add");
    await click(driver, "Fixed");
    await sees(driver, "New rule");
    await fill("Name", "teapot");
    await driver.executeScript(
      "const input = document.querySelector('[data-modal] [placeholder^=\"event:chat\"]'); Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(input, 'path:/tea'); input.dispatchEvent(new Event('input', { bubbles: true }));",
    );
    await fill("Status", "418");
    expect(await serious(driver)).toEqual([]);
    await shot("rule-dark");
    await click(driver, "Save");
    await noDialog(driver);
    await sees(driver, "teapot");
    await click(driver, "Add");
    await click(driver, "Mirror");
    await sees(driver, "New forward");
    await fill("To", to());
    await driver.executeScript(
      "for (const more of document.querySelectorAll('[data-modal] details')) more.open = true",
    );
    await fill("Remove headers of forward 1", "X-Secret-Thing, Cookie");
    await fill("Retry schedule of forward 1", "1 s, 2 s");
    await fill("Body template of forward 1", '{"number":{{ request.json.n }}}');
    await driver.executeScript("[...document.querySelectorAll('[data-modal] details')].at(-1).scrollIntoView()");
    await shot("templates-dark");
    expect(await serious(driver)).toEqual([]);
    await click(driver, "Save");
    await noDialog(driver);
    await sees(driver, to());
    for (const theme of ["dark", "light"] as const) {
      await setTheme(driver, theme);
      expect(await serious(driver)).toEqual([]);
      await shot(`rules-${theme}`);
    }
    await press(driver, Key.ESCAPE);
    await sees(driver, "Nothing has arrived yet");
    expect((await send("/tea", { n: 1 })).status).toBe(418);
    expect((await send("/order", { n: 2 })).status).toBe(200);
    await until("both copies", async () => got.length === 2);
    expect(got.map(({ path }) => path).toSorted()).toEqual(["/order", "/tea"]);
    expect(got.map(({ body }) => body).toSorted()).toEqual(['{"number":1}', '{"number":2}']);
    const [forward] = (
      await hookbench.api<{ forwards: { headers: { remove: string[] }; retries: unknown }[] }>("/inboxes/inbox")
    ).forwards;
    expect(forward).toMatchObject({ headers: { remove: ["X-Secret-Thing", "Cookie"] }, retries: { fixed: [1, 2] } });
    await until(
      "the app response in both rows",
      async () => (await rows(driver)).filter((row) => /app response\s*202/.test(row)).length === 2,
    );
    await press(driver, "j");
    await click(driver, "Response");
    await sees(driver, "teapot");
    await sees(driver, "Mirror");
    await click(driver, "Preview response");
    await sees(driver, "All conditions match.");
    await shot("response");
  });

  test("replays to the last target with R, and edits first with E", async () => {
    const { driver } = hookbench;
    await press(driver, "r");
    await sees(driver, "Responded with 202");
    expect(got.at(-1)).toEqual({ path: "/tea", body: '{"n":1}' });
    await press(driver, "e");
    await sees(driver, "The stored request is not changed");
    const body = await until("the editor", () =>
      driver.findElement(By.css(".compose .cm-content")).catch(() => undefined),
    );
    await body.sendKeys(Key.chord(Key.CONTROL, "a"));
    await body.sendKeys('{"n":"edited"}');
    await sees(driver, "Valid JSON");
    await shot("edit");
    expect(await serious(driver)).toEqual([]);
    await chord(driver, Key.CONTROL, Key.ENTER);
    await until("the edited request", async () => got.at(-1)?.body === '{"n":"edited"}');
    await sees(driver, /Response\s*202/);
    await sees(driver, "1 send of this draft");
    await shot("sent");
    await click(driver, "Back");
    await click(driver, "Timeline");
    await sees(driver, "replayed");
    await shot("timeline");
  });

  test("shows the request as code with W", async () => {
    const { driver } = hookbench;
    await press(driver, "w");
    await sees(driver, "curl --globoff");
    for (const [form, code] of [
      ["HTTPie", "http --ignore-stdin"],
      ["fetch", "await fetch("],
      ["Python", "import requests"],
      ["Go", "package main"],
      ["PowerShell", "Invoke-WebRequest"],
      ["Raw HTTP", "POST /inbox/tea HTTP/1.1"],
    ] as const) {
      await driver.executeScript(
        "[...document.querySelectorAll('[data-modal] [role=radio]')].find((one) => one.textContent === arguments[0]).click()",
        form,
      );
      await sees(driver, code);
    }
    await driver.executeScript(
      "[...document.querySelectorAll('[data-modal] [role=radio]')].find((one) => one.textContent === 'Python').click()",
    );
    await sees(driver, "import requests");
    expect(await serious(driver)).toEqual([]);
    await shot("code");
    await press(driver, Key.ESCAPE);
    await until("the end of the dialog", () =>
      driver.executeScript<boolean>("return !document.querySelector('[data-modal]')"),
    );
  });

  test("sends a request twice and compares the responses", async () => {
    const { driver } = hookbench;
    const before = got.length;
    await chord(driver, Key.SHIFT, "B");
    await sees(driver, "Send twice to test");
    await driver.executeScript(
      "[...document.querySelectorAll('[data-modal] [role=radio]')].find((one) => one.textContent.startsWith('Twice in')).click()",
    );
    await driver.executeScript("document.querySelector('[data-modal] details').open = true");
    expect(await serious(driver)).toEqual([]);
    await shot("twice");
    await click(driver, "Send");
    await sees(driver, "Compare responses");
    expect(got.length).toBe(before + 2);
    await click(driver, "Compare responses");
    await sees(driver, `effect ${before + 1} of the app`);
    await sees(driver, `effect ${before + 2} of the app`);
    await shot("compared");
    await press(driver, "g", "i");
    await until("the rows", () =>
      driver.executeScript<boolean>(
        "return document.querySelectorAll('[data-testid=requests] [role=option]').length === 2",
      ),
    );
  });

  test("replays a list and shows the report", async () => {
    const { driver } = hookbench;
    status = 500;
    await press(driver, Key.ESCAPE, "g", "y");
    await sees(driver, "Replays of stored requests");
    await press(driver, "g", "i");
    await until("the rows", () =>
      driver.executeScript<boolean>(
        "return document.querySelectorAll('[data-testid=requests] [role=option]').length === 2",
      ),
    );
    await press(driver, "b");
    await sees(driver, "Sends all requests in inbox");
    await shot("many");
    await click(driver, "Send all");
    await sees(driver, "2 failed");
    await noDialog(driver);
    await press(driver, "g", "y");
    await sees(driver, "done");
    await driver.executeScript("document.querySelector('section[aria-label=Replays] a').click()");
    await sees(driver, "Failures");
    expect(await serious(driver)).toEqual([]);
    await shot("report");
  });
});
