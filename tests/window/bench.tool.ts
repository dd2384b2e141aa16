/**
 * `cargo xtask bench window`. With 100,000 stored requests: time from the socket to the painted row, time from start to
 * the first rows, first paint and its fonts, memory, frame times while scrolling, and a large body. With 1,000,000: the
 * traffic strip.
 */
import { test } from "vitest";

import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { BINARY, ended, fill, inWindow, prepare, start, until, type Running } from "./hookbench";
import { closeLargeJson, LARGE_JSON, openLargeJson, SCROLL, sendLargeJson } from "./large";
import { Key, press, rows, sees, type } from "./page";

const SENT = 200;
const STARTS = 5;
const TYPED = 20;
const STRIPS = 20;

/** Time after which the page forgets the counts of a strip that is not shown, in ms. */
const STRIP_CACHED_MS = 6_000;

const percentile = (values: number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))]!;

/** Page script that records when each row of `/paint/N` was painted, on the clock that this process uses. */
const WATCH = `
  window.painted = {};
  new MutationObserver(() => {
    for (const row of document.querySelectorAll("[data-testid=requests] [role=option]")) {
      const place = /\\/paint\\/(\\d+)/.exec(row.innerText)?.[1];
      if (place && !(place in window.painted)) {
        window.painted[place] = 0;
        requestAnimationFrame(() => setTimeout(() => (window.painted[place] = performance.timeOrigin + performance.now())));
      }
    }
  }).observe(document.body, { childList: true, subtree: true, characterData: true });`;

/** Page script that records the time from the last change of the query to the painted row. */
const WATCH_FOUND = `
  window.found = {};
  let typed = 0;
  document.addEventListener("input", () => (typed = performance.now()), true);
  new MutationObserver(() => {
    const rows = document.querySelectorAll("[data-testid=requests] [role=option]");
    const place = rows.length === 1 && /\\/orders\\/(\\d+)/.exec(rows[0].innerText)?.[1];
    if (place && !(place in window.found)) {
      window.found[place] = 0;
      const since = typed;
      requestAnimationFrame(() => setTimeout(() => (window.found[place] = performance.now() - since)));
    }
  }).observe(document.body, { childList: true, subtree: true, characterData: true });`;

/** Page script that records the time from a key to the painted strip that follows it. */
const WATCH_STRIP = `
  window.strips = [];
  let pressed;
  document.addEventListener("keydown", () => (pressed = performance.now()), true);
  new MutationObserver(() => {
    if (pressed === undefined || !document.querySelector("section[aria-label=Traffic] svg")) return;
    const since = pressed;
    pressed = undefined;
    requestAnimationFrame(() => setTimeout(() => window.strips.push(performance.now() - since)));
  }).observe(document.body, { childList: true, subtree: true });`;

const shown = (values: number[]): string => values.map((ms) => ms.toFixed(0)).join(", ");
const p50AndP99 = (values: number[]): string =>
  `p50 ${percentile(values, 0.5).toFixed(1)} ms, p99 ${percentile(values, 0.99).toFixed(1)} ms`;

/** Returns the id of the parent of each process. */
function parents(): Map<number, number> {
  const ids = readdirSync("/proc").map(Number).filter(Boolean);
  const parentOf = (id: number): [number, number] | undefined => {
    try {
      return [id, Number(/\nPPid:\s+(\d+)/.exec(readFileSync(`/proc/${id}/status`, "utf8"))?.[1])];
    } catch {
      return undefined;
    }
  };
  return new Map(ids.map(parentOf).filter((one) => one !== undefined));
}

/** Returns the proportional memory of a process and of all processes it started, in MB. */
function memory(id: number): number {
  const all = parents();
  const belongs = (one: number | undefined): boolean => one === id || (one ? belongs(all.get(one)) : false);
  const kilobytes = [...all.keys()].filter(belongs).map((one) => {
    const rollup = readFileSync(`/proc/${one}/smaps_rollup`, "utf8");
    return Number(/\nPss:\s+(\d+)/.exec(rollup)?.[1] ?? 0);
  });
  return kilobytes.reduce((sum, one) => sum + one, 0) / 1024;
}

