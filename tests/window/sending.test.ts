/** Being a vendor, in the window: an endpoint, its events, every attempt, and time that can be hurried. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import { once } from "node:events";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { DOORS, start, until, type Running } from "./hookline";
import { chord, click, Key, noDialog, press, screenshot, seen, sees, serious, setTheme, type } from "./page";

describe.each(DOORS)("sending in the %s", (door) => {
  let hookline: Running;
  let receiver: Server;
  let url: string;
  let status = 200;
  const got: { headers: IncomingMessage["headers"]; body: string }[] = [];

  beforeAll(async () => {
    receiver = createServer((request, response) => {
      let body = "";
      request.on("data", (data: Buffer) => (body += data.toString()));
      request.on("end", () => {
        got.push({ headers: request.headers, body });
        response.writeHead(status, { "content-type": "text/plain" }).end("the handler's own words");
      });
    }).listen(0, "127.0.0.1");
    await once(receiver, "listening");
    url = `http://127.0.0.1:${(receiver.address() as { port: number }).port}/webhook`;
    hookline = await start(door);
    await sees(hookline.driver, "Listening.");
  });
  afterAll(async () => {
    await hookline?.stop();
    receiver.close();
  });

  const shot = async (name: string): Promise<void> => {
    if (process.env.HOOKLINE_SHOTS) await screenshot(hookline.driver, `${process.env.HOOKLINE_SHOTS}/${door}-${name}.png`);
  };

  /** Sends what the open dialog holds. */
  const submit = async (): Promise<void> => {
    await until("the payload's field", () => hookline.driver.executeScript<boolean>("const field = document.querySelector('[role=dialog] textarea'); field?.focus(); return document.activeElement === field"));
    await chord(hookline.driver, Key.CONTROL, Key.ENTER);
  };

  test("an endpoint is made by keyboard", async () => {
    const { driver } = hookline;
    await press(driver, "g", "e");
    await sees(driver, "Be the vendor");
    expect(await serious(driver)).toEqual([]);
    await shot("endpoints-empty");
    await chord(driver, Key.SHIFT, "N");
    await sees(driver, "New endpoint");
    await until("the field", () => driver.executeScript<boolean>("const field = document.querySelector('[role=dialog] input'); field?.focus(); field?.select(); return document.activeElement === field"));
    await type(driver, url);
    await until("the events", () => driver.executeScript<boolean>("return document.querySelectorAll('[role=dialog] option').length > 100"));
    expect(await serious(driver)).toEqual([]);
    await shot("endpoint-new");
    await press(driver, Key.ENTER);
    await noDialog(driver);
    await sees(driver, "Hookline is onWebChat");
    await sees(driver, "stated by the vendor");
  });

  test("an event is sent with the vendor's payload and shown with its attempt", async () => {
    const { driver } = hookline;
    await press(driver, "s");
    await sees(driver, "Send an event");
    await until("the sample", () => driver.executeScript<boolean>("return document.querySelector('[role=dialog] textarea')?.value.includes('chat') ?? false"));
    await shot("send-event");
    expect(await serious(driver)).toEqual([]);
    await submit();
    await noDialog(driver);
    await until("the delivery", () => driver.executeScript<boolean>("return document.querySelector('[data-testid=deliveries]')?.innerText.includes('delivered') ?? false"));
    expect(got).toHaveLength(1);
    expect(got[0]!.headers["x-owc-event"]).toBe("chat.created");
    await click(driver, "chat.created");
    await sees(driver, "the handler's own words");
    await sees(driver, "X-OWC-Delivery");
    for (const theme of ["light", "dark"] as const) {
      await setTheme(driver, theme);
      expect(await serious(driver)).toEqual([]);
      await shot(`${theme}-endpoint`);
    }
    const { items } = await hookline.api<{ items: { id: string }[] }>("/endpoints");
    const secrets = await hookline.api<{ items: { value: string }[] }>(`/endpoints/${items[0]!.id}/secrets`);
    expect(await seen(driver)).not.toContain(secrets.items[0]!.value);
  });

  test("the causes for which nothing arrives are looked at in turn", async () => {
    const { driver } = hookline;
    await press(driver, Key.ESCAPE);
    await click(driver, "Why is nothing arriving?");
    await sees(driver, "It answers HTTP: 200 to a HEAD request.");
    await shot("endpoint-causes");
    expect(await serious(driver)).toEqual([]);
    await click(driver, "Why is nothing arriving?");
    expect(got.pop()!.body).toBe("");
  });

  test("a handler that fails is waited for, and its time can be hurried to the end", async () => {
    const { driver } = hookline;
    status = 500;
    await press(driver, Key.ESCAPE, "t");
    await until("the test to fail", async () => (await seen(driver)).includes("exhausted"));
    await press(driver, Key.ESCAPE, "s");
    await sees(driver, "Send an event");
    await until("the sample", () => driver.executeScript<boolean>("return document.querySelector('[role=dialog] textarea')?.value.includes('chat') ?? false"));
    await submit();
    await noDialog(driver);
    await sees(driver, "next in");
    await until("the row", () => driver.executeScript<boolean>("const row = document.querySelector('[data-testid=deliveries] tbody button'); row?.click(); return Boolean(row)"));
    await sees(driver, "Next attempt in");
    await shot("delivery-waiting");
    await click(driver, "Skip to the end");
    await sees(driver, "Its retries are used up.");
    await press(driver, Key.ESCAPE);
    await sees(driver, "This endpoint is switched off");
    await sees(driver, "5 retries of one delivery failed.");
    await sees(driver, "1 off");
    await shot("endpoint-off");
    expect(await serious(driver)).toEqual([]);
    status = 200;
    await click(driver, "Switch on");
    await until("the row", () => driver.executeScript<boolean>("const row = document.querySelector('[data-testid=deliveries] tbody button'); row?.click(); return Boolean(row)"));
    await click(driver, "Send again");
    await until("its delivery", async () => /chat\.created\s+delivered/.test(await seen(driver)));
  });
});
