import { AlertTriangle, Check, CornerDownRight, FileWarning, Layers2, NotebookPen, Pin } from "lucide-react";
import { memo, type MouseEvent } from "react";

import type { SearchSnippet, Summary } from "../../../api/client";
import { Status } from "../../../ui/status";
import { clock, day, size, visible } from "../../../ui/format";
import { SignatureStatus } from "../../signature";
import type { Layout } from "./columns";
import { Found } from "./found";

interface RowProps {
  request: Summary & { snippet?: SearchSnippet | null };
  layout: Layout;
  selected: boolean;
  inSelection: boolean;
  /** True if the signature column shows check boxes. */
  selecting: boolean;
  /** True if the request is the newest one of its day, except today. */
  beginsDay: boolean;
  place: number;
  total: number;
  top: number;
  height: number;
  onPick: (id: string, event: MouseEvent) => void;
  onTick: (id: string, event: MouseEvent) => void;
}

const STATES: Record<string, string> = { broken_off: "disconnected", stalled: "timed out", too_large: "too large" };

/** A request in the list. A row is rendered again only if its request or its position changes. */
export const RequestRow = memo(function RequestRow(props: RowProps) {
  const { request, layout, selected, place, total, top, height, beginsDay, onPick } = props;
  const { id, unread, snippet } = request;
  return (
    <div
      id={`request-${id}`}
      role="option"
      aria-selected={selected}
      aria-posinset={place + 1}
      aria-setsize={total}
      onClick={(event) => onPick(id, event)}
      className={`group absolute right-0 left-0 border-b border-line pr-3 pl-2 ${selected ? "bg-selection" : "hover:bg-hover"}`}
      style={{ transform: `translateY(${top}px)`, height }}
    >
      {beginsDay && (
        <span className="absolute -top-2 left-1/2 z-10 -translate-x-1/2 rounded-full border border-line bg-pane px-2 text-[11px] leading-4 text-ink-2">
          {day(request.arrived_at)}
        </span>
      )}
      <div className="request-grid h-[35px] items-center in-data-[density=compact]:h-[27px]">
        <span aria-hidden className={`size-1.5 rounded-full ${unread ? "bg-accent" : ""}`} />
        <Signature {...props} />
        <Event request={request} layout={layout} />
        <Cells request={request} layout={layout} />
      </div>
      {snippet && (
        <div className={layout.word ? "pl-[108px]" : "pl-11"}>
          <Found snippet={snippet} />
        </div>
      )}
    </div>
  );
});

/** The signature status, or a check box while requests are selected. */
function Signature({ request, layout, inSelection, selecting, onTick }: RowProps) {
  const { signature_status, reason, id } = request;
  return (
    <span className="relative flex min-w-0 items-center">
      {request.unread && <span className="sr-only">unread</span>}
      {/* Decoration: the row itself is selected by keyboard, and an option must not contain a control. */}
      <span
        aria-hidden
        data-tick
        onClick={(event) => {
          event.stopPropagation();
          onTick(id, event);
        }}
        className={`absolute left-0 flex size-3.5 items-center justify-center rounded-[3px] border ${inSelection ? "border-accent bg-accent text-accent-ink" : "border-ink-3 bg-pane"} ${selecting ? "" : "opacity-0 group-hover:opacity-100"}`}
      >
        {inSelection && <Check size={11} strokeWidth={3.5} />}
      </span>
      {inSelection && <span className="sr-only">selected</span>}
      <SignatureStatus
        status={signature_status}
        reason={reason}
        quiet
        iconClass={selecting ? "invisible" : "group-hover:invisible"}
        word={layout.word}
      />
    </span>
  );
}

