/** A large body and a long list, shared by the scale test and the benchmark. */
import type { WebDriver } from "selenium-webdriver";

import { until, type Running } from "./hookbench";
import { press, sees, Key } from "./page";

/** 12 MB of JSON, as an expression that this process and the page can evaluate. */
export const LARGE_JSON = `JSON.stringify({
  items: Array.from({ length: 60_000 }, (_, n) => ({ id: n, event: "message.created", text: "lorem ipsum dolor sit amet ".repeat(5) })),
})`;

/** Sends the large body to `/large` and waits for its row. */
export async function sendLargeJson({ driver, listener }: Running): Promise<void> {
  const body = new Function(`return ${LARGE_JSON}`)() as string;
  if (body.length < 11_000_000) throw new Error(`the large body has only ${body.length} bytes`);
  const headers = { "content-type": "application/json" };
  await fetch(`${listener}/inbox/large`, { method: "POST", headers, body });
  await sees(driver, "/large");
}

/** Opens the request of the large body. Returns the time from the click to the painted tree, in ms. */
export async function openLargeJson(driver: WebDriver): Promise<number> {
  return driver.executeAsyncScript<number>(`
    const done = arguments[arguments.length - 1];
    const row = [...document.querySelectorAll("[data-testid=requests] [role=option]")].find((one) => one.innerText.includes("/large"));
    const started = performance.now();
    row.click();
    const look = () => document.querySelectorAll("[role=treeitem]").length > 1 ? requestAnimationFrame(() => done(performance.now() - started)) : setTimeout(look, 4);
    look();
  `);
}

/** Closes the open request. */
export async function closeLargeJson(driver: WebDriver): Promise<void> {
  await press(driver, Key.ESCAPE);
  await until("the body to go", () =>
    driver.executeScript<boolean>("return document.querySelectorAll('[role=treeitem]').length === 0"),
  );
}

/** Page script that scrolls the list in 200 steps. Returns the sorted times between frames, in ms. */
export const SCROLL = `
  const done = arguments[arguments.length - 1];
  const list = document.querySelector("[data-testid=requests]");
  const times = [];
  const step = (now) => {
    times.push(now);
    list.scrollTop += 180;
    if (times.length < 200) requestAnimationFrame(step);
    else done(times.slice(1).map((time, at) => time - times[at]).sort((a, b) => a - b));
  };
  requestAnimationFrame(step);`;
