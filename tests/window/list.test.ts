/** The list, the traffic strip, the composer and the report, in the desktop window and in a browser. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { MORNING, SECRETS } from "./events";
import { TRANSPORTS, start, until, type Running } from "./hookbench";
import { By, chord, click, Key, noDialog, press, rows, screenshot, seen, sees, serious, total, type } from "./page";

describe.each(TRANSPORTS)("the list in the %s", (transport) => {
  let hookbench: Running;
  const shot = async (name: string): Promise<void> => {
    if (process.env.HOOKBENCH_SHOTS)
      await screenshot(hookbench.driver, `${process.env.HOOKBENCH_SHOTS}/${transport}-list-${name}.png`);
  };
  const query = () =>
    hookbench.driver.executeScript<string>("return document.querySelector('[role=combobox][aria-label=Query]').value");
  const focus = (selector: string) =>
    until(`the focus on ${selector}`, () =>
      hookbench.driver.executeScript<boolean>(
        "const one = document.querySelector(arguments[0]); one?.focus(); return Boolean(one) && document.activeElement === one",
        selector,
      ),
    );

  beforeAll(async () => {
    hookbench = await start(transport);
    await hookbench.driver.manage().window().setRect({ width: 1280, height: 820 });
    await hookbench.api("/inboxes", {
      method: "POST",
      body: JSON.stringify({ name: "stripe", verification: { provider: "stripe", secrets: [SECRETS.stripe] } }),
    });
    for (const [inbox, { method, path, headers, body }] of MORNING())
      if (inbox === "stripe") await fetch(`${hookbench.listener}/${inbox}${path}`, { method, headers, body });
    await click(hookbench.driver, "stripe");
    await until("the rows", async () => (await total(hookbench.driver)) === 9);
  });
  afterAll(() => hookbench?.stop());

  test("shows the signature status, the event and its subject in a row", async () => {
    const { driver } = hookbench;
    await until("the statuses", async () => (await rows(driver)).some((row) => row.includes("invalid")));
    const row = (await rows(driver)).find((one) => one.includes("invoice.paid"));
    expect(row).toMatch(/valid invoice\.paid.*amelie@fournier\.example/);
    await press(driver, Key.HOME);
    await sees(driver, "Signed by Stripe.");
    await sees(driver, "Not forwarded.");
    expect(await seen(driver)).not.toContain(SECRETS.stripe);
    expect(await serious(driver)).toEqual([]);
  });

  test("chooses a time range in the traffic strip by keyboard", async () => {
    const { driver } = hookbench;
    await sees(driver, /valid 8\s*invalid 1/);
    await focus("[role=slider]");
    await press(driver, Key.ARROW_LEFT);
    await until("the range", async () => /^time:\d\d:\d\d\.\.\d\d:\d\d$/.test(await query()));
    expect(await serious(driver)).toEqual([]);
    await shot("strip");
    await press(driver, Key.ESCAPE);
    await until("the end of the range", async () => (await query()) === "");
    await until("all rows", async () => (await total(driver)) === 9);
  });

  test("shows the context menu of a row", async () => {
    const { driver } = hookbench;
    const row = await driver.findElement(By.css("[data-testid=requests] [role=option]"));
    await driver.actions().contextClick(row).perform();
    await sees(driver, "Re-sign and replay");
    await sees(driver, "Pin or unpin");
    await shot("context-menu");
    await press(driver, Key.ESCAPE);
    await until("the end of the menu", () =>
      driver.executeScript<boolean>("return !document.querySelector('[role=menu]')"),
    );
  });

  test("deletes the selected requests and restores them", async () => {
    const { driver } = hookbench;
    await press(driver, Key.HOME, "x", "x");
    await sees(driver, "2 selected");
    expect(await serious(driver)).toEqual([]);
    await shot("selection");
    await press(driver, Key.DELETE);
    await until("fewer rows", async () => (await total(driver)) === 7);
    await chord(driver, Key.CONTROL, "z");
    await until("all rows", async () => (await total(driver)) === 9);
  });

  test("finds text in a body", async () => {
    const { driver } = hookbench;
    await press(driver, Key.HOME);
    await sees(driver, "invoice.paid");
    await until("the search field", () =>
      driver.executeScript<boolean>("return Boolean(document.querySelector('input[aria-label=\"Find in body\"]'))"),
    );
    await chord(driver, Key.CONTROL, "f");
    await type(driver, "fournier");
    await sees(driver, "1 / 1");
    await press(driver, Key.ESCAPE, Key.ESCAPE);
  });

  test("writes a report without secrets", async () => {
    const { driver } = hookbench;
    await chord(driver, Key.SHIFT, "E");
    await sees(driver, "Report for a ticket");
    await sees(driver, "Left out");
    expect(await serious(driver)).toEqual([]);
    await shot("report");
    const report = await hookbench.api<{ text?: string }>(
      `/requests/report?as=html&ids=${(await hookbench.api<{ items: { id: string }[] }>("/requests?inbox=stripe")).items[0]!.id}`,
    );
    expect(JSON.stringify(report)).not.toContain(SECRETS.stripe);
    await press(driver, Key.ESCAPE);
    await noDialog(driver);
  });

  test("keeps a draft of the composer after the page is left", async () => {
    const { driver } = hookbench;
    await press(driver, "e");
    await sees(driver, "The stored request is not changed");
    await driver.executeScript(
      `const input = document.querySelector("input[aria-label=URL]");
       Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(input, arguments[0]);
       input.dispatchEvent(new Event("input", { bubbles: true }));`,
      `${hookbench.listener}/inbox/copy`,
    );
    await sees(driver, "Draft saved");
    expect(await serious(driver)).toEqual([]);
    await click(driver, "Back");
    await sees(driver, "Signed by Stripe.");
    await press(driver, "e");
    await until("the draft", () =>
      driver.executeScript<boolean>("return document.querySelector('input[aria-label=URL]')?.value.endsWith('/copy')"),
    );
    await chord(driver, Key.CONTROL, Key.ENTER);
    await sees(driver, /Response\s*200/);
    await chord(driver, Key.CONTROL, Key.ENTER);
    await sees(driver, "2 sends of this draft");
    await shot("composer");
    const { items } = await hookbench.api<{ items: { target: string }[] }>("/requests?inbox=inbox");
    expect(items.map(({ target }) => target)).toEqual(["/inbox/copy", "/inbox/copy"]);
    await click(driver, "Back");
  });

  test("dismisses the checklist of an inbox", async () => {
    const { driver } = hookbench;
    await sees(driver, "Set up this inbox");
    await sees(driver, "2 of 5");
    await click(driver, "Dismiss");
    await until("the end of the checklist", async () => !(await seen(driver)).includes("Set up this inbox"));
  });
});
