/** Actions and queries on the page for tests. */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

import { By, Key, type WebDriver, type WebElement } from "selenium-webdriver";

import { until } from "./hookbench";

export const press = async (driver: WebDriver, ...keys: string[]): Promise<void> => {
  for (const key of keys) await driver.actions().sendKeys(key).perform();
};

/** Types into the focused field. Waits for the focus, because without it letters are commands. */
export async function type(driver: WebDriver, ...keys: string[]): Promise<void> {
  await until("a field to type in", () =>
    driver.executeScript<boolean>("return document.activeElement.matches('input, textarea, [contenteditable=true]')"),
  );
  await press(driver, ...keys);
}

/**
 * Waits until no dialog is open. A closing dialog receives keys until its animation ends. Toasts have the role of a
 * dialog as well, so the attribute identifies dialogs.
 */
export const noDialog = (driver: WebDriver): Promise<true> =>
  until("the dialog to be gone", () =>
    driver.executeScript<true | false>("return !document.querySelector('[data-modal]')"),
  );

export const chord = (driver: WebDriver, modifier: string, key: string): Promise<void> =>
  driver.actions().keyDown(modifier).sendKeys(key).keyUp(modifier).perform();

/** Returns the visible text of the page. */
export const seen = (driver: WebDriver): Promise<string> =>
  driver.executeScript<string>("return document.body.innerText");

export const sees = (driver: WebDriver, text: string | RegExp): Promise<true> =>
  until(`the page to show ${text}`, async () => {
    const now = await seen(driver);
    return (typeof text === "string" ? now.includes(text) : text.test(now)) || undefined;
  });

export const rows = (driver: WebDriver): Promise<string[]> =>
  driver.executeScript<string[]>(
    'return [...document.querySelectorAll("[data-testid=requests] [role=option]")].map((row) => row.innerText.replace(/\\s+/g, " "))',
  );

/** Returns the number of requests in the list. The page holds only the visible rows. */
export const total = (driver: WebDriver): Promise<number> =>
  driver.executeScript<number>(
    'return Number(document.querySelector("[data-testid=requests] [role=option]")?.ariaSetSize ?? 0)',
  );

/** Page script that finds a control by its name, or by the first word of its text. */
const FIND = `
  const [name] = arguments;
  const controls = [...document.querySelectorAll("button,a,[role=tab],[role=radio],[role=menuitem]")].filter((one) => one.getClientRects().length > 0);
  const whole = (one) => one.getAttribute("aria-label") === name || one.innerText.trim() === name || one.title === name;
  return controls.find(whole) ?? controls.find((one) => one.innerText.trim().split(/\\s/)[0] === name) ?? null`;

export const button = (driver: WebDriver, name: string): Promise<WebElement> =>
  until(`the button ${name}`, async () => (await driver.executeScript<WebElement | null>(FIND, name)) ?? undefined);

/** Clicks a control. Tries again if it moves or is covered. */
export const click = (driver: WebDriver, name: string): Promise<true> =>
  until(`a click on ${name}`, async () => {
    const control = await button(driver, name);
    try {
      await control.click();
    } catch (covered) {
      // A covering toast disappears once the pointer leaves it. Scrolling uncovers a control below a form footer.
      await driver.actions().move({ x: 1, y: 1 }).perform();
      await driver.executeScript("arguments[0].scrollIntoView({ block: 'center' })", control);
      throw covered;
    }
    return true as const;
  });

export const setTheme = async (driver: WebDriver, theme: "light" | "dark"): Promise<unknown> => {
  // The first key must not go to a closing dialog.
  await noDialog(driver);
  return until(`the ${theme} theme`, async () => {
    if ((await driver.executeScript("return document.documentElement.dataset.theme")) === theme) return true;
    await press(driver, "g", "t");
    return false;
  });
};

/** Chooses an option of a select by keyboard. `selector` identifies the select. */
export async function pick(driver: WebDriver, selector: string, option: RegExp): Promise<void> {
  await until(`the select ${selector}`, () =>
    driver.executeScript<boolean>(
      "const select = document.querySelector(arguments[0]); select?.focus(); return Boolean(select) && document.activeElement === select",
      selector,
    ),
  );
  await press(driver, Key.ENTER);
  await until(`the option ${option}`, async () => {
    const highlighted = await driver.executeScript<string | undefined>(
      "return document.querySelector('[role=option][data-highlighted]')?.textContent.trim()",
    );
    if (highlighted !== undefined && option.test(highlighted)) return true;
    if (highlighted !== undefined) await press(driver, Key.ARROW_DOWN);
    return false;
  });
  await press(driver, Key.ENTER);
}

/** Opens a select with a search input and types into it. */
export async function search(driver: WebDriver, label: string, typed: string): Promise<void> {
  await until(`the select ${label}`, () =>
    driver.executeScript<boolean>(
      `const [label] = arguments;
       const trigger = [...document.querySelectorAll("[role=combobox]")].find((one) => one.labels?.[0]?.innerText === label || one.ariaLabel === label);
       trigger?.focus();
       return Boolean(trigger) && document.activeElement === trigger`,
      label,
    ),
  );
  await press(driver, Key.ENTER);
  await until(`the search input of ${label}`, () =>
    driver.executeScript<boolean>("return document.activeElement?.ariaLabel === 'Search options'"),
  );
  await type(driver, typed);
}

/** Chooses an option of a select with a search input, by keyboard. */
export async function choose(driver: WebDriver, label: string, typed: string, option: string): Promise<void> {
  await search(driver, label, typed);
  await until(`${option} to be highlighted`, () =>
    driver.executeScript<boolean>(
      "return document.querySelector('[role=option][data-highlighted]')?.textContent.trim() === arguments[0]",
      option,
    ),
  );
  await press(driver, Key.ENTER);
  await until(`${label} to be ${option}`, () =>
    driver.executeScript<boolean>("return document.activeElement?.textContent.trim() === arguments[0]", option),
  );
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Returns the serious and critical violations that axe finds. */
export async function serious(driver: WebDriver): Promise<string[]> {
  await driver.executeScript(axe);
  return driver.executeAsyncScript<string[]>(`
    const done = arguments[arguments.length - 1];
    axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
      done(violations.filter(({ impact }) => impact === "serious" || impact === "critical")
        .map(({ id, nodes }) => id + ": " + nodes.slice(0, 3).map(({ target, failureSummary }) => target.join(" ") + " " + failureSummary.split("\\n").slice(1).join(" ")).join(" | "))));
  `);
}

export async function screenshot(driver: WebDriver, file: string): Promise<void> {
  writeFileSync(file, Buffer.from(await driver.takeScreenshot(), "base64"));
}

export { By, Key };
