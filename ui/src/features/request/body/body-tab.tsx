import { useQuery } from "@tanstack/react-query";
import { AlertTriangle, Copy, Download } from "lucide-react";
import { lazy, Suspense, useEffect, useMemo, useState, type ReactNode } from "react";

import { api, bytes as readBytes, requestRoute, type Detail } from "../../../api/client";
import { Button, IconButton } from "../../../ui/button";
import { Choice } from "../../../ui/choice";
import { Notice } from "../../../ui/notice";
import { size, visible } from "../../../ui/format";
import { attempt, tell } from "../../../ui/toasts";
import { CallError, platform } from "../../../platform";
import { prefer, usePreferences } from "../../../ui/preferences";
import type { Language } from "../../../ui/code-view";
import { FormTable } from "./form-table";
import { HexView } from "./hex-view";
import { jsonFormatted, jsonIndex } from "./json";
import { JsonTree } from "./json-tree";
import { jwtParts } from "./jwt";
import { PartsTable } from "./parts-table";
import { XmlTree } from "./xml-tree";

const CodeView = lazy(() => import("../../../ui/code-view"));

/** Bodies above this are shown by their beginning; the whole can be saved. */
const SHOWN_MAX = 32 * 1024 * 1024;
const BEGINNING = 1024 * 1024;

type View = "tree" | "elements" | "token" | "text" | "hex" | "form" | "parts" | "image";
const NAMES: Record<View, string> = {
  tree: "Tree",
  elements: "Tree",
  token: "Token",
  text: "Text",
  hex: "Hex",
  form: "Form",
  parts: "Parts",
  image: "Image",
};
const IMAGE_TYPE = /^image\/[a-z0-9.+-]+/;

/** XML above this is shown as text: its tree is built in the page's own thread. */
const XML_TREE_MAX = 2 * 1024 * 1024;

