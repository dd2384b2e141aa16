/** Rules, forwards and replays, by keyboard, through the real window and a browser. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { By, Key } from "selenium-webdriver";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { DOORS, start, until, type Running } from "./hookbench";
import { click, noDialog, press, rows, screenshot, sees, serious, setTheme } from "./page";

const shots = process.env.HOOKBENCH_SHOTS;

describe.each(DOORS)("rules, forwards and replays in the %s", (door) => {
  let hookbench: Running;
  let app: Server;
  const got: { path: string; body: string }[] = [];
  let status = 202;
  const shot = async (name: string): Promise<void> => {
    if (shots) await screenshot(hookbench.driver, `${shots}/${door}-onward-${name}.png`);
  };
  const send = (path: string, body: object) =>
    fetch(`${hookbench.receiver}/inbox${path}`, {
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
    hookbench = await start(door);
    await sees(hookbench.driver, "Nothing has arrived yet");
  });
  afterAll(async () => {
    await hookbench?.stop();
    app.close();
  });

  test("a rule and a forward are made, and the row and its Answer tab say what came of them", async () => {
    const { driver } = hookbench;
    await setTheme(driver, "dark");
    await press(driver, "o");
    await sees(driver, "The first rule that matches answers");
    await click(driver, "Add rule");
    await fill("Name of rule 1", "teapot");
    await fill("Status", "418");
    await click(driver, "Add forward");
    await fill("To", to());
    await until("two conditions", () =>
      driver.executeScript<boolean>("return document.querySelectorAll('[placeholder^=\"event:chat\"]').length === 2"),
    );
    await driver.executeScript(
      "const input = document.querySelector('[placeholder^=\"event:chat\"]'); Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(input, 'path:/tea'); input.dispatchEvent(new Event('input', { bubbles: true }));",
    );
    await driver.executeScript(
      "for (const more of document.querySelectorAll('[data-modal] details')) more.open = true",
    );
    await fill("Headers left out of forward 1", "X-Secret-Thing, Cookie");
    await fill("Tried again after of forward 1", "1 s, 2 s");
    expect(await serious(driver)).toEqual([]);
    await shot("rules-dark");
    await click(driver, "Save");
    await sees(driver, "Rules and forwards saved");
    await setTheme(driver, "light");
    await press(driver, "o");
    await sees(driver, "The first rule that matches answers");
    expect(await serious(driver)).toEqual([]);
    await shot("rules-light");
    await driver.executeScript("document.querySelector('[data-modal] [aria-label=Close]').click()");
    await until("the dialog's end", () =>
      driver.executeScript<boolean>("return !document.querySelector('[data-modal]')"),
    );
    expect((await send("/tea", { n: 1 })).status).toBe(418);
    expect((await send("/order", { n: 2 })).status).toBe(200);
    await until("both copies", async () => got.length === 2);
    expect(got.map(({ path }) => path).toSorted()).toEqual(["/order", "/tea"]);
    const [forward] = (
      await hookbench.api<{ forwards: { headers: { remove: string[] }; retries: unknown }[] }>("/inboxes/inbox")
    ).forwards;
    expect(forward).toMatchObject({ headers: { remove: ["X-Secret-Thing", "Cookie"] }, retries: { fixed: [1, 2] } });
    await until(
      "what the app answered in both rows",
      async () => (await rows(driver)).filter((row) => /app answered\s*202/.test(row)).length === 2,
    );
    await press(driver, "j", "j");
    await click(driver, "Answer");
    await sees(driver, "Rule teapot");
    await sees(driver, "forwarded");
    await click(driver, "What would answer it now?");
    await sees(driver, "All of it matches.");
    await shot("answer");
  });

  test("R replays to where requests went last, E edits first", async () => {
    const { driver } = hookbench;
    await press(driver, "r");
    await sees(driver, "Answered 202");
    expect(got.at(-1)).toEqual({ path: "/tea", body: '{"n":1}' });
    await press(driver, "e");
    await sees(driver, "The stored request stays as it is");
    const body = await until("the editor", () =>
      driver.findElement(By.css("[data-modal] .cm-content")).catch(() => undefined),
    );
    await body.sendKeys(Key.chord(Key.CONTROL, "a"));
    await body.sendKeys('{"n":"edited"}');
    await driver.executeScript("document.querySelector('[aria-labelledby][role=switch]').click()");
    await shot("edit");
    await click(driver, "Send");
    await until("the edited one", async () => got.at(-1)?.body === '{"n":"edited"}');
    await click(driver, "Thread");
    await sees(driver, "replayed");
    await shot("thread");
  });

  test("W shows code that sends it again", async () => {
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
    await until("the dialog's end", () =>
      driver.executeScript<boolean>("return !document.querySelector('[data-modal]')"),
    );
  });

  test("delivered twice, both answers are compared", async () => {
    const { driver } = hookbench;
    const before = got.length;
    await press(driver, "e");
    await sees(driver, "Twice tells whether the receiver");
    await driver.executeScript(
      "[...document.querySelectorAll('[data-modal] [role=radio]')].find((one) => one.textContent.startsWith('twice, one')).click()",
    );
    await driver.executeScript("document.querySelector('[data-modal] details').open = true");
    expect(await serious(driver)).toEqual([]);
    await shot("twice");
    await driver.executeScript("document.querySelector('[aria-labelledby][role=switch]').click()");
    await click(driver, "Send");
    await sees(driver, "Compare both answers");
    expect(got.length).toBe(before + 2);
    await click(driver, "Compare both answers");
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

  test("a whole list is replayed, and its report is there", async () => {
    const { driver } = hookbench;
    status = 500;
    await press(driver, Key.ESCAPE, "g", "y");
    await sees(driver, "Stored requests that were sent again");
    await press(driver, "g", "i");
    await until("the rows", () =>
      driver.executeScript<boolean>(
        "return document.querySelectorAll('[data-testid=requests] [role=option]').length === 2",
      ),
    );
    await press(driver, "b");
    await sees(driver, "Sends everything in inbox");
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
