/** Hostile content never runs, loads resources or breaks the page, in the desktop window and in a browser. */
import { connect } from "node:net";
import { once } from "node:events";
import { deflateSync, gzipSync } from "node:zlib";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { TRANSPORTS, start, until, type Running } from "./hookbench";
import { click, Key, press, seen, sees, total } from "./page";

/** Markup that sets a flag in every way in which a page could run code. */
const SCRIPT = `<script>window.hacked=1</script><img src=x onerror="window.hacked=1"><svg onload="window.hacked=1"><iframe srcdoc="<script>parent.hacked=1</script>"></iframe><a href="javascript:window.hacked=1">x</a><meta http-equiv=refresh content="0;url=javascript:window.hacked=1">`;

describe.each(TRANSPORTS)("hostile content in the %s", (transport) => {
  let hookbench: Running;
  let count = 0;
  beforeAll(async () => {
    hookbench = await start(transport);
    await sees(hookbench.driver, "Listening.");
  });
  afterAll(() => hookbench?.stop());

  /** Sends a request and opens it. */
  async function open(path: string, headers: Record<string, string>, body: string | Uint8Array): Promise<void> {
    await fetch(`${hookbench.listener}/inbox${path}`, { method: "POST", headers, body: body as never });
    await opened();
  }

  async function opened(): Promise<void> {
    count++;
    await until(`row ${count}`, async () => (await total(hookbench.driver)) === count);
    await press(hookbench.driver, Key.HOME);
    await sees(hookbench.driver, "Copy as");
  }

  async function unharmed(): Promise<void> {
    const found = await hookbench.driver.executeScript<object>(`return {
      hacked: window.hacked ?? null,
      scripts: [...document.scripts].filter((one) => !one.src).length,
      frames: document.querySelectorAll("iframe,object,embed").length,
      away: [...document.querySelectorAll("img,link,a,source")].map((one) => one.src ?? one.href).filter((url) => /^(https?:\\/\\/(?!127\\.0\\.0\\.1)|javascript:)/.test(url) && !url.startsWith(location.origin) && !url.includes("tauri.localhost")),
    }`);
    expect(found).toEqual({ hacked: null, scripts: 0, frames: 0, away: [] });
  }

  test.each([
    ["HTML", "text/html"],
    ["SVG", "image/svg+xml"],
    ["a script with an image type", "image/png"],
    ["a script with a JSON type", "application/json"],
  ])("never runs scripts of %s", async (_, type) => {
    await open(`/${encodeURIComponent(SCRIPT).slice(0, 300)}`, { "content-type": type, "x-script": SCRIPT }, SCRIPT);
    for (const tab of ["Headers", "Response", "Raw", "Body"]) {
      await click(hookbench.driver, tab);
      await unharmed();
    }
    await press(hookbench.driver, "y");
    await unharmed();
  });

  test("shows markup in JSON keys and values as text", async () => {
    await open(
      "/json",
      { "content-type": "application/json" },
      JSON.stringify({ [SCRIPT]: SCRIPT, __proto__x: 1, constructor: { prototype: SCRIPT } }),
    );
    await sees(hookbench.driver, "<script>window.hacked=1</script>");
    await unharmed();
  });

  test("does not expand XML entities and limits nesting", async () => {
    const xml = { "content-type": "application/xml" };
    await open(
      "/order",
      xml,
      '<?xml version="1.0"?><order id="42"><item>first</item><item note="a&amp;b">second</item><!-- odd --></order>',
    );
    await until("the tree", () =>
      hookbench.driver.executeScript<boolean>("return document.querySelectorAll('[role=treeitem]').length === 6"),
    );
    await sees(hookbench.driver, "a&b");
    const entities = Array.from({ length: 12 }, (_, n) => `<!ENTITY e${n + 1} "${`&e${n};`.repeat(10)}">`).join("");
    await open(
      "/entities",
      xml,
      `<?xml version="1.0"?><!DOCTYPE o [<!ENTITY e0 "ha"><!ENTITY out SYSTEM "file:///etc/passwd">${entities}]><o><a>&out;</a><b>&e12;</b></o>`,
    );
    await unharmed();
    await sees(hookbench.driver, "declares custom entities");
    await open("/xml-deep", xml, "<a>".repeat(20_000) + "</a>".repeat(20_000));
    await unharmed();
    await open(
      "/xml-script",
      xml,
      `<html xmlns="http://www.w3.org/1999/xhtml"><script>window.hacked=1</script><img src="x" onerror="window.hacked=1"/></html>`,
    );
    await sees(hookbench.driver, "onerror");
    await unharmed();
  });

  test("decodes a token and marks it as unverified", async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    await open(
      "/token",
      { "content-type": "application/jwt" },
      `${part({ alg: "none" })}.${part({ sub: SCRIPT })}.c2ln`,
    );
    await sees(hookbench.driver, "Decoded, not verified.");
    await sees(hookbench.driver, "<script>window.hacked=1</script>");
    await unharmed();
  });

  test("opens ten thousand levels of JSON", async () => {
    await open("/deep", { "content-type": "application/json" }, "[".repeat(10_000) + "]".repeat(10_000));
    await until("the tree", () =>
      hookbench.driver.executeScript<boolean>("return document.querySelectorAll('[role=treeitem]').length === 3"),
    );
    await click(hookbench.driver, "Text");
    await until("the text", () =>
      hookbench.driver.executeScript<boolean>(
        "return (document.querySelector('.cm-content')?.innerText.length ?? 0) > 100",
      ),
    );
    await click(hookbench.driver, "Tree");
    await unharmed();
  });

  test("escapes invalid UTF-8, control and direction characters", async () => {
    await open(
      "/bytes",
      { "content-type": "application/json" },
      Uint8Array.from([...Buffer.from('{"a":"\u202egnp.exe\u001b[31m'), 0xff, 0xfe, ...Buffer.from('"}')]),
    );
    await unharmed();
    const text = await seen(hookbench.driver);
    expect(text).not.toMatch(/[\u202e\u001b]/);
  });

  test("only displays a file name with parent folders", async () => {
    const body = `--B\r\nContent-Disposition: form-data; name="f"; filename="../../../etc/\\"><script>window.hacked=1</script>"\r\nContent-Type: text/html\r\n\r\n${SCRIPT}\r\n--B--\r\n`;
    await open("/parts", { "content-type": "multipart/form-data; boundary=B" }, body);
    await sees(hookbench.driver, "../../../etc/");
    await unharmed();
  });

  test("accepts a header at the size limit and refuses a larger one", async () => {
    const send = async (length: number): Promise<string> => {
      const { hostname, port } = new URL(hookbench.listener);
      const socket = connect(Number(port), hostname);
      socket.write(`POST /inbox HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Long: ${"<".repeat(length)}\r\n\r\n`);
      const [first] = (await once(socket, "data")) as [Buffer];
      socket.destroy();
      return first.toString().split("\r\n")[0]!;
    };
    expect(await send(65_000)).toContain("200");
    await opened();
    await click(hookbench.driver, "Headers");
    await sees(hookbench.driver, "<".repeat(1000));
    expect(await send(66_000)).toContain("431");
    // The notice of the refused request moves the tabs.
    await sees(hookbench.driver, /refused/i);
    await until("the tab Body", async () => {
      await click(hookbench.driver, "Body");
      return hookbench.driver.executeScript<boolean>(
        "return document.querySelector('[role=tab][aria-selected=true]')?.textContent.startsWith('Body') === true",
      );
    });
    await unharmed();
  });

  test("never runs scripts of forms and invalid images", async () => {
    await open(
      "/form",
      { "content-type": "application/x-www-form-urlencoded" },
      `a=${encodeURIComponent(SCRIPT)}&=&&b`,
    );
    await sees(hookbench.driver, "<script>");
    await open("/image", { "content-type": 'image/png"><script>window.hacked=1</script>' }, SCRIPT);
    await unharmed();
  });

  test("decodes the character set and the content encodings of a body", async () => {
    await open(
      "/latin",
      { "content-type": "application/json; charset=iso-8859-1" },
      new Uint8Array(
        [...'{"city":"K'].map((c) => c.charCodeAt(0)).concat([0xf6, ...[...'ln<b>"}'].map((c) => c.charCodeAt(0))]),
      ),
    );
    await sees(hookbench.driver, "Köln<b>");
    await sees(hookbench.driver, "Decoded (windows-1252)");
    await open(
      "/paypal",
      { "content-type": "application/x-www-form-urlencoded" },
      "first_name=J%F6rg&charset=windows-1252",
    );
    await sees(hookbench.driver, "Jörg");
    await open("/lines", { "content-type": "application/x-ndjson" }, '{"n":1}\n{"n":2}\n');
    await until("two documents", () =>
      hookbench.driver.executeScript<boolean>(
        "return document.querySelectorAll('[role=treeitem][aria-level=\"1\"]').length === 2",
      ),
    );
    await open(
      "/coded",
      { "content-type": "application/json", "content-encoding": "deflate, gzip" },
      gzipSync(deflateSync('{"inner":"text"}')),
    );
    await sees(hookbench.driver, "inner");
    await open("/not-coded", { "content-type": "text/plain", "content-encoding": "gzip" }, "not coded at all");
    await sees(hookbench.driver, "not coded at all");
    await open(
      "/cut",
      { "content-type": "multipart/form-data; boundary=B" },
      '--B\r\nContent-Disposition: form-data; name="a"\r\n\r\none\r\n',
    );
    await sees(hookbench.driver, "The final boundary is missing");
    await unharmed();
  });
});
