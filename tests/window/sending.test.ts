/** Being a vendor, in the window: an endpoint, its events, every attempt, and time that can be hurried. */
import { spawn, type ChildProcess } from "node:child_process";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { once } from "node:events";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { DOORS, start, until, type Running } from "./hookbench";
import {
  choose,
  chord,
  click,
  Key,
  noDialog,
  press,
  screenshot,
  search,
  seen,
  sees,
  serious,
  setTheme,
  type,
} from "./page";

describe.each(DOORS)("sending in the %s", (door) => {
  let hookbench: Running;
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
    hookbench = await start(door);
    await sees(hookbench.driver, "Listening.");
  });
  afterAll(async () => {
    await hookbench?.stop();
    receiver.close();
  });

  const shot = async (name: string): Promise<void> => {
    if (process.env.HOOKBENCH_SHOTS)
      await screenshot(hookbench.driver, `${process.env.HOOKBENCH_SHOTS}/${door}-${name}.png`);
  };

  /** Sends what the open dialog holds. */
  const submit = async (): Promise<void> => {
    await until("the payload's field", () =>
      hookbench.driver.executeScript<boolean>(
        "const field = document.querySelector('[role=dialog] textarea'); field?.focus(); return document.activeElement === field",
      ),
    );
    await chord(hookbench.driver, Key.CONTROL, Key.ENTER);
  };

  test("searching options leaves the form unchanged, choosing one changes it", async () => {
    const { driver } = hookbench;
    await press(driver, "g", "e");
    await chord(driver, Key.SHIFT, "N");
    await sees(driver, "New endpoint");
    await choose(driver, "Hookbench is", "github", "GitHub");
    await press(driver, Key.ESCAPE);
    await sees(driver, "Discard what you entered?");
    await click(driver, "Discard");
    await noDialog(driver);
    await chord(driver, Key.SHIFT, "N");
    await choose(driver, "Hookbench is", "onweb", "onWebChat");
    await search(driver, "Hookbench is", "git");
    expect(await serious(driver)).toEqual([]);
    await press(driver, Key.ESCAPE);
    await until("the list to close", () =>
      driver.executeScript<boolean>("return document.querySelectorAll('[role=option]').length === 0"),
    );
    await press(driver, Key.ESCAPE);
    await noDialog(driver);
  });

  test("an endpoint is made by keyboard", async () => {
    const { driver } = hookbench;
    await press(driver, "g", "e");
    await sees(driver, "Be the vendor");
    expect(await serious(driver)).toEqual([]);
    await shot("endpoints-empty");
    await chord(driver, Key.SHIFT, "N");
    await sees(driver, "New endpoint");
    await until("the field", () =>
      driver.executeScript<boolean>(
        "const field = document.querySelector('[role=dialog] input'); field?.focus(); field?.select(); return document.activeElement === field",
      ),
    );
    await type(driver, url);
    await until("the vendor's name", () =>
      driver.executeScript<boolean>(
        "return document.querySelector('[role=dialog] [role=combobox]').textContent.trim() === 'onWebChat'",
      ),
    );
    expect(await serious(driver)).toEqual([]);
    await shot("endpoint-new");
    await press(driver, Key.ENTER);
    await noDialog(driver);
    await sees(driver, "Hookbench is onWebChat");
    await sees(driver, "stated by the vendor");
    await sees(driver, "Receive it in your own code");
    await click(driver, "Go");
    await sees(driver, "func webhook(");
    await click(driver, "Express");
    await sees(driver, 'headers["x-owc-signature"]');
  });

  test("an event is sent with the vendor's payload and shown with its attempt", async () => {
    const { driver } = hookbench;
    await press(driver, "s");
    await sees(driver, "Send an event");
    await until("the sample", () =>
      driver.executeScript<boolean>(
        "return document.querySelector('[role=dialog] textarea')?.value.includes('chat') ?? false",
      ),
    );
    await shot("send-event");
    expect(await serious(driver)).toEqual([]);
    await submit();
    await noDialog(driver);
    await until("the delivery", () =>
      driver.executeScript<boolean>(
        "return document.querySelector('[data-testid=deliveries]')?.innerText.includes('delivered') ?? false",
      ),
    );
    expect(got).toHaveLength(1);
    expect(got[0]!.headers["x-owc-event"]).toBe("chat.created");
    // The figures of the endpoint come after the row and move it down: a click meanwhile would miss it.
    await until("the figures", () =>
      driver.executeScript<boolean>("return document.querySelector('[data-testid=stats]') !== null"),
    );
    await click(driver, "chat.created");
    await sees(driver, "the handler's own words");
    await sees(driver, "X-OWC-Delivery");
    for (const theme of ["light", "dark"] as const) {
      await setTheme(driver, theme);
      expect(await serious(driver)).toEqual([]);
      await shot(`${theme}-endpoint`);
    }
    const { items } = await hookbench.api<{ items: { id: string }[] }>("/endpoints");
    const secrets = await hookbench.api<{ items: { value: string }[] }>(`/endpoints/${items[0]!.id}/secrets`);
    expect(await seen(driver)).not.toContain(secrets.items[0]!.value);
  });

  test("the causes for which nothing arrives are looked at in turn", async () => {
    const { driver } = hookbench;
    await press(driver, Key.ESCAPE);
    await click(driver, "Why is nothing arriving?");
    await sees(driver, "It answers HTTP: 200 to a HEAD request.");
    await shot("endpoint-causes");
    expect(await serious(driver)).toEqual([]);
    await click(driver, "Why is nothing arriving?");
    expect(got.pop()!.body).toBe("");
  });

  test("a handler that fails is waited for, and its time can be hurried to the end", async () => {
    const { driver } = hookbench;
    status = 500;
    await press(driver, Key.ESCAPE, "t");
    // The list may show the state before the delivery opens, and Escape would have nothing to close.
    await until("the test to fail", () =>
      driver.executeScript<boolean>(
        "return document.querySelector('article[aria-label=Delivery]')?.innerText.includes('failed') ?? false",
      ),
    );
    await press(driver, Key.ESCAPE, "s");
    await sees(driver, "Send an event");
    await until("the sample", () =>
      driver.executeScript<boolean>(
        "return document.querySelector('[role=dialog] textarea')?.value.includes('chat') ?? false",
      ),
    );
    await submit();
    await noDialog(driver);
    await sees(driver, "next in");
    await until("the row", () =>
      driver.executeScript<boolean>(
        "const row = document.querySelector('[data-testid=deliveries] tbody button'); row?.click(); return Boolean(row)",
      ),
    );
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
    await hookbench.api("/events", {
      method: "POST",
      body: JSON.stringify({ provider: "onwebchat", type: "chat.rated", count: 2 }),
    });
    await click(driver, "Switch on");
    await sees(driver, "2 deliveries were skipped while it was off.");
    await click(driver, "Send them now");
    await until("both", async () => !(await seen(driver)).includes("skipped while it was off"));
    await until("the row", () =>
      driver.executeScript<boolean>(
        "const row = [...document.querySelectorAll('[data-testid=deliveries] tbody button')].find((one) => one.innerText === 'chat.created'); row?.click(); return Boolean(row)",
      ),
    );
    await click(driver, "Send again");
    await until("its delivery", async () => /chat\.created\s+delivered/.test(await seen(driver)));
  });

  test("how it delivers is changed, and is the vendor's again", async () => {
    const { driver } = hookbench;
    await press(driver, Key.ESCAPE);
    await click(driver, "Change how it delivers");
    await until("the form", () =>
      driver.executeScript<boolean>("return document.querySelectorAll('[role=dialog] input').length > 4"),
    );
    expect(await serious(driver)).toEqual([]);
    const fill = async (field: string, value: string): Promise<void> => {
      const find = "const field = document.querySelector(`[aria-labelledby=policy-${arguments[0]}]`);";
      await until(`the field ${field}`, () =>
        driver.executeScript<boolean>(
          `${find} field?.focus(); field?.select(); return document.activeElement === field`,
          field,
        ),
      );
      await type(driver, value);
      await until(`${value} in it`, () =>
        driver.executeScript<boolean>(`${find} return field?.value === arguments[1]`, field, value),
      );
    };
    await fill("schedule", "1 s, soon");
    await press(driver, Key.ENTER);
    await sees(driver, "soon is no wait");
    await fill("schedule", "1 s, 2 min");
    await shot("policy");
    await press(driver, Key.ENTER);
    await noDialog(driver);
    await sees(driver, "1 s, 2 min");
    await sees(driver, "set by you");
    const { items } = await hookbench.api<{ items: { policy: object }[] }>("/endpoints");
    expect(items[0]!.policy).toEqual({ schedule: { fixed: [1, 120] } });
    await click(driver, "Change how it delivers");
    await click(driver, "Retries as the vendor");
    await click(driver, "Save");
    await noDialog(driver);
    await until("the vendor's own", async () => !(await seen(driver)).includes("set by you"));
  });

  test("a scenario is run from its page, and its deliveries are listed with all others", async () => {
    const { driver } = hookbench;
    await press(driver, "g", "c");
    await sees(driver, "A chat from hello to rating");
    expect(await serious(driver)).toEqual([]);
    await shot("scenarios");
    await click(driver, "Run A chat from hello to rating");
    await sees(driver, "Each endpoint gets the events it takes.");
    await click(driver, "×100");
    await sees(driver, "It takes 1 s.");
    await shot("scenario-run");
    const before = got.length;
    await until("the seed's field", () =>
      driver.executeScript<boolean>(
        "const field = document.querySelector('[role=dialog] input[inputmode=numeric]'); field?.focus(); return document.activeElement === field",
      ),
    );
    await type(driver, "7", Key.ENTER);
    await noDialog(driver);
    await until("all six", async () => got.length === before + 6);
    expect(got.slice(before).map(({ headers }) => headers["x-owc-event"])).toEqual([
      "chat.created",
      "message.created",
      "message.created",
      "message.created",
      "chat.closed",
      "chat.rated",
    ]);
    await press(driver, "g", "d");
    await until("the six", () =>
      driver.executeScript<boolean>(
        "return document.querySelectorAll('[data-testid=deliveries] tbody tr').length >= 9",
      ),
    );
    await shot("deliveries");
    expect(await serious(driver)).toEqual([]);
    await press(driver, "j", "j");
    await sees(driver, "Headers sent");
    await sees(driver, "chat.closed");
    await shot("deliveries-open");
    await press(driver, Key.ESCAPE);
  });

  // A browser's page shows it; the desktop is told by the window alone.
  test.runIf(door === "window")("the desktop is told when an endpoint is switched off", async () => {
    const { driver } = hookbench;
    let bus = "";
    const monitor: ChildProcess = spawn("dbus-monitor", [
      "--session",
      "interface='org.freedesktop.Notifications',member='Notify'",
    ]);
    monitor.stdout!.on("data", (data: Buffer) => (bus += data.toString()));
    try {
      await until("the monitor", async () => bus.length > 0);
      status = 410;
      await hookbench.api("/events", {
        method: "POST",
        body: JSON.stringify({ provider: "onwebchat", type: "chat.rated" }),
      });
      await until("the notification", async () => bus.includes("was switched off") && bus.includes("410 Gone"));
      await sees(driver, "was switched off: The receiver answered 410 Gone.");
    } finally {
      monitor.kill();
      status = 200;
    }
  });
});
