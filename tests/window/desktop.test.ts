/** Desktop features: single instance, links, tray, close dialog and window position. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { BINARY, PATIENCE, prepare, start, until, type Running } from "./hookbench";
import { click, Key, noDialog, press, screenshot, sees, serious } from "./page";

const home = mkdtempSync(join(tmpdir(), "hookbench-home-"));
// Without --data, the default data folder of the user applies, and only that one is limited to a single instance.
const env = {
  HOME: home,
  XDG_DATA_HOME: join(home, "data"),
  XDG_CONFIG_HOME: join(home, "config"),
  HOOKBENCH_DATA: undefined,
};
const data = join(home, "data", "hookbench");

/** Returns the X id of the window. Undefined while the window is hidden. */
function onScreen(): string | undefined {
  const found = spawnSync("xdotool", ["search", "--onlyvisible", "--name", "^Hookbench$"], { encoding: "utf8" });
  return found.stdout.trim().split("\n")[0] || undefined;
}

/** Wait after which a second close asks again, in ms. Two closes within three seconds quit. */
const ASKED_AGAIN_MS = 3_500;

/** Closes the window through the window manager, repeatedly, until a condition holds. */
async function closeUntil<T>(what: string, seen: () => Promise<T | undefined | false>): Promise<T> {
  let closed = 0;
  return until(what, async () => {
    const found = await seen();
    if (found !== undefined && found !== false) return found;
    if (Date.now() - closed > ASKED_AGAIN_MS) {
      closed = Date.now();
      execFileSync("wmctrl", ["-c", "Hookbench"]);
    }
    return undefined;
  });
}

/** Starts the program a second time, as from a menu or a link. Returns the exit code. */
async function startAgain(...args: string[]): Promise<number> {
  const child = spawn(BINARY, args, { env: { ...process.env, ...env }, stdio: "inherit" });
  const killer = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
  const [code] = (await once(child, "exit")) as [number];
  clearTimeout(killer);
  return code;
}

/** A window manager, which provides frames and close buttons. */
const manager = spawn("openbox", [], { stdio: "ignore" });
beforeAll(() => until("the window manager", async () => spawnSync("wmctrl", ["-m"]).status === 0));
afterAll(() => manager.kill());

describe("a single instance on a desktop", () => {
  let hookbench: Running;
  beforeAll(async () => {
    mkdirSync(data, { recursive: true });
    await prepare(data, { on_close: "ask" });
    hookbench = await start("window", { data, env });
    await sees(hookbench.driver, "Listening.");
  });
  afterAll(async () => {
    await hookbench?.stop();
    rmSync(home, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
  });

  test("a second start opens its link in the first window", async () => {
    expect(await startAgain("hookbench://settings")).toBe(0);
    await sees(hookbench.driver, "Data folder");
    expect(await startAgain("hookbench://inbox/inbox")).toBe(0);
    await sees(hookbench.driver, "Listening.");
    // A link must not leave the page or call the API.
    expect(await startAgain("hookbench://inbox/../api/v1/status")).toBe(0);
    await sees(hookbench.driver, "Listening.");
  });

  test("closing asks once, keeps receiving in the tray, and a second start shows the window", async () => {
    const { driver } = hookbench;
    const question = () => driver.executeScript<boolean>("return document.body.innerText.includes('Keep listening?')");
    await closeUntil("the dialog", question);
    expect(await serious(driver)).toEqual([]);
    if (process.env.HOOKBENCH_SHOTS) await screenshot(driver, `${process.env.HOOKBENCH_SHOTS}/closing.png`);
    await press(driver, Key.ESCAPE);
    await noDialog(driver);
    expect(onScreen()).toBeDefined();
    const responded = Date.now();
    await until("the end of three seconds", async () => Date.now() - responded > ASKED_AGAIN_MS);
    await closeUntil("the dialog again", question);
    await click(driver, "Keep");
    await until("a hidden window", async () => onScreen() === undefined);
    expect((await fetch(`${hookbench.listener}/inbox/hidden`, { method: "POST", body: "x" })).status).toBe(200);
    expect((await hookbench.api<{ on_close: string }>("/settings")).on_close).toBe("tray");
    expect(await startAgain()).toBe(0);
    await until("a visible window", async () => onScreen());
    await sees(driver, "/hidden");
    // The choice is saved.
    await closeUntil("a hidden window without a dialog", async () => onScreen() === undefined);
    expect(await startAgain()).toBe(0);
    await until("a visible window", async () => onScreen());
  });
});

test("the window restores its position and size", async () => {
  const first = await start("window");
  let place = {};
  try {
    await sees(first.driver, "Listening.");
    await first.driver.manage().window().setRect({ x: 60, y: 40, width: 1010, height: 660 });
    place = await until("the new size", async () => {
      const rect = await first.driver.manage().window().getRect();
      return rect.width === 1010 && rect;
    });
    await closeUntil("the end of the window", async () => onScreen() === undefined);
  } finally {
    await first.driver.quit().catch(() => undefined);
  }
  const again = await start("window", { data: first.data });
  try {
    await sees(again.driver, "Listening.");
    await until(
      "the same position",
      async () => JSON.stringify(await again.driver.manage().window().getRect()) === JSON.stringify(place),
    );
  } finally {
    await again.stop();
    await first.stop();
  }
});
