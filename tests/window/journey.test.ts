/** The first use, in the desktop window and in a browser: receive and inspect. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { TRANSPORTS, start, until, type Running } from "./hookbench";
import { chord, click, Key, noDialog, press, rows, screenshot, seen, sees, serious, setTheme, type } from "./page";

const JSON_TYPE = { "content-type": "application/json" };

describe.each(TRANSPORTS)("the first use in the %s", (transport) => {
  let hookbench: Running;
  beforeAll(async () => {
    hookbench = await start(transport);
  });
  afterAll(() => hookbench?.stop());

  const send = (path: string, init: RequestInit = {}) =>
    fetch(`${hookbench.listener}/${path}`, { method: "POST", ...init });

  test("listens on the first run and shows the URL", async () => {
    await sees(hookbench.driver, "Listening. Send a webhook here.");
    expect(await seen(hookbench.driver)).toContain(`${hookbench.listener}/inbox`);
  });

  test("responds to a request and shows it at once", async () => {
    const response = await send("inbox/orders?x=1", {
      headers: JSON_TYPE,
      body: '{"event":"test","data":{"id":12345678901234567890}}',
    });
    expect(response.status).toBe(200);
    const [row] = await until("the row", async () => {
      const all = await rows(hookbench.driver);
      return all.length === 1 && all;
    });
    expect(row).toMatch(/POST.*\/orders\?x=1.*200/);
  });

  test("receives the test event over HTTP", async () => {
    await press(hookbench.driver, "t");
    await until("the second row", async () => (await rows(hookbench.driver)).length === 2);
    const { items } = await hookbench.api<{ items: { id: string }[] }>("/requests");
    const { headers } = await hookbench.api<{ headers: { name: string; value: string }[] }>(
      `/requests/${items[0]!.id}`,
    );
    expect(headers.find(({ name }) => name === "User-Agent")?.value).toMatch(/^Hookbench\//);
  });

  test("selects, pins, annotates, deletes and restores requests by keyboard", async () => {
    const { driver } = hookbench;
    // The first request of an inbox opens itself.
    await sees(driver, "12345678901234567890");
    await press(driver, "k");
    await sees(driver, "chat.closed");
    await sees(driver, "transcript");
    await press(driver, "j");
    await sees(driver, "12345678901234567890");
    await press(driver, "p");
    await sees(driver, "Pinned");
    await press(driver, "m");
    await type(driver, "a test note");
    await chord(driver, Key.CONTROL, Key.ENTER);
    await noDialog(driver);
    await sees(driver, "a test note");
    await press(driver, "k", Key.DELETE);
    await until("the row to go", async () => (await rows(driver)).length === 1);
    await click(driver, "Undo");
    await until("the row to be back", async () => (await rows(driver)).length === 2);
  });

  test("shows every tab of a request", async () => {
    const { driver } = hookbench;
    await fetch(`${hookbench.listener}/inbox/secret`, {
      method: "PUT",
      headers: { Authorization: "Bearer s3cret", "X-Custom-Case": "kept" },
      body: "plain words",
    });
    await until("the third row", async () => (await rows(driver)).length === 3);
    await press(driver, Key.HOME);
    await sees(driver, "plain words");
    await click(driver, "Headers");
    await sees(driver, "••••••••");
    expect(await seen(driver)).not.toContain("s3cret");
    await click(driver, "Show credentials");
    await sees(driver, "Bearer s3cret");
    await click(driver, "Response");
    await sees(driver, "from default response of the inbox");
    await click(driver, "Raw");
    await sees(driver, "PUT /inbox/secret HTTP/1.1");
    await click(driver, "Body");
  });

  test("opens and closes the palette and the shortcuts by keyboard", async () => {
    const { driver } = hookbench;
    await chord(driver, Key.CONTROL, "k");
    await sees(driver, /Listener address/);
    await type(driver, "shortcuts");
    await sees(driver, "Keyboard shortcuts");
    await press(driver, Key.ENTER);
    const help = () =>
      driver.executeScript<boolean>(
        "return document.querySelector('[data-modal] h2')?.innerText === 'Keyboard shortcuts'",
      );
    await until("the help to open", help);
    await press(driver, Key.ESCAPE);
    await noDialog(driver);
  });

  test("creates an inbox that sends its configured response", async () => {
    const { driver } = hookbench;
    await press(driver, "n");
    await sees(driver, "New inbox");
    await type(driver, "shop", Key.ENTER);
    await sees(driver, `${hookbench.listener}/shop`);
    await noDialog(driver);
    await hookbench.api("/inboxes/shop", {
      method: "PATCH",
      body: JSON.stringify({
        response: { status: 202, headers: [["X-From", "hookbench"]], body: "taken", delay_ms: 0, cors: true },
      }),
    });
    const response = await send("shop", { body: "x" });
    expect([response.status, response.headers.get("x-from"), await response.text()]).toEqual([
      202,
      "hookbench",
      "taken",
    ]);
    await until("its row", async () => (await rows(driver)).some((row) => row.includes("202")));
  });

  test("has no serious axe violations in any view, in both themes", async () => {
    const { driver } = hookbench;
    const found: Record<string, string[]> = {};
    for (const theme of ["light", "dark"] as const) {
      await setTheme(driver, theme);
      for (const view of ["list", "request", "settings", "palette"]) {
        if (view === "list") {
          await press(driver, "g", "i");
          await until("the list", async () => (await rows(driver)).length > 0);
        } else if (view === "request") {
          await press(driver, "j");
          await sees(driver, "Copy as");
        } else if (view === "settings") {
          await press(driver, "g", "s");
          await sees(driver, "Data folder");
        } else {
          await chord(driver, Key.CONTROL, "k");
          await until("the palette", () =>
            driver.executeScript<boolean>("return Boolean(document.querySelector('[role=combobox]'))"),
          );
        }
        found[`${theme} ${view}`] = await serious(driver);
        if (process.env.HOOKBENCH_SHOTS)
          await screenshot(driver, `${process.env.HOOKBENCH_SHOTS}/${transport}-${theme}-${view}.png`);
        if (view === "palette") {
          await press(driver, Key.ESCAPE);
          await noDialog(driver);
        }
      }
    }
    expect(Object.entries(found).filter(([, list]) => list.length)).toEqual([]);
  });
});
