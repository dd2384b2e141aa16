/**
 * `cargo xtask bench window`, with 100,000 stored requests: time from the socket to the painted row, time from start to
 * the first rows, frame times while scrolling, and a large body.
 */
import { test } from "vitest";

import { resolve } from "node:path";

import { BINARY, ended, inWindow, prepare, start, until } from "./hookbench";
import { closeLargeJson, LARGE_JSON, openLargeJson, SCROLL, sendLargeJson } from "./large";
import { Key, press, rows, type } from "./page";

const SENT = 200;
const STARTS = 5;
const TYPED = 20;

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

test("window", async () => {
  const data = process.env.HOOKBENCH_FILLED!;
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
    await until("rows", async () => (await rows(hookbench.driver)).length > 5);
    starts.push(
      (await hookbench.driver.executeScript<number>(
        "return performance.timeOrigin + performance.getEntriesByName('hookbench-listed')[0].startTime",
      )) - hookbench.asked,
    );
    if (round === STARTS - 1) {
      await hookbench.driver.executeScript(WATCH);
      const sent: number[] = [];
      for (let n = 0; n < SENT; n++) {
        sent.push(performance.timeOrigin + performance.now());
        await fetch(`${hookbench.listener}/inbox/paint/${n}`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ n, text: "x".repeat(900) }),
        });
        await until("the row", () => hookbench.driver.executeScript<boolean>(`return window.painted[${n}] > 0`));
      }
      const painted = await hookbench.driver.executeScript<Record<string, number>>("return window.painted");
      const delays = sent.map((at, n) => painted[n]! - at);
      await hookbench.driver.executeScript(WATCH_FOUND);
      for (let n = 0; n < TYPED; n++) {
        const place = 1_000 + n * 4_321;
        await press(hookbench.driver, "/");
        await type(hookbench.driver, `evt_${String(place).padStart(8, "0")}`);
        await until("the row", () => hookbench.driver.executeScript<boolean>(`return window.found[${place}] > 0`));
        await press(hookbench.driver, Key.ESCAPE, Key.ENTER);
      }
      const found = Object.values(await hookbench.driver.executeScript<Record<string, number>>("return window.found"));
      console.info(
        `last key to painted row of a search, 100,000 requests, ${TYPED} searches: p50 ${percentile(found, 0.5).toFixed(1)} ms, p99 ${percentile(found, 0.99).toFixed(1)} ms`,
      );
      console.info(
        `socket to painted row, 100,000 requests, ${SENT} sent: p50 ${percentile(delays, 0.5).toFixed(1)} ms, p99 ${percentile(delays, 0.99).toFixed(1)} ms`,
      );
      const frames = await hookbench.driver.executeAsyncScript<number[]>(SCROLL);
      console.info(
        `frame times while scrolling 100,000 rows: ${percentile(frames, 0.5).toFixed(0)} ms at p50, ${percentile(frames, 0.99).toFixed(0)} ms at p99`,
      );
      await press(hookbench.driver, Key.HOME);
      await sendLargeJson(hookbench);
      const opened: number[] = [];
      for (let round = 0; round < STARTS; round++) {
        opened.push(await openLargeJson(hookbench.driver));
        await closeLargeJson(hookbench.driver);
      }
      const parsed = await hookbench.driver.executeScript<number>(`
        const text = ${LARGE_JSON};
        const started = performance.now();
        JSON.parse(text);
        return performance.now() - started;
      `);
      console.info(
        `12 MB JSON opened in ${opened.map(Math.round).join(", ")} ms; JSON.parse alone takes ${Math.round(parsed)} ms`,
      );
    }
    await hookbench.stop();
  }
  const shown = (values: number[]) => values.map((ms) => ms.toFixed(0)).join(", ");
  console.info(
    `start to first rows, 100,000 requests: ${shown(starts)} ms; bare window to first script result: ${shown(bare)} ms; difference of medians: ${(percentile(starts, 0.5) - percentile(bare, 0.5)).toFixed(0)} ms`,
  );
});
