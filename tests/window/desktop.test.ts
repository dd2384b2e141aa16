/** What only a desktop has: one instance, links, the tray, the close question, the window's place. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { BINARY, PATIENCE, prepare, start, until, type Running } from "./hookbench";
import { click, Key, noDialog, press, screenshot, sees, serious } from "./page";

const home = mkdtempSync(join(tmpdir(), "hookbench-home-"));
// The user's own data folder, as no --data names another: only that one is a single instance.
const env = {
  HOME: home,
  XDG_DATA_HOME: join(home, "data"),
  XDG_CONFIG_HOME: join(home, "config"),
  HOOKBENCH_DATA: undefined,
};
const data = join(home, "data", "hookbench");

/** The window's X id, while it is on the screen. */
function onScreen(): string | undefined {
  const found = spawnSync("xdotool", ["search", "--onlyvisible", "--name", "^Hookbench$"], { encoding: "utf8" });
  return found.stdout.trim().split("\n")[0] || undefined;
}

/** Two closes within three seconds quit; past them the question is asked anew. */
const ASKED_ANEW_MS = 3_500;

/** Closes the window by its frame, as a person does, and again after a while if nothing comes of it. */
async function closeUntil<T>(what: string, seen: () => Promise<T | undefined | false>): Promise<T> {
  let closed = 0;
  return until(what, async () => {
    const found = await seen();
    if (found !== undefined && found !== false) return found;
    if (Date.now() - closed > ASKED_ANEW_MS) {
      closed = Date.now();
      execFileSync("wmctrl", ["-c", "Hookbench"]);
    }
    return undefined;
  });
}

/** A second start, as from a menu or a link; how it ended. */
async function startAgain(...args: string[]): Promise<number> {
  const child = spawn(BINARY, args, { env: { ...process.env, ...env }, stdio: "inherit" });
  const killer = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
  const [code] = (await once(child, "exit")) as [number];
  clearTimeout(killer);
  return code;
}

/** Frames and close buttons are a window manager's. */
const manager = spawn("openbox", [], { stdio: "ignore" });
beforeAll(() => until("the window manager", async () => spawnSync("wmctrl", ["-m"]).status === 0));
afterAll(() => manager.kill());

describe("one Hookbench on a desktop", () => {
  let hookbench: Running;
  beforeAll(async () => {
    mkdirSync(data, { recursive: true });
    await prepare(data, { on_close: "ask" });
    hookbench = await start("window", { data, env });
    await sees(hookbench.driver, "Listening.");
  });
  afterAll(async () => {
    await hookbench?.stop();
    rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  });

  test("a second start is none, and shows what its link names", async () => {
    expect(await startAgain("hookbench://settings")).toBe(0);
    await sees(hookbench.driver, "Data folder");
    expect(await startAgain("hookbench://inbox/inbox")).toBe(0);
    await sees(hookbench.driver, "Listening.");
    // What a link must not do: leave the page, or reach the API.
    expect(await startAgain("hookbench://inbox/../api/v1/status")).toBe(0);
    await sees(hookbench.driver, "Listening.");
  });

  test("closing asks once; kept in the tray it goes on receiving, and a second start brings it back", async () => {
    const { driver } = hookbench;
    const question = () => driver.executeScript<boolean>("return document.body.innerText.includes('Keep listening?')");
    await closeUntil("the question", question);
    expect(await serious(driver)).toEqual([]);
    if (process.env.HOOKBENCH_SHOTS) await screenshot(driver, `${process.env.HOOKBENCH_SHOTS}/closing.png`);
    await press(driver, Key.ESCAPE);
    await noDialog(driver);
    expect(onScreen()).toBeDefined();
    const answered = Date.now();
    await until("three seconds to be over", async () => Date.now() - answered > ASKED_ANEW_MS);
    await closeUntil("the question again", question);
    await click(driver, "Keep");
    await until("the window to go", async () => onScreen() === undefined);
    expect((await fetch(`${hookbench.receiver}/inbox/hidden`, { method: "POST", body: "x" })).status).toBe(200);
    expect((await hookbench.api<{ on_close: string }>("/settings")).on_close).toBe("tray");
    expect(await startAgain()).toBe(0);
    await until("the window to be back", async () => onScreen());
    await sees(driver, "/hidden");
    // The answer is kept in mind.
    await closeUntil("the window to go without a word", async () => onScreen() === undefined);
    expect(await startAgain()).toBe(0);
    await until("the window to be back", async () => onScreen());
  });
});

test("the window opens where and as large as it was", async () => {
  const first = await start("window");
  let place = {};
  try {
    await sees(first.driver, "Listening.");
    await first.driver.manage().window().setRect({ x: 60, y: 40, width: 1010, height: 660 });
    place = await until("the new size", async () => {
      const rect = await first.driver.manage().window().getRect();
      return rect.width === 1010 && rect;
    });
    await closeUntil("the window to end", async () => onScreen() === undefined);
  } finally {
    await first.driver.quit().catch(() => undefined);
  }
  const again = await start("window", { data: first.data });
  try {
    await sees(again.driver, "Listening.");
    await until(
      "the same place",
      async () => JSON.stringify(await again.driver.manage().window().getRect()) === JSON.stringify(place),
    );
  } finally {
    await again.stop();
    await first.stop();
  }
});
