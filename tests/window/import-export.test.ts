/** Import and export by keyboard, in the desktop window and in a browser. */
import { createRequire } from "node:module";

import { Ajv, type ErrorObject } from "ajv";
import addFormats from "ajv-formats";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { TRANSPORTS, start, until, type Running } from "./hookbench";
import { chord, click, Key, noDialog, press, rows, screenshot, seen, sees, serious, setTheme, type } from "./page";

const shots = process.env.HOOKBENCH_SHOTS;
const require = createRequire(import.meta.url);

/** Returns a validator for HAR 1.2 (npm `har-schema`, JSON Schema draft 6), which returns the errors. */
function harSchema(): (har: unknown) => string[] {
  const ajv = new Ajv({ allErrors: true, strict: false });
  ajv.addMetaSchema(require("ajv/dist/refs/json-schema-draft-06.json"));
  addFormats.default(ajv);
  ajv.addSchema(Object.values(require("har-schema")));
  const validate = ajv.getSchema("har.json")!;
  return (har) =>
    validate(har)
      ? []
      : (validate.errors ?? []).map(({ instancePath, message }: ErrorObject) => `${instancePath} ${message}`);
}

describe.each(TRANSPORTS)("import and export in the %s", (transport) => {
  let hookbench: Running;
  const shot = async (name: string): Promise<void> => {
    if (shots) await screenshot(hookbench.driver, `${shots}/${transport}-import-export-${name}.png`);
  };
  /** Fills the field with a label. Waits for the field first. */
  const fill = async (label: string, text: string): Promise<void> => {
    await until(`the field ${label}`, () =>
      hookbench.driver.executeScript<boolean>(
        "const [label] = arguments; const to = [...document.querySelectorAll('label')].find((one) => one.innerText.startsWith(label))?.htmlFor; const field = document.getElementById(to); field?.focus(); field?.select(); return Boolean(field)",
        label,
      ),
    );
    await type(hookbench.driver, text);
  };

  beforeAll(async () => {
    hookbench = await start(transport);
    await sees(hookbench.driver, "Nothing has arrived yet");
  });
  afterAll(() => hookbench?.stop());

  test("imports pasted text and shows its source", async () => {
    const { driver } = hookbench;
    await chord(driver, Key.CONTROL, "o");
    await sees(driver, "Import requests");
    await fill("Paste", "curl 'https://shop.example/orders?x=1' -H 'X-Shop: north' --data-raw '{\"a\":1}'");
    await press(driver, Key.ENTER);
    await type(driver, "curl https://shop.example -d @secret.txt");
    await fill("Into inbox", "inb");
    await until("the inbox as a suggestion", () =>
      driver.executeScript<boolean>(
        "return [...document.querySelectorAll('[role=listbox][aria-label^=\"Into inbox\"] [role=option]')].some((one) => one.innerText === 'inbox')",
      ),
    );
    expect(await serious(driver)).toEqual([]);
    await fill("Into inbox", "support");
    await shot("import");
    await press(driver, Key.ENTER);
    await sees(driver, "1 imported into support, 1 skipped");
    await sees(driver, "secret.txt");
    await shot("imported");
    expect(await serious(driver)).toEqual([]);
    await click(driver, "Show requests");
    await noDialog(driver);
    await until("the row", async () => (await rows(driver)).length === 1);
    expect((await rows(driver))[0]).toContain("/orders?x=1");
    await press(driver, "j", Key.ENTER);
    await sees(driver, "imported from pasted");
    await shot("source");
  });

  test("rejects an unknown format and keeps the input", async () => {
    const { driver } = hookbench;
    await chord(driver, Key.CONTROL, "o");
    await fill("Paste", "Dear support, it does not work.");
    await click(driver, "Import");
    await sees(driver, "is not supported. Supported formats");
    await press(driver, Key.ESCAPE);
    await sees(driver, "Discard changes?");
    await click(driver, "Cancel");
    await press(driver, Key.ESCAPE);
    await click(driver, "Discard");
    await noDialog(driver);
  });

  test("describes what an export contains", async () => {
    const { driver } = hookbench;
    for (const theme of ["dark", "light"] as const) {
      await press(driver, "g", "a");
      await setTheme(driver, theme);
      await until("the row", async () => (await rows(driver)).length === 1);
      await chord(driver, Key.CONTROL, "e");
      await sees(driver, "Exports all requests, newest first");
      await click(driver, "HAR");
      await sees(driver, "HTTP Archive 1.2");
      expect(await serious(driver)).toEqual([]);
      await shot(`export-${theme}`);
      if (theme === "dark") {
        await press(driver, Key.ESCAPE);
        await noDialog(driver);
      }
    }
    // The window opens a native file dialog, which the driver cannot reach.
    if (transport === "browser") {
      await fill("Redact JSON paths", "a..b");
      await press(driver, Key.ENTER);
      await sees(driver, "Invalid path");
      await fill("Redact JSON paths", "a");
      await press(driver, Key.ENTER);
      await sees(driver, "Saved requests.har");
    } else {
      await press(driver, Key.ESCAPE);
    }
    await noDialog(driver);
  });

  test("exports the selected requests", async () => {
    const { driver } = hookbench;
    await hookbench.api("/import?inbox=support", { method: "POST", body: '{"target":"/one"}\n{"target":"/two"}' });
    await until("the rows", async () => (await rows(driver)).length === 3);
    await press(driver, "j", "x", "x");
    await sees(driver, "2 selected");
    await shot("ticked");
    await chord(driver, Key.CONTROL, "e");
    await sees(driver, "Exports the selected requests");
    expect(await serious(driver)).toEqual([]);
    await press(driver, Key.ESCAPE);
    await noDialog(driver);
    await chord(driver, Key.SHIFT, "x");
    await until("no selection", async () => !(await seen(driver)).includes("2 selected"));
  });

  test("exports HAR that is valid by the schema of HAR 1.2", async () => {
    await fetch(`${hookbench.listener}/inbox/bytes?q=1&q=%C3%BC`, {
      method: "POST",
      headers: { "x-empty": "" },
      body: new Uint8Array([0, 255, 1]),
    });
    await until("the request", async () => (await hookbench.api<{ items: unknown[] }>("/requests")).items.length === 4);
    const har = await hookbench.api<{ log: { entries: { request: { postData?: { text: string } } }[] } }>(
      "/export?as=har",
    );
    expect(har.log.entries).toHaveLength(4);
    expect(harSchema()(har)).toEqual([]);
    expect(har.log.entries.map(({ request }) => request.postData?.text)).toEqual([
      "AP8B",
      undefined,
      undefined,
      '{"a":1}',
    ]);
  });

  test("refuses to read files that the user did not choose", async () => {
    if (transport === "browser") return;
    const refused = await hookbench.driver.executeAsyncScript<{ code: string }>(
      "const done = arguments[arguments.length - 1]; window.__TAURI_INTERNALS__.invoke('send_file', { route: '/api/v1/import?name=x', id: 7 }).then(done, done)",
    );
    expect(refused.code).toBe("unknown_file");
  });
});