async function timeArrivals({ driver, listener }: Running): Promise<void> {
  await driver.executeScript(WATCH);
  const sent: number[] = [];
  for (let n = 0; n < SENT; n++) {
    sent.push(performance.timeOrigin + performance.now());
    await fetch(`${listener}/inbox/paint/${n}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ n, text: "x".repeat(900) }),
    });
    await until("the row", () => driver.executeScript<boolean>(`return window.painted[${n}] > 0`));
  }
  const painted = await driver.executeScript<Record<string, number>>("return window.painted");
  const delays = sent.map((at, n) => painted[n]! - at);
  console.info(`socket to painted row, 100,000 requests, ${SENT} sent: ${p50AndP99(delays)}`);
}

async function timeSearches({ driver }: Running): Promise<void> {
  await driver.executeScript(WATCH_FOUND);
  for (let n = 0; n < TYPED; n++) {
    const place = 1_000 + n * 4_321;
    await press(driver, "/");
    await type(driver, `evt_${String(place).padStart(8, "0")}`);
    await until("the row", () => driver.executeScript<boolean>(`return window.found[${place}] > 0`));
    await press(driver, Key.ESCAPE, Key.ENTER);
  }
  const found = Object.values(await driver.executeScript<Record<string, number>>("return window.found"));
  console.info(`last key to painted row of a search, 100,000 requests, ${TYPED} searches: ${p50AndP99(found)}`);
}

async function timeLargeBody(hookbench: Running): Promise<void> {
  const { driver } = hookbench;
  await press(driver, Key.HOME);
  await sendLargeJson(hookbench);
  const opened: number[] = [];
  for (let round = 0; round < STARTS; round++) {
    opened.push(await openLargeJson(driver));
    await closeLargeJson(driver);
  }
  const parsed = await driver.executeScript<number>(`
    const text = ${LARGE_JSON};
    const started = performance.now();
    JSON.parse(text);
    return performance.now() - started;
  `);
  console.info(`12 MB JSON opened in ${shown(opened)} ms; JSON.parse alone takes ${Math.round(parsed)} ms`);
}

async function describeFirstPaint({ driver }: Running): Promise<void> {
  const { painted, fonts, inter } = await driver.executeScript<{ painted?: number; fonts?: number; inter: boolean }>(`
    return {
      painted: performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
      fonts: performance.getEntriesByName("hookbench-fonts")[0]?.startTime,
      inter: [...document.fonts].some(({ family, status }) => family.includes("Inter") && status === "loaded"),
    }`);
  console.info(
    `first paint at ${painted?.toFixed(0)} ms of the page; fonts ${inter ? "loaded" : "missing"} at ${fonts?.toFixed(0)} ms`,
  );
}

test("window with 100,000 requests", async () => {
  const data = join(process.env.HOOKBENCH_FOLDER!, "100000");
  await fill(data, 100_000);
  await prepare(data);
  const bare: number[] = [];
  const starts: number[] = [];
  for (let round = 0; round < STARTS; round++) {
    const blank = await inWindow({}, resolve(BINARY, "../examples/bare_window"));
    bare.push(
      (await blank.driver.executeScript<number>("return performance.timeOrigin + performance.now()")) - blank.asked,
    );
    await blank.driver.quit();
    for (const child of blank.children) await ended(child);
    const hookbench = await start("window", { data });
    const { driver } = hookbench;
    await until("rows", async () => (await rows(driver)).length > 5);
    starts.push(
      (await driver.executeScript<number>(
        "return performance.timeOrigin + performance.getEntriesByName('hookbench-listed')[0].startTime",
      )) - hookbench.asked,
    );
    if (round === STARTS - 1) {
      await describeFirstPaint(hookbench);
      console.info(`memory of the app with its web view after the start: ${memory(hookbench.pid).toFixed(0)} MB`);
      await timeArrivals(hookbench);
      await timeSearches(hookbench);
      const frames = await driver.executeAsyncScript<number[]>(SCROLL);
      console.info(
        `frame times while scrolling 100,000 rows: ${percentile(frames, 0.5).toFixed(0)} ms at p50, ${percentile(frames, 0.99).toFixed(0)} ms at p99`,
      );
      await timeLargeBody(hookbench);
      console.info(`memory of the app with its web view at the end: ${memory(hookbench.pid).toFixed(0)} MB`);
    }
    await hookbench.stop();
  }
  console.info(
    `start to first rows, 100,000 requests: ${shown(starts)} ms; bare window to first script result: ${shown(bare)} ms; difference of medians: ${(percentile(starts, 0.5) - percentile(bare, 0.5)).toFixed(0)} ms`,
  );
});

test("traffic strip with 1,000,000 requests", async () => {
  const data = join(process.env.HOOKBENCH_FOLDER!, "1000000");
  await fill(data, 1_000_000);
  await prepare(data);
  const hookbench = await start("window", { data });
  const { driver } = hookbench;
  await driver.manage().window().setRect({ width: 1440, height: 900 });
  await until("rows", async () => (await rows(driver)).length > 5);
  await driver.executeScript(WATCH_STRIP);
  for (let n = 0; n < STRIPS; n++) {
    await press(driver, "g", "d");
    await sees(driver, "Deliveries");
    // A new cache entry, so that each strip is counted by the engine.
    await until("the strip to leave the cache", async () =>
      driver.executeScript<boolean>("return !document.querySelector('section[aria-label=Traffic]')"),
    );
    await new Promise((done) => setTimeout(done, STRIP_CACHED_MS));
    await press(driver, "g", "a");
    await until("the strip", () => driver.executeScript<boolean>(`return window.strips.length > ${n}`));
  }
  const strips = await driver.executeScript<number[]>("return window.strips");
  console.info(`key to painted traffic strip, 1,000,000 requests in the hour, ${STRIPS} times: ${p50AndP99(strips)}`);
  await hookbench.stop();
});
