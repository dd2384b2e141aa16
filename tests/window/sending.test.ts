/** Sending as a vendor: endpoints, events, attempts and the retry clock. */
import { spawn, type ChildProcess } from "node:child_process";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { once } from "node:events";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { TRANSPORTS, start, until, type Running } from "./hookbench";
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

describe.each(TRANSPORTS)("sending in the %s", (transport) => {
  let hookbench: Running;
  let server: Server;
  let url: string;
  let status = 200;
  const got: { headers: IncomingMessage["headers"]; body: string }[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      let body = "";
      request.on("data", (data: Buffer) => (body += data.toString()));
      request.on("end", () => {
        got.push({ headers: request.headers, body });
        response.writeHead(status, { "content-type": "text/plain" }).end("the response of the handler");
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    url = `http://127.0.0.1:${(server.address() as { port: number }).port}/webhook`;
    hookbench = await start(transport);
    await sees(hookbench.driver, "Listening.");
  });
  afterAll(async () => {
    await hookbench?.stop();
    server.close();
  });

  const shot = async (name: string): Promise<void> => {
    if (process.env.HOOKBENCH_SHOTS)
      await screenshot(hookbench.driver, `${process.env.HOOKBENCH_SHOTS}/${transport}-${name}.png`);
  };

  /** Opens the composer for the endpoint, and sends the sample of its first event. */
  const sendSample = async (): Promise<void> => {
    const { driver } = hookbench;
    await press(driver, "s");
    await until("the sample", () =>
      driver.executeScript<boolean>(
        "return document.querySelector('.compose .cm-content')?.innerText.includes('chat') ?? false",
      ),
    );
    await chord(driver, Key.CONTROL, Key.ENTER);
  };

  test("marks the form as changed only after an option is chosen", async () => {
    const { driver } = hookbench;
    await press(driver, "g", "e");
    await chord(driver, Key.SHIFT, "N");
    await sees(driver, "New endpoint");
    await choose(driver, "Send as", "github", "GitHub");
    await press(driver, Key.ESCAPE);
    await sees(driver, "Discard changes?");
    await click(driver, "Discard");
    await noDialog(driver);
    await chord(driver, Key.SHIFT, "N");
    await choose(driver, "Send as", "onweb", "onWebChat");
    await search(driver, "Send as", "git");
    expect(await serious(driver)).toEqual([]);
    await press(driver, Key.ESCAPE);
    await until("the end of the list", () =>
      driver.executeScript<boolean>("return document.querySelectorAll('[role=option]').length === 0"),
    );
    await press(driver, Key.ESCAPE);
    await noDialog(driver);
  });

  test("creates an endpoint by keyboard", async () => {
    const { driver } = hookbench;
    await press(driver, "g", "e");
    await sees(driver, "Create an endpoint with the URL of your app");
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
    await until("the vendor name", () =>
      driver.executeScript<boolean>(
        "return document.querySelector('[role=dialog] [role=combobox]').textContent.trim() === 'onWebChat'",
      ),
    );
    expect(await serious(driver)).toEqual([]);
    await shot("endpoint-new");
    await press(driver, Key.ENTER);
    await noDialog(driver);
    await sees(driver, "Send as onWebChat");
    await sees(driver, "stated");
    await sees(driver, "Handler code");
    await click(driver, "Go");
    await sees(driver, "func webhook(");
    await click(driver, "Express");
    await sees(driver, 'headers["x-owc-signature"]');
  });

  test("sends an event with the sample payload and shows the attempt", async () => {
    const { driver } = hookbench;
    await sendSample();
    await sees(driver, /Response\s*200/);
    expect(await serious(driver)).toEqual([]);
    await shot("send-event");
    await click(driver, "Back");
    await until("the delivery", () =>
      driver.executeScript<boolean>(
        "return document.querySelector('[data-testid=deliveries]')?.innerText.includes('delivered') ?? false",
      ),
    );
    expect(got).toHaveLength(1);
    expect(got[0]!.headers["x-owc-event"]).toBe("chat.created");
    // The statistics load after the row and move it down, so an earlier click would miss the row.
    await until("the statistics", () =>
      driver.executeScript<boolean>("return document.querySelector('[data-testid=stats]') !== null"),
    );
    await click(driver, "chat.created");
    await sees(driver, "the response of the handler");
    await click(driver, "Sent");
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

  test("diagnoses an endpoint step by step", async () => {
    const { driver } = hookbench;
    await press(driver, Key.ESCAPE);
    await click(driver, "Diagnose");
    await sees(driver, "The endpoint responded to a HEAD request with 200.");
    await shot("endpoint-causes");
    expect(await serious(driver)).toEqual([]);
    await click(driver, "Diagnose");
    expect(got.pop()!.body).toBe("");
  });

  test("retries a failed delivery, runs all retries at once and disables the endpoint", async () => {
    const { driver } = hookbench;
    status = 500;
    await press(driver, Key.ESCAPE, "t");
    // The list can show the state before the delivery opens. Escape would then have nothing to close.
    await until("a failed test", () =>
      driver.executeScript<boolean>(
        "return document.querySelector('article[aria-label=Delivery]')?.innerText.includes('failed') ?? false",
      ),
    );
    await press(driver, Key.ESCAPE);
    await sendSample();
    await sees(driver, /Response\s*500/);
    await click(driver, "Back");
    // A narrow table has no room for the countdown, which the open delivery shows.
    await sees(driver, transport === "window" ? "next in" : "waiting");
    await until("the row", () =>
      driver.executeScript<boolean>(
        "const row = document.querySelector('[data-testid=deliveries] tbody button'); row?.click(); return Boolean(row)",
      ),
    );
    await sees(driver, "Next attempt in");
    await shot("delivery-waiting");
    await click(driver, "Run all retries now");
    await sees(driver, "All retries failed.");
    await press(driver, Key.ESCAPE);
    await sees(driver, "This endpoint is disabled");
    await sees(driver, "5 retries of one delivery failed.");
    await sees(driver, "1 off");
    await shot("endpoint-off");
    expect(await serious(driver)).toEqual([]);
    status = 200;
    await hookbench.api("/events", {
      method: "POST",
      body: JSON.stringify({ provider: "onwebchat", type: "chat.rated", count: 2 }),
    });
    await click(driver, "Enable");
    await sees(driver, "2 deliveries were skipped while the endpoint was disabled.");
    await click(driver, "Resend skipped");
    await until("both deliveries", async () => !(await seen(driver)).includes("skipped while the endpoint"));
    await until("the row", () =>
      driver.executeScript<boolean>(
        "const row = [...document.querySelectorAll('[data-testid=deliveries] tbody button')].find((one) => one.innerText === 'chat.created'); row?.click(); return Boolean(row)",
      ),
    );
    await click(driver, "Resend");
    await until("the delivery", async () => /chat\.created\s+delivered/.test(await seen(driver)));
  });

  test("changes the delivery policy and resets it to the vendor value", async () => {
    const { driver } = hookbench;
    await press(driver, Key.ESCAPE);
    await click(driver, "Edit policy");
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
    await sees(driver, "Invalid delay: soon");
    await fill("schedule", "1 s, 2 min");
    await shot("policy");
    await press(driver, Key.ENTER);
    await noDialog(driver);
    await sees(driver, "1 s, 2 min");
    await sees(driver, "edited");
    const { items } = await hookbench.api<{ items: { policy: object }[] }>("/endpoints");
    expect(items[0]!.policy).toEqual({ schedule: { fixed: [1, 120] } });
    await click(driver, "Edit policy");
    await click(driver, "Retry schedule: use vendor value");
    await click(driver, "Save");
    await noDialog(driver);
    await until("the vendor value", async () => !(await seen(driver)).includes("edited"));
  });

  test("runs a scenario and lists its deliveries", async () => {
    const { driver } = hookbench;
    await press(driver, "g", "c");
    await sees(driver, "Chat from start to rating");
    expect(await serious(driver)).toEqual([]);
    await shot("scenarios");
    await click(driver, "Run Chat from start to rating");
    await sees(driver, "Each endpoint gets the events it is subscribed to.");
    await click(driver, "×100");
    await sees(driver, "Takes 1 s.");
    await shot("scenario-run");
    const before = got.length;
    await until("the seed field", () =>
      driver.executeScript<boolean>(
        "const field = document.querySelector('[role=dialog] input[inputmode=numeric]'); field?.focus(); return document.activeElement === field",
      ),
    );
    await type(driver, "7", Key.ENTER);
    await noDialog(driver);
    await until("all six events", async () => got.length === before + 6);
    expect(got.slice(before).map(({ headers }) => headers["x-owc-event"])).toEqual([
      "chat.created",
      "message.created",
      "message.created",
      "message.created",
      "chat.closed",
      "chat.rated",
    ]);
    await sees(driver, "6 delivered");
    await sees(driver, "seed 7");
    const steps = await driver.executeScript<string[][]>(
      "return [...document.querySelectorAll('[data-testid=scenario-run] tbody tr')].map(({ cells }) => [...cells].slice(0, 3).map((cell) => cell.innerText.trim()))",
    );
    expect(steps.map(([position]) => position)).toEqual(["1", "2", "3", "4", "5", "6"]);
    expect(steps[0]).toEqual(["1", "start", "chat.created"]);
    expect(steps[5]).toEqual(["6", "+1 s", "chat.rated"]);
    expect(await serious(driver)).toEqual([]);
    await shot("scenario-run-ended");
    await press(driver, "j", "j");
    await sees(driver, "Sent headers");
    await shot("scenario-run-open");
    await press(driver, Key.ESCAPE);
    await press(driver, "g", "c");
    await sees(driver, "Recent runs");
    await shot("scenario-runs");
    await press(driver, "g", "d");
    await until("the six deliveries", () =>
      driver.executeScript<boolean>(
        "return document.querySelectorAll('[data-testid=deliveries] tbody tr').length >= 9",
      ),
    );
    await shot("deliveries");
    expect(await serious(driver)).toEqual([]);
    await press(driver, "j", "j");
    await sees(driver, "Sent headers");
    await sees(driver, "chat.closed");
    await shot("deliveries-open");
    await press(driver, Key.ESCAPE);
  });

  // Only the desktop window shows notifications.
  test.runIf(transport === "window")("shows a desktop notification when an endpoint is disabled", async () => {
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
      await until("the notification", async () => bus.includes("was disabled") && bus.includes("410 Gone"));
      await sees(driver, "was disabled: The endpoint responded with 410 Gone.");
    } finally {
      monitor.kill();
      status = 200;
    }
  });
});
