/** Starts Hookbench for tests: the binary, the desktop window and a browser. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

import { Builder, Capabilities, WebDriver } from "selenium-webdriver";
import chrome from "selenium-webdriver/chrome.js";
import { Executor, HttpClient } from "selenium-webdriver/http/index.js";

/** Path of the program under test: `HOOKBENCH_BIN`, by default the debug build. */
export const BINARY = process.env.HOOKBENCH_BIN ?? resolve(import.meta.dirname, "../../target/debug/hookbench");

/** Path of the desktop program. */
const DESKTOP = `${BINARY}-desktop`;

/** Maximum time for a condition on a busy computer with two cores, in ms. `HOOKBENCH_PATIENCE` changes it. */
export const PATIENCE = Number(process.env.HOOKBENCH_PATIENCE ?? 20_000);

export type TransportName = "window" | "browser";
export const TRANSPORTS: readonly TransportName[] = ["window", "browser"];

export interface Running {
  transport: TransportName;
  driver: WebDriver;
  /** Time of the start, in ms since the epoch. */
  asked: number;
  /** Base URL of the listener. */
  listener: string;
  data: string;
  /** Id of the process that owns the data folder. */
  pid: number;
  /** Calls the local HTTP API. */
  api<T = unknown>(path: string, init?: RequestInit): Promise<T>;
  stop(): Promise<void>;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

/** Calls a function until it returns a value. Throws an error after the given time, in ms. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | false>,
  patience = PATIENCE,
): Promise<T> {
  const end = Date.now() + patience;
  let last: unknown;
  while (Date.now() < end) {
    try {
      const response = await ask();
      if (response !== undefined && response !== false) return response;
    } catch (error) {
      last = error;
    }
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`waited ${patience} ms for ${what}${last ? `: ${last}` : ""}`);
}

export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  const killer = setTimeout(() => child.kill("SIGKILL"), 5_000);
  await exit;
  clearTimeout(killer);
}

interface Live {
  pid: number;
  api: string;
  listener: string | null;
}

function apiOf(data: string) {
  return async <T>(path: string, init: RequestInit = {}): Promise<T> => {
    const { api } = JSON.parse(readFileSync(join(data, "engine.json"), "utf8")) as Live;
    const token = readFileSync(join(data, "token"), "utf8");
    const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
    const response = await fetch(`${api}/api/v1${path}`, { ...init, headers });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  };
}

/** Sets the address of the listener before the window first opens, so that tests never share a port. */
export async function prepare(data: string, settings: object = {}): Promise<void> {
  const child = spawn(BINARY, ["serve", "--data", data, "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0", "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(createInterface(child.stdout!), "line");
  await apiOf(data)("/settings", {
    method: "PATCH",
    body: JSON.stringify({ listen: `127.0.0.1:${await freePort()}`, on_close: "quit", ...settings }),
  });
  await ended(child);
}

/** Starts a Tauri program with a driver. Returns the driver and the time of the start, in ms since the epoch. */
export async function inWindow(
  env: NodeJS.ProcessEnv,
  application = DESKTOP,
): Promise<{ driver: WebDriver; asked: number; children: ChildProcess[] }> {
  const [port, native] = [await freePort(), await freePort()];
  const tauri = spawn("tauri-driver", ["--port", String(port), "--native-port", String(native)], {
    env: { ...process.env, ...env },
    stdio: "inherit",
  });
  await until("tauri-driver", async () => (await fetch(`http://127.0.0.1:${port}/status`)).ok);
  const capabilities = new Capabilities();
  capabilities.set("tauri:options", { application });
  // The builder requires a browser name, which WebKitWebDriver would reject.
  const asked = performance.timeOrigin + performance.now();
  const driver = WebDriver.createSession(new Executor(new HttpClient(`http://127.0.0.1:${port}`)), capabilities);
  await driver.getSession();
  return { driver, asked, children: [tauri] };
}

async function inBrowser(data: string): Promise<{ driver: WebDriver; asked: number; children: ChildProcess[] }> {
  const asked = performance.timeOrigin + performance.now();
  // Without the trap, a write above the file size limit would end the program instead of failing.
  const child = spawn(
    "sh",
    ["-c", "trap '' XFSZ; exec \"$@\"", "sh", BINARY, "serve", "--data", data, "--api", "127.0.0.1:0"],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const lines = createInterface(child.stderr!);
  const page = await new Promise<string>((found, failed) => {
    lines.on("line", (line) => {
      const url = /http:\/\/\S+#[0-9a-f]{64}/.exec(line);
      if (url) found(url[0]);
    });
    child.on("exit", (code) => failed(new Error(`serve ended with ${code}`)));
  });
  const options = new chrome.Options();
  options.setChromeBinaryPath("/usr/bin/chromium");
  const flags = [
    "headless=new",
    "no-sandbox",
    "disable-gpu",
    "disable-quic",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
    "window-size=1280,820",
    `user-data-dir=${join(data, "chromium")}`,
  ];
  options.addArguments(...flags.map((flag) => `--${flag}`));
  const driver = await new Builder()
    .forBrowser("chrome")
    .setChromeOptions(options)
    .setChromeService(new chrome.ServiceBuilder("/usr/bin/chromedriver"))
    .build();
  await driver.get(page);
  return { driver, asked, children: [child] };
}

/** Stores generated requests in a data folder. */
export async function fill(data: string, count: number): Promise<void> {
  const child = spawn(resolve(BINARY, "../examples/fill"), [data, String(count)], { stdio: "inherit" });
  const [code] = (await once(child, "exit")) as [number];
  if (code !== 0) throw new Error(`fill ended with ${code}`);
}

interface Options {
  /** Existing data folder, which is kept. */
  data?: string;
  /** Number of requests stored before the start. */
  filled?: number;
  env?: NodeJS.ProcessEnv;
  /** Settings saved before the start. */
  settings?: object;
  /** True to wait until the listener listens. */
  listens?: boolean;
}

/** Starts Hookbench with one of its transports, on a new data folder or on an existing one. */
export async function start(
  transport: TransportName,
  { data, filled = 0, env, settings = {}, listens = true }: Options = {},
): Promise<Running> {
  const folder = data ?? mkdtempSync(join(tmpdir(), "hookbench-window-"));
  if (!data) await prepare(folder, settings);
  if (filled) await fill(folder, filled);
  const { driver, asked, children } =
    transport === "window" ? await inWindow(env ?? { HOOKBENCH_DATA: folder }) : await inBrowser(folder);
  const live = () => JSON.parse(readFileSync(join(folder, "engine.json"), "utf8")) as Live;
  const listener = listens ? await until("the listener", async () => live().listener ?? undefined) : "";
  const { pid } = live();
  return {
    transport,
    driver,
    asked,
    listener,
    data: folder,
    pid,
    api: apiOf(folder),
    async stop() {
      await driver.quit().catch(() => undefined);
      for (const child of children) await ended(child);
      // A window that stays in the tray outlives its driver.
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // The process has already ended.
      }
      if (!data) rmSync(folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
    },
  };
}
