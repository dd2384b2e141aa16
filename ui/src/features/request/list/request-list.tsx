import { ArrowUp } from "lucide-react";
import { useCallback, useRef, useSyncExternalStore, type MouseEvent } from "react";

import type { Summary } from "../../../api/client";
import { perform, useCommands } from "../../../app/commands";
import { Button } from "../../../ui/button";
import { age, count } from "../../../ui/format";
import { useNow } from "../../../ui/now";
import { rowHeight, usePreferences } from "../../../ui/preferences";
import { addToSelection, clearSelection, toggleSelected, useSelection } from "../selection";
import { RequestRow } from "./request-row";
import type { Rows } from "./rows";
import { useScaledRows } from "./use-scaled-rows";

const AGE_MS = 10_000;

/** Returns the last response to a forwarded or replayed request: a status, or the state of the delivery. */
function outgoingOf({ outgoing }: Summary): string | null {
  if (!outgoing) return null;
  if (outgoing.status) return String(outgoing.status);
  return outgoing.state === "waiting" || outgoing.state === "sending" ? "…" : outgoing.state;
}

/** Handles a click on a row: shows the row, selects it, or selects a range. */
function usePick(list: Rows, onPick: (id: string) => void) {
  /** Id of the row at which a range selection starts. */
  const from = useRef<string>(undefined);
  const pick = useCallback(
    (id: string, { shiftKey, ctrlKey, metaKey }: MouseEvent) => {
      const [start, end] = [list.indexOf(from.current ?? ""), list.indexOf(id)];
      if (shiftKey && start >= 0) {
        const range = Array.from(
          { length: Math.abs(end - start) + 1 },
          (_, step) => list.at(Math.min(start, end) + step)?.id,
        );
        addToSelection(range.filter((one) => one !== undefined));
      } else if (ctrlKey || metaKey) toggleSelected(id);
      else onPick(id);
      from.current = id;
    },
    [list, onPick],
  );
  const beginRange = (id: string): void => {
    from.current = id;
  };
  return { pick, beginRange };
}

export function RequestList({
  list,
  selected,
  onPick,
}: {
  list: Rows;
  selected: string | undefined;
  onPick: (id: string, keep?: boolean) => void;
}) {
  const version = useSyncExternalStore(list.subscribe, () => list.version);
  const height = rowHeight(usePreferences().density);
  // A row that arrived after the last update of the clock must not have a negative age.
  const now = Math.max(useNow(AGE_MS), list.paintedAt);
  const total = list.length;
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useScaledRows(scroller, total, height);
  const selection = useSelection();
  const { pick, beginRange } = usePick(list, onPick);
  const show = (index: number): void => {
    const bounded = Math.min(total - 1, Math.max(0, index));
    const request = list.at(bounded);
    if (!request) return;
    onPick(request.id);
    rows.scrollTo(bounded);
  };
  const toTop = (): void => {
    scroller.current?.scrollTo({ top: 0 });
    list.follow(true);
  };
  const at = selected ? list.indexOf(selected) : -1;
  useCommands({
    next: () => show(at + 1),
    previous: () => show(at < 0 ? 0 : at - 1),
    tick: () => {
      if (!selected) return;
      toggleSelected(selected);
      beginRange(selected);
      show(at + 1);
    },
    untick: clearSelection,
    newest: () => (toTop(), show(0)),
  });
  return (
    <div className="relative flex min-h-0 flex-1 flex-col" data-version={version}>
      <SelectionBar size={selection.size} />
      <NewRequests unseen={list.unseen} onShow={toTop} />
      <div
        ref={scroller}
        role="listbox"
        aria-label="Requests, newest first"
        tabIndex={0}
        aria-activedescendant={selected && `request-${selected}`}
        onScroll={(event) => list.follow(event.currentTarget.scrollTop < height)}
        className="@container min-h-0 flex-1 overflow-x-hidden overflow-y-auto"
        data-testid="requests"
      >
        <div role="presentation" className="relative" style={{ height: rows.height }}>
          {rows.items.map(({ key, place, top }) => {
            const request = list.at(place);
            if (!request) return <UnreadRow key={key} top={top} />;
            return (
              <RequestRow
                key={request.id}
                id={request.id}
                method={request.method}
                target={request.target}
                status={request.status}
                bytes={request.body_bytes}
                state={request.body_state}
                eventType={request.event_type}
                earlier={request.earlier}
                signature_status={request.signature_status}
                reason={request.reason}
                outgoing={outgoingOf(request)}
                age={age(request.arrived_at, now)}
                pinned={request.pinned}
                noted={request.note !== ""}
                unread={request.unread}
                selected={request.id === selected}
                inSelection={selection.has(request.id)}
                place={place}
                total={total}
                top={top}
                onPick={pick}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

/** The placeholder of a row whose page is not loaded. */
function UnreadRow({ top }: { top: number }) {
  return (
    <div
      role="presentation"
      className="row-height absolute right-0 left-0 border-b border-line"
      style={{ transform: `translateY(${top}px)` }}
    />
  );
}

function SelectionBar({ size }: { size: number }) {
  if (size === 0) return null;
  return (
    <div
      role="status"
      className="flex shrink-0 items-center gap-2 border-b border-line bg-sidebar px-3 py-1 text-small"
    >
      <span className="flex-1">{count(size)} selected</span>
      <Button onClick={() => perform("export")}>Export…</Button>
      <Button onClick={clearSelection}>Clear</Button>
    </div>
  );
}

function NewRequests({ unseen, onShow }: { unseen: number; onShow: () => void }) {
  if (unseen === 0) return null;
  return (
    <button
      type="button"
      onClick={onShow}
      className="control absolute top-2 left-1/2 z-10 inline-flex -translate-x-1/2 items-center gap-1 rounded-full bg-accent px-3 text-small font-medium text-accent-ink"
    >
      {count(unseen)} new <ArrowUp size={13} aria-hidden />
    </button>
  );
}
