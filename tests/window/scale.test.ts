/** Scale: a hundred thousand rows scroll, a 12 MB body opens, and the page fits a narrow window. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { start, until, type Running } from "./hookbench";
import { closeLargeJson, openLargeJson, SCROLL, sendLargeJson } from "./large";
import { Key, press, rows, screenshot, seen, sees, serious } from "./page";

describe("scale in the window", () => {
  let hookbench: Running;
  beforeAll(async () => {
    hookbench = await start("window");
  });
  afterAll(() => hookbench?.stop());

  test("keeps the scroll position when requests arrive or are deleted", async () => {
    const { driver } = hookbench;
    // Sequential requests keep their order, which the assertions depend on.
    const send = async (count: number) => {
      for (let n = 0; n < count; n++) await fetch(`${hookbench.listener}/inbox/${n}`, { method: "POST", body: "x" });
    };
    await send(100);
    await until("the rows", async () => (await rows(driver)).length > 10);
    await until("the end of the checklist", async () => !(await seen(driver)).includes("Set up this inbox"));
    await until("the list to scroll", () =>
      driver.executeScript<boolean>(
        "const list = document.querySelector('[data-testid=requests]'); list.scrollTop = 1000; return list.scrollTop === 1000",
      ),
    );
    const before = await until("stable rows", async () => {
      const [now, then] = [await rows(driver), await rows(driver)];
      return now.length > 10 && !now.some((row) => row.includes(" /99 ")) && now.join() === then.join() && now;
    });
    const top = await driver.executeScript<number>("return document.querySelector('[data-testid=requests]').scrollTop");
    await send(12);
    await sees(driver, "12 new");
    expect(
      await driver.executeScript<number>("return document.querySelector('[data-testid=requests]').scrollTop"),
    ).toBe(top);
    const paths = (all: string[]) => all.map((row) => / \/\d+ /.exec(row)?.[0].trim());
    // The number of rows outside the visible part can differ.
    expect(paths(await rows(driver)).slice(0, 30)).toEqual(paths(before).slice(0, 30));
    // A deleted row disappears in place, and other rows only move up.
    const shown = await rows(driver);
    const middle = Math.floor(shown.length / 2);
    const gone = paths(shown)[middle]!;
    const { items } = await hookbench.api<{ items: { id: string; target: string }[] }>("/requests?limit=200");
    await hookbench.api(`/requests/${items.findLast(({ target }) => target === `/inbox${gone}`)!.id}`, {
      method: "DELETE",
    });
    await until("the end of the row", async () => !(await rows(driver)).some((row) => row.includes(`${gone} `)));
    expect(
      await driver.executeScript<number>("return document.querySelector('[data-testid=requests]').scrollTop"),
    ).toBe(top);
    expect(paths(await rows(driver)).slice(0, middle)).toEqual(paths(shown).slice(0, middle));
    await sees(driver, "12 new");
    await press(driver, Key.HOME);
    await until("the top", () =>
      driver.executeScript<boolean>("return document.querySelector('[data-testid=requests]').scrollTop === 0"),
    );
  });

  test("parses a 12 MB JSON body in a worker and renders only visible rows", async () => {
    const { driver } = hookbench;
    await sendLargeJson(hookbench);
    // `bench window` measures the time. This test checks what makes it fast.
    await driver.executeScript(`
      const parse = JSON.parse;
      window.parsed = 0;
      JSON.parse = (text, ...rest) => {
        window.parsed = Math.max(window.parsed, String(text).length);
        return parse(text, ...rest);
      };
    `);
    await openLargeJson(driver);
    const { parsed, drawn } = await driver.executeScript<{ parsed: number; drawn: string[] }>(
      "return { parsed: window.parsed, drawn: [...document.querySelectorAll('[role=treeitem]')].map((item) => item.innerText) }",
    );
    expect(parsed).toBeLessThan(100_000);
    expect(drawn.length).toBeLessThan(200);
    expect(drawn.join("\n")).toContain("[60000]");
    await closeLargeJson(driver);
  });

  test("shows one pane at a time in a narrow window, without serious axe violations", async () => {
    const { driver } = hookbench;
    await driver.manage().window().setRect({ width: 740, height: 600 });
    await press(driver, "j");
    await sees(driver, "Copy as");
    expect(await serious(driver)).toEqual([]);
    const width =
      "return document.querySelector('article[aria-label=Request]').offsetWidth / document.querySelector('main').offsetWidth";
    await until("the detail to fill the window", async () => (await driver.executeScript<number>(width)) > 0.95);
    if (process.env.HOOKBENCH_SHOTS) await screenshot(driver, `${process.env.HOOKBENCH_SHOTS}/narrow-detail.png`);
    await press(driver, Key.ESCAPE);
    await until("the list", async () => (await rows(driver)).length > 3);
  });

  test("uses the fast IPC protocol", async () => {
    const { driver } = hookbench;
    // Tauri silently falls back to slow JSON messages if its custom protocol is blocked.
    const scheme = await driver.executeAsyncScript<string>(`
      const done = arguments[arguments.length - 1];
      const real = window.fetch;
      let used = "messages";
      window.fetch = (...args) => real(...args).then((response) => {
        if (response.ok && String(args[0]).startsWith("ipc:")) used = "ipc";
        return response;
      });
      window.__TAURI_INTERNALS__.invoke("api", new Uint8Array(), { headers: { "x-method": "GET", "x-path": "/api/v1/status" } })
        .then(() => used, String).then((how) => { window.fetch = real; done(how); });
    `);
    expect(scheme).toBe("ipc");
  });
});

describe("a hundred thousand stored requests", () => {
  const STORED = 100_000;

  test("shows the right rows at any scroll position", async () => {
    const hookbench = await start("window", { filled: STORED });
    const { driver } = hookbench;
    try {
      await until("the rows", async () => (await rows(driver)).length > 10);
      for (const share of [0.5, 0.9, 1, 0.25, 0]) {
        const wanted = await driver.executeScript<number>(`
          const list = document.querySelector("[data-testid=requests]");
          list.scrollTop = ${share} * (list.scrollHeight - list.clientHeight);
          return Math.floor(list.scrollTop / document.querySelector("[role=option]").offsetHeight);
        `);
        // The newest row has the number STORED - 1, so the number of a row gives its index.
        await until(`the rows at ${share}`, async () => {
          const places = (await rows(driver)).map((row) => STORED - 1 - Number(/\/orders\/(\d+)/.exec(row)?.[1]));
          return (
            places.length > 10 &&
            places.includes(wanted) &&
            places.every((place, at) => at === 0 || Math.abs(place - places[0]!) < 60)
          );
        });
      }
      // Rendered rows cost frame time, so only rows around the visible part are rendered.
      await driver.executeAsyncScript(SCROLL);
      expect((await rows(driver)).length).toBeLessThan(100);
    } finally {
      await hookbench.stop();
    }
  });
});

/** Returns true if a file of the web view contains a text, in one of its two encodings. */
function written(folder: string, text: string): boolean {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.some(({ parentPath, name }) => {
    try {
      const bytes = readFileSync(join(parentPath, name));
      return bytes.includes(Buffer.from(text, "utf16le")) || bytes.includes(text);
    } catch {
      // The file was deleted meanwhile.
      return false;
    }
  });
}

describe("the window restores its state", () => {
  test("restores inbox, request and appearance", async () => {
    const first = await start("window");
    const data = first.data;
    let address = "";
    try {
      await fetch(`${first.listener}/inbox/kept`, { method: "POST", body: "kept" });
      await until("the row", async () => (await rows(first.driver)).length === 1);
      await press(first.driver, "j", "g", "r");
      await sees(first.driver, "Copy as");
      address = await first.driver.executeScript<string>("return location.pathname");
      // The web view writes its storage with a delay, and this test ends it like a crash.
      await until("the address on disk", async () => written(join(data, "page"), address));
    } finally {
      await first.driver.quit();
    }
    const again = await start("window", { data });
    try {
      await sees(again.driver, "Copy as");
      expect(
        await again.driver.executeScript("return [location.pathname, document.documentElement.dataset.density]"),
      ).toEqual([address, "compact"]);
    } finally {
      await again.stop();
      await first.stop();
    }
  });
});
