import { useState } from "react";

import { api, type Explanation, type Verification } from "../../api/client";
import { useCommands } from "../../app/commands";
import { Button } from "../../ui/button";
import { TextAreaField } from "../../ui/field";
import { visible } from "../../ui/format";
import { attempt } from "../../ui/toasts";
import { copyText } from "../../ui/transfer";
import { signedAs } from "./digest-rule";
import { ExplanationView } from "./explanation";
import { Snippets } from "./snippets";
import { VerificationForm } from "./verification-form";

const EXAMPLE = `POST /hook HTTP/1.1
Host: example.com
X-Hub-Signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17

Hello, World!`;

const base64 = (text: string): string =>
  btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(""));

/** The signature debugger: verifies or signs a pasted message with the scheme of any provider. Nothing is stored. */
export function DebuggerPage() {
  const [message, setMessage] = useState("");
  const [keys, setKeys] = useState<Verification>({
    provider: "github",
    scheme: null,
    secrets: [],
    params: {},
    url: null,
  });
  const [explained, setExplained] = useState<Explanation>();
  const [signed, setSigned] = useState<string>();
  const [found, setFound] = useState<string>();
  const [working, setWorking] = useState(false);
  const question = () => ({ ...keys, secrets: keys.secrets?.filter(Boolean), request: base64(message) });
  const run = async (work: () => Promise<void>): Promise<void> => {
    setWorking(true);
    setExplained(undefined);
    setSigned(undefined);
    setFound(undefined);
    await attempt(work());
    setWorking(false);
  };
  const explain = (): void => void run(async () => setExplained(await api.explain(question())));
  const sign = (): void =>
    void run(async () => {
      const { headers, outside_headers } = await api.sign(question());
      setSigned(
        [
          ...headers.map(([name, value]) => `${name}: ${value}`),
          ...outside_headers.map(([place, value]) => `${place} = ${value}`),
        ].join("\n"),
      );
    });
  const find = (): void =>
    void run(async () => {
      const { items } = await api.findSchemes(question());
      const vendors = items.flatMap((item) => (item.name ? [item.name] : []));
      setFound(
        vendors.length
          ? signedAs(vendors)
          : items.length
            ? `The signature matches a common scheme of no known provider: ${JSON.stringify(items[0]!.rule)}`
            : "No known scheme produces this signature with this secret.",
      );
    });
  useCommands({ send: explain, "debugger-verify": explain, "debugger-sign": sign });

  return (
    <div className="grid h-full min-h-0 grid-cols-2 max-md:grid-cols-1 max-md:overflow-auto">
      <section
        aria-label="Message and keys"
        data-pane="page"
        tabIndex={-1}
        className="outline-none overflow-auto border-r border-line p-6"
      >
        <h1 className="mb-1 text-title font-semibold tracking-tight">Signature debugger</h1>
        <p className="mb-4 text-ink-2">
          Paste a request, choose the provider, and verify the signature. Nothing here is stored.
        </p>
        <TextAreaField
          label="Request"
          hint="Request line, headers, a blank line, and the body as sent."
          rows={12}
          placeholder={EXAMPLE}
          value={message}
          onChange={setMessage}
        />
        <VerificationForm value={keys} onChange={setKeys} />
        <div className="sticky -bottom-6 -mx-6 -mb-6 flex flex-wrap gap-2 border-t border-line bg-pane px-6 py-3">
          <Button look="primary" disabled={working || !message} onClick={explain}>
            Verify and explain
          </Button>
          <Button disabled={working || !message} onClick={sign}>
            Sign
          </Button>
          <Button disabled={working || !message || !keys.secrets?.[0]} onClick={find}>
            Find scheme
          </Button>
          <Button onClick={() => setMessage(EXAMPLE)}>Load example</Button>
        </div>
      </section>
      <section
        aria-label="Verification"
        aria-live="polite"
        data-pane="detail"
        tabIndex={-1}
        className="overflow-auto outline-none"
      >
        {working && <p className="p-4 text-ink-2">Working…</p>}
        {found !== undefined && <p className="p-4 text-title font-medium">{visible(found)}</p>}
        {explained && <ExplanationView data={explained} />}
        {signed !== undefined && (
          <div className="space-y-3 p-4">
            <h2 className="font-semibold">Added by signing</h2>
            <pre
              className="rounded-[9px] border border-line p-3 font-mono text-data break-all whitespace-pre-wrap"
              tabIndex={0}
            >
              {signed}
            </pre>
            <Button onClick={() => copyText(signed, "headers")}>Copy</Button>
          </div>
        )}
        {keys.provider && (
          <div className="p-4">
            <Snippets provider={keys.provider} scheme={keys.scheme} />
          </div>
        )}
      </section>
    </div>
  );
}
