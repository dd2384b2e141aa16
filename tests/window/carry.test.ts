/** Requests in and out of files, by keyboard, through the real window and a browser. */
import { createRequire } from "node:module";

import { Ajv, type ErrorObject } from "ajv";
import addFormats from "ajv-formats";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { DOORS, start, until, type Running } from "./hookbench";
import { chord, click, Key, noDialog, press, rows, screenshot, seen, sees, serious, setTheme, type } from "./page";

const shots = process.env.HOOKBENCH_SHOTS;
const require = createRequire(import.meta.url);

/** The schema of HAR 1.2 (npm `har-schema`, JSON Schema draft 6). */
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

describe.each(DOORS)("carrying in the %s", (door) => {
  let hookbench: Running;
  const shot = async (name: string): Promise<void> => {
    if (shots) await screenshot(hookbench.driver, `${shots}/${door}-carry-${name}.png`);
  };
  /** Fills the field of a label; keys alone would wait for each change of a long text. */
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
    hookbench = await start(door);
    await sees(hookbench.driver, "Nothing has arrived yet");
  });
  afterAll(() => hookbench?.stop());

  test("what is pasted is imported, found and shown with where it came from", async () => {
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
    await sees(driver, "1 imported into support, 1 left out");
    await sees(driver, "secret.txt");
    await shot("imported");
    expect(await serious(driver)).toEqual([]);
    await click(driver, "Show them");
    await noDialog(driver);
    await until("the row", async () => (await rows(driver)).length === 1);
    expect((await rows(driver))[0]).toContain("/orders?x=1");
    await press(driver, "j", Key.ENTER);
    await sees(driver, "imported from pasted");
    await shot("source");
  });

  test("what is none of the formats is refused in words, and nothing is lost", async () => {
    const { driver } = hookbench;
    await chord(driver, Key.CONTROL, "o");
    await fill("Paste", "Dear support, it does not work.");
    await click(driver, "Import");
    await sees(driver, "is in none of the formats");
    await press(driver, Key.ESCAPE);
    await sees(driver, "Discard what you entered?");
    await click(driver, "Cancel");
    await press(driver, Key.ESCAPE);
    await click(driver, "Discard");
    await noDialog(driver);
  });

  test("an export says what it takes along", async () => {
    const { driver } = hookbench;
    for (const theme of ["dark", "light"] as const) {
      await press(driver, "g", "a");
      await setTheme(driver, theme);
      await until("the row", async () => (await rows(driver)).length === 1);
      await chord(driver, Key.CONTROL, "e");
      await sees(driver, "Exports everything, newest first");
      await click(driver, "HAR");
      await sees(driver, "HTTP Archive 1.2");
      expect(await serious(driver)).toEqual([]);
      await shot(`export-${theme}`);
      if (theme === "dark") {
        await press(driver, Key.ESCAPE);
        await noDialog(driver);
      }
    }
    // The window asks for a place in a dialog of the desktop, which no driver reaches.
    if (door === "browser") {
      await fill("Leave out values in JSON", "a..b");
      await press(driver, Key.ENTER);
      await sees(driver, "The path");
      await fill("Leave out values in JSON", "a");
      await press(driver, Key.ENTER);
      await sees(driver, "Saved requests.har");
    } else {
      await press(driver, Key.ESCAPE);
    }
    await noDialog(driver);
  });

  test("what is ticked is exported together", async () => {
    const { driver } = hookbench;
    await hookbench.api("/import?inbox=support", { method: "POST", body: '{"target":"/one"}\n{"target":"/two"}' });
    await until("the rows", async () => (await rows(driver)).length === 3);
    await press(driver, "j", "x", "x");
    await sees(driver, "2 ticked");
    await shot("ticked");
    await chord(driver, Key.CONTROL, "e");
    await sees(driver, "The requests that are ticked");
    expect(await serious(driver)).toEqual([]);
    await press(driver, Key.ESCAPE);
    await noDialog(driver);
    await chord(driver, Key.SHIFT, "x");
    await until("no tick", async () => !(await seen(driver)).includes("2 ticked"));
  });

  test("our HAR is valid by the schema of HAR 1.2", async () => {
    await fetch(`${hookbench.receiver}/inbox/bytes?q=1&q=%C3%BC`, {
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

  test("a page cannot have any file read", async () => {
    if (door === "browser") return;
    const refused = await hookbench.driver.executeAsyncScript<{ code: string }>(
      "const done = arguments[arguments.length - 1]; window.__TAURI_INTERNALS__.invoke('send_file', { route: '/api/v1/import?name=x', id: 7 }).then(done, done)",
    );
    expect(refused.code).toBe("unknown_file");
  });
});