const looksLikeJson = (bytes: Uint8Array): boolean =>
  /^\s*[{["\d-]/.test(String.fromCharCode(...bytes.subarray(0, 64)));

function isText(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return !bytes.subarray(0, 4096).includes(0);
  } catch {
    return false;
  }
}

/** What a body can be looked at as, the best first. */
function viewsOf(detail: Detail, bytes: Uint8Array): View[] {
  const { kind } = detail.content;
  if (bytes.length === 0) return [];
  if (kind === "multipart") return ["parts", "text", "hex"];
  if (kind === "form") return ["form", "text", "hex"];
  if (kind === "image") return ["image", "hex"];
  if (kind === "xml" && bytes.length <= XML_TREE_MAX) return ["elements", "text", "hex"];
  if (kind === "xml" || kind === "html") return ["text", "hex"];
  if (jwtParts(bytes)) return ["token", "text", "hex"];
  if (kind === "json" || looksLikeJson(bytes)) return ["tree", "text", "hex"];
  return isText(bytes) ? ["text", "hex"] : ["hex", "text"];
}

/** What of a body is read: its bytes as they came, with its codings undone, or as UTF-8 text whatever it was written in. */
type Reading = "sent" | "decoded" | "text";
const ROUTES: Record<Reading, string> = { sent: "body", decoded: "body?decoded=true", text: "body?text=true" };

function useBody(detail: Detail, reading: Reading, enabled = true) {
  const whole = detail.body_bytes <= SHOWN_MAX;
  return useQuery({
    queryKey: ["body", detail.id, reading],
    gcTime: 5_000,
    enabled,
    queryFn: () =>
      readBytes(
        requestRoute(detail.id, ROUTES[reading]),
        whole ? {} : { headers: { range: `bytes=0-${BEGINNING - 1}` } },
      ),
  });
}

/** How the engine reads the body; none of one that is only shown by its beginning. */
function useReading(detail: Detail) {
  const enabled = detail.body_bytes > 0 && detail.body_bytes <= SHOWN_MAX && detail.body_state !== "too_large";
  return useQuery({ queryKey: ["reading", detail.id], gcTime: 5_000, enabled, queryFn: () => api.reading(detail.id) })
    .data;
}

function Image({ bytes, type }: { bytes: Uint8Array<ArrayBuffer>; type: string }) {
  const url = useMemo(
    () => URL.createObjectURL(new Blob([bytes], { type: IMAGE_TYPE.exec(type)?.[0] ?? "" })),
    [bytes, type],
  );
  useEffect(() => () => URL.revokeObjectURL(url), [url]);
  return (
    <div className="h-full overflow-auto p-4">
      <img src={url} alt="The body as an image" className="max-w-full border border-line" />
    </div>
  );
}

function Tree({ bytes, fallback }: { bytes: Uint8Array<ArrayBuffer>; fallback: ReactNode }) {
  const { data } = useQuery({
    queryKey: ["json", bytes],
    queryFn: () => jsonIndex(bytes),
    queryKeyHashFn: () => `json-${identity(bytes)}`,
    gcTime: 0,
  });
  if (data === undefined) return null;
  if (typeof data === "number") {
    return (
      <div className="flex h-full flex-col">
        <p className="border-b border-line px-4 py-2 text-warning">
          This is not valid JSON from byte {data} on; it is shown as text.
        </p>
        <div className="min-h-0 flex-1">{fallback}</div>
      </div>
    );
  }
  return <JsonTree index={data} />;
}

/** A JSON Web Token opened up. Nothing here says that its signature holds. */
function Token({ bytes }: { bytes: Uint8Array }) {
  const parts = useMemo(() => jwtParts(bytes), [bytes]);
  return (
    <div className="flex h-full flex-col">
      <p className="border-b border-line px-4 py-2 text-ink-2">Decoded, not verified.</p>
      {parts?.map(([name, part]) => (
        <section key={name} aria-label={name} className="flex min-h-0 flex-1 flex-col">
          <h3 className="px-4 pt-2 text-small text-ink-2">{name}</h3>
          <div className="min-h-0 flex-1">
            <Tree bytes={part} fallback={<Text bytes={part} language="text" />} />
          </div>
        </section>
      ))}
    </div>
  );
}

const identities = new WeakMap<object, number>();
let lastIdentity = 0;
/** A number for an object, as large bodies must not be hashed to be told apart. */
function identity(object: object): number {
  const known = identities.get(object) ?? ++lastIdentity;
  identities.set(object, known);
  return known;
}

function Text({ bytes, language }: { bytes: Uint8Array<ArrayBuffer>; language: Language }) {
  const [laidOut, setLaidOut] = useState(language === "json");
  const formatted = useQuery({
    queryKey: ["formatted", bytes],
    queryKeyHashFn: () => `formatted-${identity(bytes)}`,
    queryFn: () => jsonFormatted(bytes),
    enabled: laidOut && language === "json",
    gcTime: 0,
  });
  const sent = useMemo(() => new TextDecoder().decode(bytes), [bytes]);
  const text = laidOut && language === "json" ? formatted.data : sent;
  return (
    <div className="flex h-full flex-col">
      {language === "json" && (
        <div className="px-4 pt-2">
          <Choice
            label="Layout"
            value={laidOut ? "formatted" : "sent"}
            options={[
              ["formatted", "Formatted"],
              ["sent", "As sent"],
            ]}
            onChange={(now) => setLaidOut(now === "formatted")}
          />
        </div>
      )}
      <div className="min-h-0 flex-1">
        {text !== undefined && (
          <Suspense fallback={null}>
            <CodeView text={text ?? sent} language={language} label="Body as text" />
          </Suspense>
        )}
      </div>
    </div>
  );
}

const STATES: Record<string, string> = {
  broken_off: "The sender broke off. This is only what had arrived.",
  stalled: "The sender fell silent for too long. This is only what had arrived.",
  too_large: "The body was larger than the limit and was refused; none of it was kept.",
};

export function BodyTab({ detail }: { detail: Detail }) {
  const { content } = detail;
  const coded = content.codings.length > 0;
  const whole = detail.body_bytes <= SHOWN_MAX;
  const [read, setRead] = useState(whole && (!coded || content.decodable));
  const reading = useReading(detail);
  const body = useBody(detail, read ? "text" : "sent");
  const preferred = usePreferences().bodyView;
  const [picked, setPicked] = useState<View>();
  const parts = useQuery({
    queryKey: ["parts", detail.id],
    queryFn: () => api.parts(detail.id),
    enabled: content.kind === "multipart",
  });

  const bytes = body.data;
  const charset = reading && reading.charset.toLowerCase() !== "utf-8" ? reading.charset : undefined;
  const how = [...content.codings, ...(charset ? [charset] : [])];
  const views = bytes ? viewsOf(detail, bytes) : [];
  const view = views.find((one) => one === picked) ?? views.find((one) => one === preferred) ?? views[0];
  const language: Language =
    content.kind === "xml" || content.kind === "html"
      ? content.kind
      : view !== undefined && views.includes("tree")
        ? "json"
        : "text";
  // Hex shows bytes, not text: those that were sent, or what their coding holds.
  const raw = useBody(detail, read && coded ? "decoded" : "sent", view === "hex" || view === "image");
  const choose = (now: View): void => {
    setPicked(now);
    if (now === "tree" || now === "text" || now === "hex") prefer({ bodyView: now });
  };
  const fileName = `${detail.id}.${content.kind === "json" ? "json" : content.kind === "xml" ? "xml" : "bin"}`;

  const state = STATES[detail.body_state];
  return (
    <div className="flex h-full flex-col">
      <div className="flex flex-wrap items-center gap-3 border-b border-line px-4 py-2">
        {views.length > 0 && view && (
          <Choice
            label="View of the body"
            value={view}
            options={views.map((one) => [one, NAMES[one]] as const)}
            onChange={choose}
          />
        )}
        {how.length > 0 && whole && (
          <Choice
            label="Content coding"
            value={read ? "decoded" : "sent"}
            options={[
              ["decoded", `Decoded (${how.join(", ")})`],
              ["sent", "As sent"],
            ]}
            onChange={(now) => setRead(now === "decoded")}
          />
        )}
        <span className="ml-auto text-small text-ink-2">
          {content.content_type ?? "no content type"} · {size(detail.body_bytes)}
        </span>
        <IconButton
          label="Copy body"
          icon={Copy}
          disabled={!bytes?.length}
          onClick={() =>
            bytes && void attempt(platform.copyText(new TextDecoder().decode(bytes)).then(() => tell("Copied body")))
          }
        />
        <IconButton
          label="Save body to a file"
          icon={Download}
          onClick={() =>
            void attempt(
              platform
                .saveTo(requestRoute(detail.id, read && coded ? ROUTES.decoded : ROUTES.sent), fileName)
                .then((name) => name && tell(`Saved ${name}`)),
            )
          }
        />
      </div>
      {state && (
        <p className="flex items-center gap-2 border-b border-line px-4 py-2 text-warning">
          <AlertTriangle size={15} aria-hidden /> {state}
        </p>
      )}
      {reading?.notes.map((note) => (
        <p key={note} className="flex items-center gap-2 border-b border-line px-4 py-2 text-warning">
          <AlertTriangle size={15} aria-hidden /> {visible(note)}
        </p>
      ))}
      {!whole && (
        <p className="border-b border-line px-4 py-2 text-ink-2">
          This is the first {size(BEGINNING)}; save the body to see all of it.
        </p>
      )}
      <div className="min-h-0 flex-1">
        {body.error && (
          <div className="p-4">
            <Notice icon={AlertTriangle} tone="warning" title={body.error.message}>
              {body.error instanceof CallError && body.error.hint}{" "}
              {read && <Button onClick={() => setRead(false)}>Show it as sent</Button>}
            </Notice>
          </div>
        )}
        {bytes?.length === 0 && !state && <p className="p-4 text-ink-2">This request has no body.</p>}
        {bytes && view === "tree" && (
          <Tree key={identity(bytes)} bytes={bytes} fallback={<Text bytes={bytes} language="text" />} />
        )}
        {bytes && view === "elements" && (
          <XmlTree key={identity(bytes)} bytes={bytes} fallback={<Text bytes={bytes} language="xml" />} />
        )}
        {bytes && view === "token" && <Token key={identity(bytes)} bytes={bytes} />}
        {bytes && view === "text" && <Text key={identity(bytes)} bytes={bytes} language={language} />}
        {raw.data && view === "hex" && <HexView bytes={raw.data} />}
        {raw.data && view === "image" && <Image bytes={raw.data} type={content.content_type ?? ""} />}
        {bytes && view === "form" && <FormTable bytes={bytes} />}
        {view === "parts" && (
          <PartsTable
            id={detail.id}
            parts={parts.data?.items}
            total={parts.data?.total}
            notes={parts.data?.notes ?? []}
            error={parts.error}
          />
        )}
      </div>
    </div>
  );
}
