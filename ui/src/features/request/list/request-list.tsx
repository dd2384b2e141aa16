import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowUp } from "lucide-react";
import { useCallback, useEffect, useRef, useSyncExternalStore, type MouseEvent } from "react";

import { perform, useCommands } from "../../../app/commands";
import type { Summary } from "../../../api/client";
import type { Rows } from "./rows";
import { addToSelection, toggleSelected, clearSelection, useSelection } from "../selection";
import { Button } from "../../../ui/button";
import { age, count } from "../../../ui/format";
import { useNow } from "../../../ui/now";
import { rowHeight, usePreferences } from "../../../ui/preferences";
import { RequestRow } from "./request-row";

/** WebKitGTK ends an element at 33,554,428 px; the scroll area stays below that and is scaled. */
const HEIGHT_MAX = 30_000_000;
const AGE_MS = 10_000;

/** What a request was answered where it went on to last, in a word. */
function onwardOf({ onward }: Summary): string | null {
  if (!onward) return null;
  if (onward.status) return String(onward.status);
  return onward.state === "waiting" || onward.state === "sending" ? "…" : onward.state;
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
  const scroller = useRef<HTMLDivElement>(null);
  const now = Math.max(useNow(AGE_MS), Date.now());
  const total = list.length;
  const rowsMax = Math.floor(HEIGHT_MAX / height);
  const scale = total > rowsMax ? total / rowsMax : 1;
  const rows = useVirtualizer({
    count: Math.min(total, rowsMax),
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 12,
  });
  useEffect(() => rows.measure(), [rows, height]);

  const selection = useSelection();
  /** Where a range of ticks begins. */
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
  const show = (index: number): void => {
    const bounded = Math.min(total - 1, Math.max(0, index));
    const request = list.at(bounded);
    if (!request) return;
    onPick(request.id);
    rows.scrollToIndex(Math.floor(bounded / scale));
  };
  const at = selected ? list.indexOf(selected) : -1;
  useCommands({
    next: () => show(at + 1),
    previous: () => show(at < 0 ? 0 : at - 1),
    tick: () => {
      if (!selected) return;
      toggleSelected(selected);
      from.current = selected;
      show(at + 1);
    },
    untick: clearSelection,
    newest: () => {
      scroller.current?.scrollTo({ top: 0 });
      list.follow(true);
      show(0);
    },
  });

  const items = rows.getVirtualItems();
  const first = items[0]?.index ?? 0;
  // Above the scaled height one pixel stands for several rows: the window of rows moves faster.
  const offset = scale === 1 ? 0 : Math.round(first * scale) - first;
  return (
    <div className="relative flex min-h-0 flex-1 flex-col" data-version={version}>
      {selection.size > 0 && (
        <div
          role="status"
          className="flex shrink-0 items-center gap-2 border-b border-line bg-sidebar px-3 py-1 text-small"
        >
          <span className="flex-1">{count(selection.size)} ticked</span>
          <Button onClick={() => perform("export")}>Export…</Button>
          <Button onClick={clearSelection}>Untick</Button>
        </div>
      )}
      {list.unseen > 0 && (
        <button
          type="button"
          onClick={() => {
            scroller.current?.scrollTo({ top: 0 });
            list.follow(true);
          }}
          className="control absolute top-2 left-1/2 z-10 inline-flex -translate-x-1/2 items-center gap-1 rounded-full bg-accent px-3 text-small font-medium text-accent-ink"
        >
          {count(list.unseen)} new <ArrowUp size={13} aria-hidden />
        </button>
      )}
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
        <div role="presentation" className="relative" style={{ height: rows.getTotalSize() }}>
          {items.map((item) => {
            const index = Math.min(total - 1, item.index + offset);
            const request = list.at(index);
            if (!request)
              return (
                <div
                  key={item.key}
                  role="presentation"
                  className="row-height absolute right-0 left-0 border-b border-line"
                  style={{ transform: `translateY(${item.start}px)` }}
                />
              );
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
                verdict={request.verdict}
                reason={request.reason}
                onward={onwardOf(request)}
                age={age(request.arrived_at, now)}
                pinned={request.pinned}
                noted={request.note !== ""}
                unread={request.unread}
                selected={request.id === selected}
                inSelection={selection.has(request.id)}
                place={index}
                total={total}
                top={item.start}
                onPick={pick}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}
