/** Takes the screenshots in docs/ in the desktop window. */
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createServer } from "node:http";
import { resolve } from "node:path";

import { test } from "vitest";

import { MORNING, SECRETS } from "./events";
import { start, until } from "./hookbench";
import { chord, click, Key, noDialog, press, screenshot, sees, setTheme, total } from "./page";

const DOCS = resolve(import.meta.dirname, "../../docs");

/** Starts an app that fails for one of the events. */
async function shopApp(): Promise<{ url: string; close: () => void }> {
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (piece: Buffer) => (body += piece.toString()));
    request.on("end", () => {
      const fails = body.includes("payment_failed");
      response.writeHead(fails ? 500 : 200, { "content-type": "application/json" });
      response.end(fails ? '{"error":"relation \\"retries\\" does not exist"}' : '{"received":true}');
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  return { url: `http://127.0.0.1:${port}/webhooks`, close: () => server.close() };
}

test("screenshots", async () => {
  mkdirSync(DOCS, { recursive: true });
  const app = await shopApp();
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
    await driver.manage().window().setRect({ width: 1440, height: 900 });
    await sees(driver, "Listening.");
    await setTheme(driver, "light");
    await shot("first-run");
    for (const [name, secret] of Object.entries(SECRETS))
      await hookbench.api("/inboxes", {
        method: "POST",
        body: JSON.stringify({ name, verification: { provider: name, secrets: [secret] } }),
      });
    await hookbench.api("/inboxes/stripe", { method: "PATCH", body: JSON.stringify({ forwards: [{ to: app.url }] }) });
    for (const [inbox, { method, path, headers, body }] of MORNING())
      await fetch(`${hookbench.listener}/${inbox}${path}`, { method, headers, body });
    await click(driver, "stripe");
    await until("the rows", async () => (await total(driver)) === 9);
    await click(driver, "Dismiss");
    await press(driver, Key.HOME);
    await sees(driver, "Signed by Stripe.");
    await sees(driver, "app responded");
    for (const theme of ["light", "dark"] as const) {
      await setTheme(driver, theme);
      await shot(`inbox-${theme}`);
    }
    await setTheme(driver, "light");
    await press(driver, "j", "j");
    await sees(driver, "customer.updated");
    await press(driver, "4");
    await sees(driver, "Signed payload");
    await shot("signature");
    await press(driver, "1", Key.HOME, "e");
    await sees(driver, "The stored request is not changed");
    await sees(driver, "Valid JSON");
    await chord(driver, Key.CONTROL, Key.ENTER);
    await sees(driver, "1 send of this draft");
    await shot("composer");
    await click(driver, "Back");
    await chord(driver, Key.CONTROL, "k");
    await until("the palette", () =>
      driver.executeScript<boolean>("return document.querySelectorAll('[data-modal] [role=option]').length > 3"),
    );
    await shot("palette");
    await press(driver, Key.ESCAPE);
    await noDialog(driver);
    await press(driver, "g", "s");
    await sees(driver, "Data folder");
    await shot("settings");
    await driver.manage().window().setRect({ width: 740, height: 640 });
    await click(driver, "stripe");
    await sees(driver, "invoice.paid");
    await shot("narrow");
  } finally {
    app.close();
    await hookbench.stop();
  }
});
