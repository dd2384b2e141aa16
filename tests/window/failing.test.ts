/** Failures: each one is visible in the page, with a remedy. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "vitest";

import { TRANSPORTS, freePort, prepare, start, until } from "./hookbench";
import { click, press, screenshot, seen, sees, serious, setTheme } from "./page";

const shot = async (...args: Parameters<typeof screenshot>): Promise<void> => {
  if (process.env.HOOKBENCH_SHOTS) await screenshot(args[0], `${process.env.HOOKBENCH_SHOTS}/${args[1]}`);
};

test("shows the process on an occupied port, and listens on another port after a click", async () => {
  const data = mkdtempSync(join(tmpdir(), "hookbench-window-"));
  const port = await freePort();
  await prepare(data, { listen: `127.0.0.1:${port}` });
  const holder = createServer();
  holder.listen(port, "127.0.0.1");
  await once(holder, "listening");
  const { driver, api, stop } = await start("window", { data, listens: false });
  try {
    await sees(driver, `Cannot listen on 127.0.0.1:${port}`);
    await sees(driver, `process ${process.pid}`);
    expect(await seen(driver)).not.toContain("Listening.");
    expect(await serious(driver)).toEqual([]);
    await shot(driver, "taken-port.png");
    const { listener } = await api<{ listener: { offer: string } }>("/status");
    await click(driver, `Use ${listener.offer}`);
    await sees(driver, "Listening. Send a webhook here.");
    expect((await fetch(`http://${listener.offer}/inbox`, { method: "POST", body: "x" })).status).toBe(200);
    expect(await seen(driver)).not.toContain("Cannot listen on");
  } finally {
    await stop();
    holder.close();
    rmSync(data, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
  }
});

test("shows an alarm while the disk is full", async () => {
  const { driver, listener, pid, stop } = await start("browser");
  // A limit on the file size has the effect of a full disk.
  const limit = (bytes: string) => execFileSync("prlimit", [`--fsize=${bytes}:unlimited`, "--pid", String(pid)]);
  const send = async () => (await fetch(`${listener}/inbox`, { method: "POST", body: "x".repeat(100_000) })).status;
  try {
    await sees(driver, "Listening.");
    limit("1000000");
    // Some requests still fit until the log can no longer be written to the database.
    await until(
      "the alarm",
      async () =>
        (await send()) === 503 && (await seen(driver)).includes("Requests are not being stored; senders get 503."),
    );
    expect(await serious(driver)).toEqual([]);
    await shot(driver, "full-disk.png");
    limit("unlimited");
    await expect.poll(() => seen(driver), { timeout: 20_000 }).not.toContain("Requests are not being stored");
    expect(await send()).toBe(200);
  } finally {
    await stop();
  }
});

test("shows at once that the engine has stopped", async () => {
  const running = await start("browser");
  try {
    await sees(running.driver, "Listening.");
    process.kill(running.pid, "SIGKILL");
    await sees(running.driver, "Hookbench is not responding.");
    await shot(running.driver, "engine-gone.png");
  } finally {
    await running.stop();
  }
});

test.each(TRANSPORTS)("shows refused requests until they are dismissed, in the %s", async (transport) => {
  const { driver, listener, stop } = await start(transport);
  const { hostname, port } = new URL(listener);
  /** Sends raw bytes and waits until the listener closes the connection. */
  const send = async (bytes: string): Promise<string> => {
    const socket = connect(Number(port), hostname);
    socket.write(bytes);
    let response = "";
    for await (const piece of socket) response += String(piece);
    return response;
  };
  try {
    await sees(driver, "Listening.");
    expect(
      await send(
        "GET /inbox HTTP/1.1\r\nAuthorization: Bearer s3cret\r\nX-Odd: <script>window.hacked=1</script>\r\n folded\r\n\r\n",
      ),
    ).toContain("folded_header");
    await sees(driver, /1 request refused since \d\d:\d\d: folded header/);
    await send("GET /inbox HTTP/1.1\r\nX Y: 1\r\n\r\n");
    await sees(driver, /2 requests refused since \d\d:\d\d: /);
    // Stored requests do not end the alarm.
    expect((await fetch(`${listener}/inbox`, { method: "POST", body: "x" })).status).toBe(200);
    await sees(driver, "POST");
    expect(await seen(driver)).toContain("2 requests refused");
    expect(await serious(driver)).toEqual([]);
    await shot(driver, `refused-alarm-${transport}.png`);
    await press(driver, "g", "f");
    await sees(driver, "Refused requests");
    await sees(driver, "A header value is folded over several lines");
    await sees(driver, "X Y: 1");
    expect(await seen(driver)).not.toContain("s3cret");
    expect(await driver.executeScript("return window.hacked ?? null")).toBeNull();
    expect(await serious(driver)).toEqual([]);
    for (const theme of ["light", "dark"] as const) {
      await setTheme(driver, theme);
      await shot(driver, `refused-${theme}-${transport}.png`);
    }
    await click(driver, "Dismiss");
    await until("the end of the alarm", async () => !(await seen(driver)).includes("refused since"));
    await sees(driver, "A header value is folded over several lines");
  } finally {
    await stop();
  }
});
