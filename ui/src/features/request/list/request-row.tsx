import { AlertTriangle, Check, CornerDownRight, NotebookPen, Pin, RotateCcw } from "lucide-react";
import { memo, type MouseEvent } from "react";

import type { Summary } from "../../../api/client";
import { Status } from "../../../ui/status";
import { size, visible } from "../../../ui/format";
import { SignatureStatus } from "../../signature";

interface RowProps {
  id: string;
  method: string;
  target: string;
  status: number;
  bytes: number;
  state: string;
  eventType: string | null | undefined;
  earlier: number;
  signature_status: Summary["signature_status"];
  reason: string | null | undefined;
  /** The last response to a forward or replay of the request: a status, or the state of the delivery. */
  outgoing: string | null;
  age: string;
  pinned: boolean;
  noted: boolean;
  unread: boolean;
  selected: boolean;
  inSelection: boolean;
  place: number;
  total: number;
  top: number;
  onPick: (id: string, event: MouseEvent) => void;
}

const STATES: Record<string, string> = { broken_off: "disconnected", stalled: "timed out", too_large: "too large" };

/** A request in the list. The props are plain values, so that an unchanged row is not rendered again. */
export const RequestRow = memo(function RequestRow({
  id,
  method,
  target,
  status,
  bytes,
  state,
  eventType,
  earlier,
  signature_status,
  reason,
  outgoing,
  age,
  pinned,
  noted,
  unread,
  selected,
  inSelection,
  place,
  total,
  top,
  onPick,
}: RowProps) {
  const path = visible(target);
  const slash = path.indexOf("/", 1);
  return (
    <div
      id={`request-${id}`}
      role="option"
      aria-selected={selected}
      aria-posinset={place + 1}
      aria-setsize={total}
      onClick={(event) => onPick(id, event)}
      className={`row-height absolute right-0 left-0 flex items-center gap-2 border-b border-line pr-3 pl-3 ${selected ? "bg-selection" : "hover:bg-hover"} ${unread ? "font-semibold" : ""}`}
      style={{ transform: `translateY(${top}px)` }}
    >
      <span aria-hidden className={`-ml-3 h-full w-0.5 shrink-0 ${unread ? "bg-accent" : ""}`} />
      {unread && <span className="sr-only">unread</span>}
      {inSelection && <Check size={14} aria-label="selected" className="shrink-0 text-accent" strokeWidth={3} />}
      {signature_status !== "unverified" && (
        <SignatureStatus status={signature_status} reason={reason} className="w-20" />
      )}
      <span className={`shrink-0 truncate ${eventType ? "max-w-[60%]" : "w-14"}`}>
        {eventType ? visible(eventType) : visible(method)}
      </span>
      <span className="min-w-0 flex-1 truncate font-mono text-data" title={path.slice(0, 2000)}>
        <span className={slash > 0 ? "font-normal text-ink-3" : ""}>
          {slash > 0 ? path.slice(0, slash) : path.slice(0, 300)}
        </span>
        {slash > 0 && path.slice(slash, 300)}
      </span>
      {earlier > 0 && (
        <span
          className="flex shrink-0 items-center gap-0.5 text-small font-normal text-ink-2"
          title={`Received ${earlier} times before, see the timeline`}
        >
          <RotateCcw size={12} aria-hidden />
          <span className="sr-only">occurrence</span> {earlier >= 100 ? "100+" : earlier + 1}
        </span>
      )}
      {STATES[state] && (
        <span className="flex shrink-0 items-center gap-1 text-small font-normal text-warning">
          <AlertTriangle size={13} aria-hidden /> {STATES[state]}
        </span>
      )}
      {noted && <NotebookPen size={13} aria-label="has a note" className="shrink-0 text-ink-2" />}
      {pinned && <Pin size={13} aria-label="pinned" className="shrink-0 text-accent" fill="currentColor" />}
      {outgoing && (
        <span
          className={`flex shrink-0 items-center gap-0.5 font-mono text-data font-normal ${/^[23]/.test(outgoing) ? "text-valid" : outgoing === "…" ? "text-ink-2" : "text-invalid"}`}
          title="Response of your app"
        >
          <CornerDownRight size={12} aria-hidden />
          <span className="sr-only">app response</span> {outgoing}
        </span>
      )}
      <Status status={status} className="w-8 shrink-0 text-right font-mono text-data" />
      <span className="w-16 shrink-0 text-right @max-[26rem]:hidden font-mono text-data font-normal text-ink-2">
        {size(bytes)}
      </span>
      <span className="w-12 shrink-0 text-right text-small font-normal text-ink-2">{age}</span>
    </div>
  );
});