/** The event type with its last segment never cut, or the method and the target. */
function Event({ request, layout }: Pick<RowProps, "request" | "layout">) {
  const { event_type, subject, earlier, body_state, note, pinned, unread, schema_status } = request;
  const name = visible(event_type ?? "");
  const dot = name.lastIndexOf(".");
  return (
    <span className="flex min-w-0 items-center gap-2">
      {event_type ? (
        <span className={`flex min-w-0 shrink ${unread ? "font-medium" : ""}`} title={name}>
          {dot > 0 ? (
            <>
              <span className="sr-only">{name}</span>
              <span aria-hidden className="cut-middle" data-start={name.slice(0, dot)} data-end={name.slice(dot)} />
            </>
          ) : (
            <span className="truncate">{name}</span>
          )}
        </span>
      ) : (
        <Target request={request} />
      )}
      {layout.withInbox && <span className="shrink-0 text-small text-ink-2">{visible(request.inbox)}</span>}
      {layout.shown.has("subject") && subject && (
        <span className="min-w-0 flex-1 truncate text-small text-ink-2" title={visible(subject)}>
          {visible(subject)}
        </span>
      )}
      <span className="ml-auto flex shrink-0 items-center gap-1.5 text-small text-ink-2">
        {STATES[body_state] && (
          <span className="flex items-center gap-1 text-warning">
            <AlertTriangle size={13} aria-hidden /> {STATES[body_state]}
          </span>
        )}
        {schema_status === "invalid" && (
          <FileWarning size={13} aria-label="differs from its schema" className="text-warning" />
        )}
        {note && <NotebookPen size={13} aria-label="has a note" />}
        {pinned && <Pin size={13} aria-label="pinned" className="text-accent" fill="currentColor" />}
        {earlier > 0 && (
          <span className="flex items-center gap-0.5" title={`Received ${earlier} times before, see the timeline`}>
            <Layers2 size={12} aria-hidden />
            <span className="sr-only">occurrence</span> {earlier >= 100 ? "100+" : earlier + 1}
          </span>
        )}
      </span>
    </span>
  );
}

/** Method and target without the inbox name. A target with a query shows the query. */
function Target({ request: { method, target, inbox, unread } }: { request: Summary }) {
  const path = visible(target);
  const own = path.startsWith(`/${inbox}`) ? path.slice(inbox.length + 1) : path;
  return (
    <span className="flex min-w-0 flex-1 items-baseline gap-1.5" title={path.slice(0, 2000)}>
      <span className={`shrink-0 text-small ${unread ? "font-medium" : ""}`}>{visible(method)}</span>
      <span className="truncate font-mono text-data text-ink-2">{own.slice(0, 300) || "/"}</span>
    </span>
  );
}

/** Returns the worst result of the forwards and replays: a status, or the state of a delivery. */
function appOf({ outgoing }: Summary): string | null {
  if (!outgoing) return null;
  if (outgoing.status) return String(outgoing.status);
  return outgoing.state === "waiting" || outgoing.state === "sending" ? "…" : "✕";
}

function Cells({ request, layout }: Pick<RowProps, "request" | "layout">) {
  const { shown, seconds } = layout;
  const time = clock(request.arrived_at);
  const path = visible(request.target.split("?")[0]!);
  return (
    <>
      {shown.has("inbox") && <span className="truncate text-small text-ink-2">{request.inbox}</span>}
      {shown.has("path") && (
        <span className="truncate font-mono text-data text-ink-2" title={path.slice(0, 2000)}>
          {path.startsWith(`/${request.inbox}`) ? path.slice(request.inbox.length + 1) || "/" : path}
        </span>
      )}
      {shown.has("app") && <App result={appOf(request)} />}
      {shown.has("response") && <Status status={request.status} className="text-right font-mono text-data" />}
      {shown.has("size") && (
        <span className="text-right font-mono text-data text-ink-2">{size(request.body_bytes)}</span>
      )}
      <time
        dateTime={request.arrived_at}
        title={`${day(request.arrived_at)} ${time}`}
        className="text-right font-mono text-data text-ink-2"
      >
        {seconds ? time : time.slice(0, 5)}
      </time>
    </>
  );
}

function App({ result }: { result: string | null }) {
  if (!result) return <span className="text-right text-ink-3">–</span>;
  const color = /^[23]/.test(result) ? "text-valid" : result === "…" ? "text-ink-2" : "text-invalid";
  return (
    <span
      className={`flex items-center justify-end gap-0.5 font-mono text-data font-semibold ${color}`}
      title="Worst response of your apps"
    >
      <CornerDownRight size={11} aria-hidden className="opacity-60" />
      <span className="sr-only">app response</span> {result}
    </span>
  );
}
