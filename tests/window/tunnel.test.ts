/** Tunnels by keyboard, in the desktop window and in a browser, with a local relay and a local SSH server. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { Key } from "selenium-webdriver";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { BINARY, TRANSPORTS, ended, start, until, type Running } from "./hookbench";
import { chord, click, pick, press, screenshot, sees, serious, setTheme } from "./page";
import { startSshd } from "./sshd";

const shots = process.env.HOOKBENCH_SHOTS;

interface Exposed {
  items: { exposures: { inbox: string; url: string }[] }[];
}

describe.each(TRANSPORTS)("tunnels in the %s", (transport) => {
  let hookbench: Running;
  let relay: ChildProcess;
  let address = "";
  let sshd: Awaited<ReturnType<typeof startSshd>>;
  const data = mkdtempSync(join(tmpdir(), "hookbench-relay-"));
  const shot = async (name: string): Promise<void> => {
    if (shots) await screenshot(hookbench.driver, `${shots}/${transport}-tunnel-${name}.png`);
  };
  const fill = (label: string, text: string): Promise<unknown> =>
    hookbench.driver.executeScript(
      `const input = [...document.querySelectorAll('input,textarea')].find((one) => one.labels?.[0]?.textContent === arguments[0]);
       Object.getOwnPropertyDescriptor(Object.getPrototypeOf(input), 'value').set.call(input, arguments[1]);
       input.dispatchEvent(new Event('input', { bubbles: true }));`,
      label,
      text,
    );

  beforeAll(async () => {
    relay = spawn(BINARY, ["relay", "serve", "--json", "--listen", "127.0.0.1:0", "--data", data], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    for await (const line of createInterface({ input: relay.stdout! })) {
      address = (JSON.parse(line) as { relay: string }).relay;
      break;
    }
    sshd = await startSshd();
    process.env.SSH_AUTH_SOCK = sshd.agent;
    hookbench = await start(transport);
    await sees(hookbench.driver, "Nothing has arrived yet");
  });
  afterAll(async () => {
    await hookbench?.stop();
    await sshd?.stop();
    await ended(relay);
    rmSync(data, { recursive: true, force: true });
  });

  test("connects to a relay, exposes an inbox and receives a webhook", async () => {
    const { driver } = hookbench;
    await sees(driver, "tunnel off");
    await press(driver, "g", "u");
    await sees(driver, "A tunnel gives an inbox a public URL");
    await shot("empty");
    expect(await serious(driver)).toEqual([]);
    await chord(driver, Key.SHIFT, "T");
    await sees(driver, "Device name");
    await fill("Relay", address);
    await fill("Code", "wrong-codes");
    await click(driver, "Start");
    await sees(driver, "The enrollment code is invalid");
    expect(await serious(driver)).toEqual([]);
    const code = execFileSync(BINARY, ["relay", "device", "add", "--data", data], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
    await fill("Code", code);
    await click(driver, "Start");
    await sees(driver, "Online");
    await sees(driver, "No inbox is exposed yet");
    await pick(driver, "article [role=combobox]", /^inbox$/);
    await sees(driver, "Access control");
    await fill("Allowed networks", "here and there");
    await click(driver, "Save");
    await sees(driver, "Invalid IP network");
    await fill("Allowed networks", "127.0.0.1");
    await shot("expose");
    expect(await serious(driver)).toEqual([]);
    await click(driver, "Save");
    await sees(driver, "Access: one network");
    const { items } = await hookbench.api<Exposed>("/tunnels");
    const url = items[0]!.exposures[0]!.url;
    expect(url.startsWith(address)).toBe(true);
    await sees(driver, url);
    for (const theme of ["dark", "light"] as const) {
      await setTheme(driver, theme);
      expect(await serious(driver)).toEqual([]);
      await shot(`sheet-${theme}`);
    }
    await driver.executeScript("document.querySelector('[aria-label=\"QR code of inbox\"]').click()");
    await until("the code", () =>
      driver.executeScript<boolean>(
        "return document.querySelector('svg[role=img] path')?.getAttribute('d').length > 1000",
      ),
    );
    await shot("qr");
    await press(driver, Key.ESCAPE);
    await until("the end of the dialog", () =>
      driver.executeScript<boolean>("return !document.querySelector('[data-modal]')"),
    );
    expect((await fetch(`${url}/orders`, { method: "POST", body: "{}" })).status).toBe(200);
    await press(driver, "g", "i");
    await sees(driver, /POST\s+\/orders/);
    await shot("inbox");
  });

  test("shows the offline backlog and forwards it", async () => {
    const { driver } = hookbench;
    const got: string[] = [];
    const app = createServer((request, response) => {
      let body = "";
      request.on("data", (piece: Buffer) => (body += piece.toString()));
      request.on("end", () => (got.push(body), response.end("ok")));
    }).listen(0, "127.0.0.1");
    await once(app, "listening");
    const to = `http://127.0.0.1:${(app.address() as AddressInfo).port}`;
    await hookbench.api("/inboxes/inbox", { method: "PATCH", body: JSON.stringify({ forwards: [{ to }] }) });
    await press(driver, "g", "u");
    await click(driver, "Stop");
    await sees(driver, "Stopped");
    const { items } = await hookbench.api<Exposed>("/tunnels");
    for (const body of ["one", "two", "three"])
      expect((await fetch(items[0]!.exposures[0]!.url, { method: "POST", body })).status).toBe(200);
    // The requests must be an hour old to count as a backlog.
    const aged =
      "import sqlite3,sys; c=sqlite3.connect(sys.argv[1],timeout=5); c.execute('UPDATE request SET arrived_us=arrived_us-3600000000 WHERE id IN (SELECT request FROM delivery WHERE state=0)'); c.commit()";
    execFileSync("python3", ["-c", aged, join(data, "relay.db")]);
    await click(driver, "Start");
    await sees(driver, "3 arrived while you were offline");
    await shot("away");
    expect(await serious(driver)).toEqual([]);
    await press(driver, "g", "i");
    await sees(driver, "3 arrived while you were offline");
    await shot("away-inbox");
    expect(await serious(driver)).toEqual([]);
    expect(got).toEqual([]);
    await click(driver, "Forward all");
    await until("all three", async () => got.length === 3);
    expect(got).toEqual(["one", "two", "three"]);
    await until("the end of the prompt", () =>
      driver.executeScript<boolean>("return !document.body.textContent.includes('3 arrived while you were offline')"),
    );
    app.close();
  });

  test("shows the status of a relay that stops and returns", async () => {
    const { driver } = hookbench;
    await press(driver, "g", "u");
    await sees(driver, "Online");
    relay.kill("SIGSTOP");
    await click(driver, "Stop");
    await sees(driver, "Stopped");
    await click(driver, "Start");
    await sees(driver, "Connecting");
    relay.kill("SIGCONT");
    await sees(driver, "Online");
    await ended(relay);
    await sees(driver, "Offline, reconnecting");
    await sees(driver, "If the relay runs, it stores requests meanwhile");
    await shot("down");
    expect(await serious(driver)).toEqual([]);
  });

  test("connects to an SSH host and rejects a changed host key", async () => {
    const { driver } = hookbench;
    await chord(driver, Key.SHIFT, "T");
    await click(driver, "SSH host");
    await sees(driver, "Live: while this computer is offline, senders get errors");
    await fill("Host", "nobody@");
    await click(driver, "Start");
    await sees(driver, "Invalid SSH destination");
    await shot("ssh-start");
    expect(await serious(driver)).toEqual([]);
    await fill("Host", sshd.place);
    await fill("Public URL", "https://hooks.example");
    await click(driver, "Start");
    await sees(driver, "Host key");
    const article = `article[aria-label="Tunnel to ssh://${sshd.place}"]`;
    await pick(driver, `${article} [role=combobox]`, /^inbox$/);
    await sees(driver, "Access control");
    await shot("ssh-expose");
    expect(await serious(driver)).toEqual([]);
    await click(driver, "Save");
    await sees(driver, "https://hooks.example/");
    await driver.executeScript("document.querySelector(arguments[0]).scrollIntoView()", article);
    await shot("ssh");
    await sshd.change();
    await sees(driver, "The host key has changed");
    await shot("ssh-other-key");
    for (const theme of ["dark", "light"] as const) {
      await setTheme(driver, theme);
      expect(await serious(driver)).toEqual([]);
    }
    await click(driver, "Trust key");
    await until("the end of the prompt", () =>
      driver.executeScript<boolean>("return !document.body.textContent.includes('Trust key')"),
    );
    await sees(driver, "Online");
  });

  test("opens a separate listener for the tunnel of another program", async () => {
    const { driver } = hookbench;
    await chord(driver, Key.SHIFT, "T");
    await click(driver, "Another program");
    await fill("Public URL", "https://abc.ngrok.example");
    await fill("Local port", "0");
    await click(driver, "Start");
    await sees(driver, "The port must be");
    await fill("Local port", "");
    await shot("other-start");
    expect(await serious(driver)).toEqual([]);
    await click(driver, "Start");
    await sees(driver, "Forward the program to");
    await sees(driver, "Listening");
    const { items } = await hookbench.api<{ items: { id: string; name: string; kind: { local?: string } }[] }>(
      "/tunnels",
    );
    const made = items.find(({ name }) => name === "https://abc.ngrok.example")!;
    const { exposures } = await hookbench.api<Exposed["items"][0]>(`/tunnels/${made.id}/inboxes/inbox`, {
      method: "PUT",
      body: "{}",
    });
    const token = exposures[0]!.url.split("/").at(-1)!;
    await sees(driver, exposures[0]!.url);
    await driver.executeScript("document.querySelector('article:last-of-type').scrollIntoView()");
    await shot("other");
    expect(await serious(driver)).toEqual([]);
    expect((await fetch(`${made.kind.local}/${token}/from-outside`, { method: "POST", body: "{}" })).status).toBe(200);
    await press(driver, "g", "i");
    await sees(driver, /POST\s+\/from-outside/);
  });
});
