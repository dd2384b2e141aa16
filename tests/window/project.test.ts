/** What a project file manages is marked in the window. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { BINARY, TRANSPORTS, start, until, type Running } from "./hookbench";
import { button, chord, click, Key, noDialog, press, screenshot, seen, sees, serious, setTheme } from "./page";

const FILE = `
name = "shop"
settings.retention.days = 30
[inbox.shop]
status_by_path = true
[endpoint.staging]
url = "https://staging.example/hooks"
provider = "github"
`;

describe.each(TRANSPORTS)("a project file in the %s", (transport) => {
  let hookbench: Running;
  const folder = mkdtempSync(join(tmpdir(), "hookbench-project-"));
  const run = (...args: string[]) =>
    execFileSync(BINARY, [...args, "--data", hookbench.data], { cwd: folder, encoding: "utf8" });
  const shot = async (name: string): Promise<void> => {
    if (process.env.HOOKBENCH_SHOTS)
      await screenshot(hookbench.driver, `${process.env.HOOKBENCH_SHOTS}/${transport}-project-${name}.png`);
  };

  beforeAll(async () => {
    hookbench = await start(transport);
    await hookbench.driver.manage().window().setRect({ width: 1280, height: 820 });
    writeFileSync(join(folder, "hookbench.toml"), FILE);
    expect(run("up")).toContain("+ create inbox shop");
  });
  afterAll(async () => {
    await hookbench?.stop();
    rmSync(folder, { recursive: true });
  });

  test("marks the inbox, and says in its settings where to change it", async () => {
    const { driver } = hookbench;
    await click(driver, "shop");
    await sees(driver, "Managed by hookbench.toml");
    expect(await serious(driver)).toEqual([]);
    await shot("inbox");
    await (await button(driver, "Inbox settings")).click();
    await sees(driver, "Managed by hookbench.toml");
    await sees(driver, join(folder, "hookbench.toml"));
    await shot("inbox-settings");
    await press(driver, Key.ESCAPE);
    await noDialog(driver);
  });

  test("marks the endpoint and the settings", async () => {
    const { driver } = hookbench;
    await click(driver, "Endpoints");
    await click(driver, "staging");
    await sees(driver, "Managed by hookbench.toml");
    await shot("endpoint");
    await chord(driver, Key.CONTROL, ",");
    await sees(driver, "The project shop manages some of these settings.");
    expect(await serious(driver)).toEqual([]);
    await shot("settings");
    await setTheme(driver, "dark");
    expect(await serious(driver)).toEqual([]);
    await shot("settings-dark");
    await setTheme(driver, "light");
  });

  test("marks nothing that is made by hand, and nothing after the project was taken down", async () => {
    const { driver } = hookbench;
    await click(driver, "inbox");
    await sees(driver, /Send a webhook here/);
    expect(await seen(driver)).not.toContain("hookbench.toml");
    await click(driver, "shop");
    await sees(driver, "Managed by hookbench.toml");
    writeFileSync(join(folder, "hookbench.toml"), `${FILE}\n[inbox.other]\n`);
    run("up");
    await click(driver, "other");
    await sees(driver, "Managed by hookbench.toml");
    run("down");
    await sees(driver, "Inbox other not found");
    await until("the end of the inbox shop", async () => !/\bshop\b/.test(await seen(driver)));
    expect(await seen(driver)).not.toContain("hookbench.toml");
    expect(await hookbench.api<{ items: unknown[] }>("/projects")).toEqual({ items: [] });
    // The page says what happened, without a toast for each read that failed.
    expect(await seen(driver)).not.toContain("inbox_not_found");
  });
});
