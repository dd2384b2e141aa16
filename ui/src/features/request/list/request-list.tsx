import { ArrowUp } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef, useSyncExternalStore, type MouseEvent } from "react";

import { CommandContextMenu, useCommands, type CommandItem } from "../../../app/commands";
import { count, dayNumber } from "../../../ui/format";
import { rowHeight, usePreferences } from "../../../ui/preferences";
import { useWidth } from "../../../ui/width";
import { addToSelection, clearSelection, toggleSelected, useSelection } from "../selection";
import { useSelectionCommands } from "../selection-commands";
import { layoutOf } from "./columns";
import { ListHeader } from "./list-header";
import { RequestRow } from "./request-row";
import type { Rows } from "./rows";
import { SelectionBar } from "./selection-bar";
import { useScaledRows } from "./use-scaled-rows";

/** Height that a snippet adds to a row, in px. */
const SNIPPET = 20;

/** Handles clicks on rows: shows a row, selects it, or selects a range. */
function usePick(list: Rows, onPick: (id: string) => void) {
  /** Id of the row at which a range selection starts. */
  const from = useRef<string>(undefined);
  const select = useCallback(
    (id: string, isRange: boolean) => {
      const [start, end] = [list.indexOf(from.current ?? ""), list.indexOf(id)];
      if (isRange && start >= 0) {
        const range = Array.from(
          { length: Math.abs(end - start) + 1 },
          (_, step) => list.at(Math.min(start, end) + step)?.id,
        );
        addToSelection(range.filter((one) => one !== undefined));
      } else toggleSelected(id);
      from.current = id;
    },
    [list],
  );
  const pick = useCallback(
    (id: string, { shiftKey, ctrlKey, metaKey }: MouseEvent) => {
      if (shiftKey || ctrlKey || metaKey) return select(id, shiftKey);
      onPick(id);
      from.current = id;
    },
    [select, onPick],
  );
  const tick = useCallback((id: string, { shiftKey }: MouseEvent) => select(id, shiftKey), [select]);
  const beginRange = (id: string): void => {
    from.current = id;
  };
  return { pick, tick, beginRange };
}

const ONE: readonly CommandItem[] = [
  "replay",
  "resign-replay",
  "edit-replay",
  "-",
  "copy-curl",
  "copy-body",
  "copy-raw",
  "code",
  "-",
  "pin",
  "note",
  "diff",
  "tick",
  "-",
  "export",
  "report",
  "-",
  "delete",
];
const SEVERAL: readonly CommandItem[] = [
  "replay-many",
  "diff",
  "-",
  "copy-curl",
  "pin",
  "read",
  "-",
  "export",
  "report",
  "untick",
  "-",
  "delete",
];

export function RequestList({
  list,
  selected,
  isAll = false,
  onPick,
}: {
  list: Rows;
  selected: string | undefined;
  /** True for a list of all inboxes, which shows the inbox of each request. */
  isAll?: boolean;
  onPick: (id: string, keep?: boolean) => void;
}) {
  const version = useSyncExternalStore(list.subscribe, () => list.version);
  const { density, hiddenColumns } = usePreferences();
  const hasSnippets = list.hasSnippets;
  const height = rowHeight(density) + (hasSnippets ? SNIPPET : 0);
  const total = list.length;
  const scroller = useRef<HTMLDivElement>(null);
  const width = useWidth(scroller);
  const layout = useMemo(
    () => layoutOf(width, hiddenColumns, { isAll, hasSnippets }),
    [width, hiddenColumns, isAll, hasSnippets],
  );
  const rows = useScaledRows(scroller, total, height);
  const selection = useSelection();
  // A selection that is not shown would be deleted unseen.
  useEffect(() => clearSelection, [list]);
  const { pick, tick, beginRange } = usePick(list, onPick);
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
  useSelectionCommands(selection, list, selected, onPick);
  /** Opens the row below the pointer, unless it is part of the selection. */
  const openRow = ({ target }: globalThis.MouseEvent): void => {
    const id = (target as Element).closest("[role=option]")?.id.replace("request-", "");
    if (id && !selection.has(id)) {
      clearSelection();
      onPick(id);
    }
  };
  const top = list.at(rows.top);
  return (
    <div
      className="relative flex min-h-[152px] flex-1 flex-col"
      data-version={version}
      style={{ "--columns": layout.template } as React.CSSProperties}
    >
      <SelectionBar size={selection.size} />
      <ListHeader layout={layout} topDay={top?.arrived_at} />
      <NewRequests unseen={list.unseen} onShow={toTop} />
      <CommandContextMenu
        label="Request actions"
        items={() => (selection.size > 0 ? SEVERAL : ONE)}
        onOpen={openRow}
        render={
          <div
            ref={scroller}
            role="listbox"
            aria-label="Requests, newest first"
            tabIndex={0}
            aria-activedescendant={selected && `request-${selected}`}
            onScroll={(event) => list.follow(event.currentTarget.scrollTop < height)}
            className="min-h-0 flex-1 overflow-x-hidden overflow-y-auto"
            data-testid="requests"
            data-pane="list"
          />
        }
      >
        <div role="presentation" className="relative" style={{ height: rows.height }}>
          {rows.items.map(({ key, place, top }) => {
            const request = list.at(place);
            if (!request) return <UnreadRow key={key} top={top} height={height} />;
            const newer = place > 0 ? list.at(place - 1) : undefined;
            return (
              <RequestRow
                key={request.id}
                request={request}
                layout={layout}
                selected={request.id === selected}
                inSelection={selection.has(request.id)}
                selecting={selection.size > 0}
                beginsDay={newer !== undefined && dayNumber(newer.arrived_at) !== dayNumber(request.arrived_at)}
                place={place}
                total={total}
                top={top}
                height={height}
                onPick={pick}
                onTick={tick}
              />
            );
          })}
        </div>
      </CommandContextMenu>
    </div>
  );
}

/** The placeholder of a row whose page is not loaded. */
function UnreadRow({ top, height }: { top: number; height: number }) {
  return (
    <div
      role="presentation"
      className="absolute right-0 left-0 border-b border-line"
      style={{ transform: `translateY(${top}px)`, height }}
    />
  );
}

function NewRequests({ unseen, onShow }: { unseen: number; onShow: () => void }) {
  if (unseen === 0) return null;
  return (
    <button
      type="button"
      onClick={onShow}
      className="control absolute top-9 left-1/2 z-20 inline-flex -translate-x-1/2 items-center gap-1 rounded-full bg-accent px-3 text-small font-medium text-accent-ink"
    >
      {count(unseen)} new <ArrowUp size={13} aria-hidden />
    </button>
  );
}
