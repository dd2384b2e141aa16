/** Searches by keyboard, in the desktop window and in a browser. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { TRANSPORTS, start, until, type Running } from "./hookbench";
import { chord, click, Key, noDialog, press, rows, screenshot, sees, serious, setTheme, type } from "./page";

const shots = process.env.HOOKBENCH_SHOTS;

describe.each(TRANSPORTS)("searches in the %s", (transport) => {
  let hookbench: Running;
  const send = (path: string, body: object, headers: Record<string, string> = {}) =>
    fetch(`${hookbench.listener}/${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
  const shot = async (name: string): Promise<void> => {
    if (shots) await screenshot(hookbench.driver, `${shots}/${transport}-query-${name}.png`);
  };
  const query = () =>
    hookbench.driver.executeScript<string>("return document.querySelector('[role=combobox][aria-label=Query]').value");
  const clear = async (): Promise<void> => {
    await press(hookbench.driver, "/");
    await until("an empty query", async () => {
      await press(hookbench.driver, Key.ESCAPE);
      return (await query()) === "";
    });
    await press(hookbench.driver, Key.ENTER);
  };

  beforeAll(async () => {
    hookbench = await start(transport);
    for (let n = 0; n < 12; n++)
      await send(
        `inbox/orders/${n}`,
        { event: n % 3 ? "order.paid" : "order.refunded", data: { id: n, customer: `Zoë ${n}` } },
        { "x-shop": n % 2 ? "north" : "south" },
      );
    await until("the rows", async () => (await rows(hookbench.driver)).length === 12);
  });
  afterAll(() => hookbench?.stop());

  test("searches while typing", async () => {
    const { driver } = hookbench;
    await press(driver, "/");
    await type(driver, '"ZOË 1', '"');
    await sees(driver, /\b3 of \d/);
    expect((await rows(driver)).map((row) => /orders\/\d+/.exec(row)![0])).toEqual([
      "orders/11",
      "orders/10",
      "orders/1",
    ]);
    await press(driver, Key.ENTER, "j");
    await sees(driver, "order.paid");
    await shot("text");
    await clear();
    await until("every row", async () => (await rows(driver)).length === 12);
  });

  test("completes fields, keys and values", async () => {
    const { driver } = hookbench;
    await press(driver, "/");
    await type(driver, "bod", Key.TAB);
    await until("the field", async () => (await query()) === "body.");
    await sees(driver, "data.customer:");
    await shot("completion");
    await type(driver, "data.id", Key.TAB);
    await until("the path", async () => (await query()) === "body.data.id:");
    await type(driver, "7 ");
    await sees(driver, /\b1 of \d/);
    expect(await rows(driver)).toEqual([expect.stringContaining("orders/7")]);
    await clear();
  });

  test("shows the error of an invalid query and suggests a correction", async () => {
    const { driver } = hookbench;
    await press(driver, "/");
    await type(driver, "evnt:order.paid");
    await sees(driver, "No such field");
    await shot("error");
    expect(await rows(driver), "keeps the earlier results").toHaveLength(12);
    await click(driver, "Use event:order.paid");
    await until("the query", async () => (await query()) === "event:order.paid");
    await clear();
  });

  test("adds new requests only if they match", async () => {
    const { driver } = hookbench;
    await press(driver, "/");
    await type(driver, "header.x-shop:east");
    await sees(driver, "No stored request matches");
    await send("inbox/orders/20", { event: "order.paid" }, { "x-shop": "west" });
    await send("inbox/orders/21", { event: "order.paid" }, { "x-shop": "east" });
    await until("the row", async () => (await rows(driver)).length === 1);
    expect(await rows(driver)).toEqual([expect.stringContaining("orders/21")]);
    await clear();
  });

  test("includes and excludes a value of a body", async () => {
    const { driver } = hookbench;
    await press(driver, Key.HOME);
    await sees(driver, "Copy as");
    await until("the tree", () =>
      driver.executeScript<boolean>(
        "const tree = document.querySelector('[role=tree]'); tree?.focus(); return Boolean(tree)",
      ),
    );
    await press(driver, Key.ARROW_DOWN);
    await click(driver, "Only this value");
    await until("the query", async () => (await query()) === "body.event:order.paid");
    await until("fewer rows", async () => (await rows(driver)).length === 10);
    await click(driver, "Not this value");
    await until("the query", async () => (await query()) === "-body.event:order.paid");
    await until("the others", async () => (await rows(driver)).length === 4);
    await clear();
  });

  test("saves a search with a count and an alert, and opens it", async () => {
    const { driver } = hookbench;
    await press(driver, "/");
    await type(driver, "body.event:order.refunded");
    await sees(driver, /\b4 of \d/);
    await chord(driver, Key.CONTROL, "s");
    await sees(driver, "Save search");
    await type(driver, "Refunds", Key.TAB, Key.TAB, Key.SPACE);
    await shot("save");
    await press(driver, Key.TAB, Key.ENTER);
    await noDialog(driver);
    await sees(driver, /Refunds\s*4/);
    await clear();
    await send("inbox/orders/30", { event: "order.refunded" });
    await sees(driver, "Refunds: POST /inbox/orders/30");
    await sees(driver, /Refunds\s*5/);
    await click(driver, "Refunds");
    await until("the query", async () => (await query()) === "body.event:order.refunded");
    await until("its rows", async () => (await rows(driver)).length === 5);
    const { items } = await hookbench.api<{ items: object[] }>("/saved-searches");
    expect(items).toEqual([{ name: "Refunds", query: "body.event:order.refunded", inbox: "inbox", alert: true }]);
  });

  test("shows duplicates and changed payloads in the timeline", async () => {
    const { driver } = hookbench;
    await hookbench.api("/inboxes", {
      method: "POST",
      body: JSON.stringify({ name: "repo", verification: { provider: "github" } }),
    });
    const push = (n: number) => send("repo", { n }, { "x-github-event": "push", "x-github-delivery": "d-1" });
    for (const n of [1, 1, 2]) await push(n);
    await click(driver, "repo");
    await until(
      "the marks",
      async () => (await rows(driver)).filter((row) => /push.*occurrence/.test(row)).length === 2,
    );
    await press(driver, "j");
    await click(driver, "Timeline");
    await sees(driver, "payload changed");
    const cut = await driver.executeScript<string[]>(
      "return [...document.querySelectorAll('[role=tabpanel] li *')].filter((one) => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX !== 'visible').map((one) => one.innerText)",
    );
    expect(cut, "the timeline truncates no text").toEqual([]);
    await sees(driver, "duplicate");
    const faults = await serious(driver);
    await shot("timeline");
    expect(faults).toEqual([]);
    await click(driver, "Compare with previous");
    await sees(driver, "No differences");
    await press(driver, Key.ESCAPE);
    await click(driver, "Body");
  });

  test("compares two requests side by side and inline", async () => {
    const { driver } = hookbench;
    await press(driver, "g", "i");
    await until("the list", async () => (await rows(driver)).length > 10);
    await press(driver, "/");
    await type(driver, "body.data.id:>=10");
    await sees(driver, /\b2 of \d/);
    await press(driver, Key.ENTER, "j");
    await sees(driver, "Zoë 11");
    await press(driver, "d");
    await sees(driver, "Marked.");
    await press(driver, "j");
    await sees(driver, "Zoë 10");
    await press(driver, "d");
    await sees(driver, "Bodies compared as JSON");
    await sees(driver, '"customer": "Zoë 10"');
    const seenRows = () =>
      driver.executeScript<string>(
        "return document.querySelector('[aria-label=\"Differences\"]').innerText.replace(/\\s+/g, ' ')",
      );
    expect(await seenRows()).toMatch(/x-shop: north.*x-shop: south/);
    const faults = await serious(driver);
    await shot("diff");
    await click(driver, "Inline");
    await until("one column", async () =>
      /− *(changed: |only in the first: )?"id": 11.*\+ *(changed: |only in the second: )?"id": 10/.test(
        await seenRows(),
      ),
    );
    await shot("diff-inline");
    expect(faults).toEqual([]);
    await press(driver, Key.ESCAPE);
    await until("the list again", async () => (await rows(driver)).length === 2);
    await clear();
  });

  test("lists the requests of all inboxes without serious axe violations", async () => {
    const { driver } = hookbench;
    const found: Record<string, string[]> = {};
    for (const theme of ["light", "dark"] as const) {
      await press(driver, "g", "a");
      await sees(driver, "All requests");
      await setTheme(driver, theme);
      await until("the list", async () => (await rows(driver)).length > 10);
      await press(driver, "/");
      await type(driver, "path:orders -body.event:order.paid (size:>10 or pinned:true) ");
      await sees(driver, /\d of \d/);
      found[theme] = await serious(driver);
      await shot(theme);
      await clear();
    }
    expect(found).toEqual({ light: [], dark: [] });
  });
});
