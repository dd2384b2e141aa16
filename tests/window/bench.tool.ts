/** `cargo xtask bench window`: from the wire to the painted row, and from start to rows, with 100,000 stored. */
import { test } from "vitest";

import { resolve } from "node:path";

import { BINARY, ended, inWindow, prepare, start, until } from "./hookline";
import { rows } from "./page";

const SENT = 200;
const STARTS = 5;

const percentile = (values: number[], share: number): number => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))]!;

/** In the page: when each row of `/paint/N` was painted, by the clock this process reads too. */
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

test("window", async () => {
  const data = process.env.HOOKLINE_FILLED!;
  await prepare(data);
  const bare: number[] = [];
  const starts: number[] = [];
  for (let round = 0; round < STARTS; round++) {
    const blank = await inWindow({}, resolve(BINARY, "../examples/bare_window"));
    bare.push((await blank.driver.executeScript<number>("return performance.timeOrigin + performance.now()")) - blank.asked);
    await blank.driver.quit();
    for (const child of blank.children) await ended(child);
    const hookline = await start("window", { data });
    await until("the rows", async () => (await rows(hookline.driver)).length > 5);
    starts.push((await hookline.driver.executeScript<number>("return performance.timeOrigin + performance.getEntriesByName('hookline-listed')[0].startTime")) - hookline.asked);
    if (round === STARTS - 1) {
      await hookline.driver.executeScript(WATCH);
      const sent: number[] = [];
      for (let n = 0; n < SENT; n++) {
        sent.push(performance.timeOrigin + performance.now());
        await fetch(`${hookline.receiver}/inbox/paint/${n}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ n, text: "x".repeat(900) }) });
        await until("its row", () => hookline.driver.executeScript<boolean>(`return window.painted[${n}] > 0`));
      }
      const painted = await hookline.driver.executeScript<Record<string, number>>("return window.painted");
      const delays = sent.map((at, n) => painted[n]! - at);
      console.info(`wire to painted row, 100,000 stored, ${SENT} requests: p50 ${percentile(delays, 0.5).toFixed(1)} ms, p99 ${percentile(delays, 0.99).toFixed(1)} ms`);
    }
    await hookline.stop();
  }
  const shown = (values: number[]) => values.map((ms) => ms.toFixed(0)).join(", ");
  console.info(`start to first rows, 100,000 stored: ${shown(starts)} ms; a bare window answers a script after ${shown(bare)} ms; medians differ by ${(percentile(starts, 0.5) - percentile(bare, 0.5)).toFixed(0)} ms`);
});
