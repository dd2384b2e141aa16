/** Takes the screenshots in docs/ in the desktop window. */
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";

import { test } from "vitest";

import { start, until } from "./hookbench";
import { chord, click, Key, press, rows, screenshot, sees, setTheme } from "./page";

const DOCS = resolve(import.meta.dirname, "../../docs");

const EVENTS: readonly [string, string, object][] = [
  [
    "POST",
    "shop/orders",
    { event: "order.created", id: "ord_1841", total: 49.9, currency: "EUR", items: [{ sku: "mug", quantity: 2 }] },
  ],
  ["POST", "shop/chat", { event: "chat.created", website_id: 1842, data: { chat: { id: 90417, status: "open" } } }],
  ["PUT", "shop/uploads/logo.png", { note: "not an image at all" }],
  [
    "POST",
    "shop/github",
    {
      ref: "refs/heads/main",
      repository: { full_name: "octo/hello" },
      commits: [{ message: "Fix the signature check" }],
    },
  ],
  [
    "POST",
    "shop/chat",
    {
      event: "message.created",
      website_id: 1842,
      data: { message: { author: "visitor", text: "Hi, I need help with my order" } },
    },
  ],
  ["GET", "shop?hub.challenge=1158201444", {}],
  [
    "POST",
    "shop/chat",
    {
      event: "chat.closed",
      created_at: "2026-11-20T22:41:07Z",
      website_id: 1842,
      data: {
        chat: {
          id: 90417,
          status: "closed",
          labels: ["refund", "vip"],
          transcript: [
            { author: "visitor", text: "Hi, I need help with my order 😕" },
            { author: "agent", text: "Of course!" },
          ],
        },
        visitor: { name: "Amélie Fournier", email: "amelie@example.com", phone: null },
        rating: 5,
        order_number: 12345678901234567890n.toString(),
      },
    },
  ],
];

test("screenshots", async () => {
  mkdirSync(DOCS, { recursive: true });
  const hookbench = await start("window");
  const { driver } = hookbench;
  const shot = async (name: string): Promise<void> => {
    // Tooltips and toasts must not appear in screenshots.
    await until("no tooltips or toasts", () =>
      driver.executeScript<boolean>("return !document.querySelector('[role=dialog]:not([data-modal])')"),
    );
    await driver.executeAsyncScript(
      "const done = arguments[0]; document.fonts.ready.then(() => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)), 300))",
    );
    await screenshot(driver, `${DOCS}/${name}.png`);
  };
  try {
    await sees(driver, "Listening.");
    await setTheme(driver, "light");
    await shot("first-run");
    await hookbench.api("/inboxes", { method: "POST", body: JSON.stringify({ name: "shop" }) });
    for (const [method, path, body] of EVENTS) {
      await fetch(`${hookbench.listener}/${path}`, {
        method,
        headers: { "content-type": "application/json" },
        body: method === "GET" ? undefined : JSON.stringify(body),
      });
    }
    await click(driver, "shop");
    await until("the rows", async () => (await rows(driver)).length === EVENTS.length);
    await press(driver, "j");
    await sees(driver, "Amélie");
    for (const theme of ["light", "dark"] as const) {
      await setTheme(driver, theme);
      await shot(`inbox-${theme}`);
    }
    await setTheme(driver, "light");
    await click(driver, "Headers");
    await shot("headers");
    await click(driver, "Body");
    await chord(driver, Key.CONTROL, "k");
    await until("the palette", () =>
      driver.executeScript<boolean>("return document.querySelectorAll('[data-modal] [role=option]').length > 3"),
    );
    await shot("palette");
    await press(driver, Key.ESCAPE);
    await until("the end of the palette", () =>
      driver.executeScript<boolean>("return !document.querySelector('[data-modal]')"),
    );
    await press(driver, "g", "s");
    await sees(driver, "Data folder");
    await shot("settings");
    await driver.manage().window().setRect({ width: 740, height: 640 });
    await click(driver, "shop");
    await sees(driver, "/chat");
    await shot("narrow");
  } finally {
    await hookbench.stop();
  }
});
