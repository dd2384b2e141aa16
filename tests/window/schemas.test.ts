/** Inferred schemas and comparisons of an event, in the desktop window and in a browser. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { TRANSPORTS, start, until, type Running } from "./hookbench";
import { click, press, screenshot, sees, serious, setTheme } from "./page";

const shots = process.env.HOOKBENCH_SHOTS;

describe.each(TRANSPORTS)("schemas in the %s", (transport) => {
  let hookbench: Running;
  const shot = async (name: string): Promise<void> => {
    if (shots) await screenshot(hookbench.driver, `${shots}/${transport}-schemas-${name}.png`);
  };
  const send = (body: object) =>
    fetch(`${hookbench.listener}/inbox`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });

  beforeAll(async () => {
    hookbench = await start(transport);
    await sees(hookbench.driver, "Nothing has arrived yet");
    await hookbench.api("/inboxes/inbox", {
      method: "PATCH",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ verification: { provider: "stripe" } }),
    });
  });
  afterAll(() => hookbench?.stop());

  test("describes an empty page", async () => {
    const { driver } = hookbench;
    await press(driver, "g", "h");
    await sees(driver, "No JSON bodies yet");
    await shot("empty");
  });

  test("shows inferred fields, values, changes and types", async () => {
    const { driver } = hookbench;
    for (let n = 0; n < 120; n++)
      await send({
        id: `evt_${n}`,
        type: "order.paid",
        data: { status: n % 2 ? "paid" : "open", at: "2026-11-21T08:00:00Z", note: n > 9 ? null : "x" },
      });
    await sees(driver, "order.paid");
    await sees(driver, "inferred from 120 bodies");
    await sees(driver, "date-time");
    await sees(driver, '"open" "paid"');
    await sees(driver, "changed from string to null");
    for (const theme of ["dark", "light"] as const) {
      await setTheme(driver, theme);
      expect(await serious(driver)).toEqual([]);
      await shot(`fields-${theme}`);
    }
    await send({
      id: "evt_20",
      type: "order.paid",
      data: { status: "paid", at: "2026-11-21T08:00:00Z", note: "x", coupon: 5 },
    });
    await sees(driver, "data.coupon");
    await click(driver, "TypeScript");
    await sees(driver, "export type OrderPaid");
    await sees(driver, "coupon?: number;");
    await shot("typescript");
  });

  test("steps through the comparisons of an event by keyboard", async () => {
    const { driver } = hookbench;
    for (const amount of [1, 2, 3]) await send({ id: "evt_step", type: "step", amount });
    const ids = await until("the requests", async () => {
      const { items } = await hookbench.api<{ items: { id: string; event_id: string }[] }>(
        "/requests?q=eventid:evt_step",
      );
      return items.length === 3 && items.map(({ id }) => id).reverse();
    });
    await press(driver, "g", "i");
    await until("the row", () =>
      driver.executeScript<boolean>(
        "return Boolean([...document.querySelectorAll('[data-testid=requests] [role=option]')].length)",
      ),
    );
    await press(driver, "j");
    await click(driver, "Timeline");
    await click(driver, "Compare with previous");
    await sees(driver, "step 1 of 2");
    expect(await driver.getCurrentUrl()).toContain(`${ids[0]}/${ids[1]}`);
    await press(driver, "j");
    await sees(driver, "step 2 of 2");
    await shot("step");
    expect(await driver.getCurrentUrl()).toContain(`${ids[1]}/${ids[2]}`);
    await press(driver, "k");
    await sees(driver, "step 1 of 2");
  });
});
