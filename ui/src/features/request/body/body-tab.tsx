import { useQuery } from "@tanstack/react-query";
import { AlertTriangle, Copy, Download } from "lucide-react";
import { useState } from "react";

import { api, requestRoute, type Detail } from "../../../api/client";
import { CallError } from "../../../platform";
import { Button, IconButton } from "../../../ui/button";
import { Choice } from "../../../ui/choice";
import { size, visible } from "../../../ui/format";
import { Notice } from "../../../ui/notice";
import { prefer, usePreferences } from "../../../ui/preferences";
import { copyText, saveFile } from "../../../ui/transfer";
import { BodyText } from "./body-text";
import { ToolSlot } from "./find-bar";
import { FormTable } from "./form-table";
import { HexView } from "./hex-view";
import { identity } from "./identity";
import { ImageBody } from "./image-body";
import { JsonBody, TokenBody } from "./json-body";
import { PartsTable } from "./parts-table";
import { BEGINNING, isWhole, ROUTES, useBody, useReading } from "./use-body";
import { languageOf, NAMES, viewsOf, type View } from "./views";
import { XmlTree } from "./xml-tree";

const STATES: Record<string, string> = {
  broken_off: "The sender disconnected before the end of the body. Only the received part is shown.",
  stalled: "The body timed out. Only the received part is shown.",
  too_large: "The body exceeded the size limit and was refused. No part of the body was stored.",
};

/** Returns the chosen view, else the preferred one, else the first. */
function useView(views: readonly View[]): [view: View | undefined, choose: (now: View) => void] {
  const preferred = usePreferences().bodyView;
  const [picked, setPicked] = useState<View>();
  const choose = (now: View): void => {
    setPicked(now);
    if (now === "tree" || now === "text" || now === "hex") prefer({ bodyView: now });
  };
  return [views.find((one) => one === picked) ?? views.find((one) => one === preferred) ?? views[0], choose];
}

export function BodyTab({ detail }: { detail: Detail }) {
  const { content } = detail;
  const coded = content.codings.length > 0;
  const whole = isWhole(detail);
  const [read, setRead] = useState(whole && (!coded || content.decodable));
  const reading = useReading(detail);
  const { data: bytes, error } = useBody(detail, read ? "text" : "sent");
  const charset = reading && reading.charset.toLowerCase() !== "utf-8" ? reading.charset : undefined;
  const how = [...content.codings, ...(charset ? [charset] : [])];
  const views = bytes ? viewsOf(detail, bytes) : [];
  const [view, choose] = useView(views);
  // Hex shows bytes, not converted text: the bytes as sent, or without their content encoding.
  const raw = useBody(detail, read && coded ? "decoded" : "sent", view === "hex" || view === "image").data;
  const state = STATES[detail.body_state];
  const [slot, setSlot] = useState<HTMLElement | null>(null);
  return (
    <ToolSlot value={slot}>
      <div className="flex h-full flex-col">
        <div className="flex flex-wrap items-center gap-x-2 gap-y-1 border-b border-line px-4 py-2">
          {views.length > 0 && view && (
            <Choice
              label="Body view"
              value={view}
              options={views.map((one) => [one, NAMES[one]] as const)}
              onChange={choose}
            />
          )}
          {how.length > 0 && whole && (
            <Choice
              label="Content encoding"
              value={read ? "decoded" : "sent"}
              options={[
                ["decoded", `Decoded (${how.join(", ")})`],
                ["sent", "As sent"],
              ]}
              onChange={(now) => setRead(now === "decoded")}
            />
          )}
          <span ref={setSlot} className="flex min-w-0 items-center gap-1 empty:hidden" />
          <span
            className="ml-auto min-w-0 truncate text-small text-ink-2 @max-[38rem]/detail:hidden"
            title={content.content_type ?? undefined}
          >
            {content.content_type?.split(";")[0] ?? "no content type"} · {size(detail.body_bytes)}
          </span>
          <BodyActions detail={detail} bytes={bytes} decoded={read && coded} />
        </div>
        {[state, ...(reading?.notes.map(visible) ?? [])].map((note) => note && <Warning key={note} text={note} />)}
        {!whole && (
          <p className="border-b border-line px-4 py-2 text-ink-2">
            Only the first {size(BEGINNING)} are shown. Save the body to see all of it.
          </p>
        )}
        <div className="min-h-0 flex-1">
          {error && (
            <div className="p-4">
              <Notice icon={AlertTriangle} tone="warning" title={error.message}>
                {error instanceof CallError && error.hint}{" "}
                {read && <Button onClick={() => setRead(false)}>Show as sent</Button>}
              </Notice>
            </div>
          )}
          {bytes?.length === 0 && !state && <p className="p-4 text-ink-2">This request has no body.</p>}
          {bytes && view && <BodyView detail={detail} view={view} views={views} bytes={bytes} raw={raw} />}
        </div>
      </div>
    </ToolSlot>
  );
}

function Warning({ text }: { text: string }) {
  return (
    <p className="flex items-center gap-2 border-b border-line px-4 py-2 text-warning">
      <AlertTriangle size={15} aria-hidden /> {text}
    </p>
  );
}

function BodyActions({ detail, bytes, decoded }: { detail: Detail; bytes: Uint8Array | undefined; decoded: boolean }) {
  const { kind } = detail.content;
  return (
    <>
      <IconButton
        label="Copy body"
        icon={Copy}
        disabled={!bytes?.length}
        onClick={() => bytes && copyText(new TextDecoder().decode(bytes), "body")}
      />
      <IconButton
        label="Save body"
        icon={Download}
        onClick={() =>
          saveFile(
            requestRoute(detail.id, decoded ? ROUTES.decoded : ROUTES.sent),
            `${detail.id}.${kind === "json" || kind === "xml" ? kind : "bin"}`,
          )
        }
      />
    </>
  );
}

/** The body in one view. `raw` contains its bytes, `bytes` its text in UTF-8. */
function BodyView({
  detail,
  view,
  views,
  bytes,
  raw,
}: {
  detail: Detail;
  view: View;
  views: readonly View[];
  bytes: Uint8Array<ArrayBuffer>;
  raw: Uint8Array<ArrayBuffer> | undefined;
}) {
  const key = identity(bytes);
  switch (view) {
    case "tree":
      return <JsonBody key={key} bytes={bytes} fallback={<BodyText bytes={bytes} language="text" />} />;
    case "elements":
      return <XmlTree key={key} bytes={bytes} fallback={<BodyText bytes={bytes} language="xml" />} />;
    case "token":
      return <TokenBody key={key} bytes={bytes} />;
    case "text":
      return <BodyText key={key} bytes={bytes} language={languageOf(detail.content, views)} />;
    case "hex":
      return raw && <HexView bytes={raw} />;
    case "image":
      return raw && <ImageBody bytes={raw} type={detail.content.content_type ?? ""} />;
    case "form":
      return <FormTable bytes={bytes} />;
    case "parts":
      return <Parts id={detail.id} />;
  }
}

function Parts({ id }: { id: string }) {
  const { data, error } = useQuery({ queryKey: ["parts", id], queryFn: () => api.parts(id) });
  return <PartsTable id={id} parts={data?.items} total={data?.total} notes={data?.notes ?? []} error={error} />;
}
