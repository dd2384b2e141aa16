import { useVirtualizer } from "@tanstack/react-virtual";
import { ChevronDown, ChevronRight, Copy } from "lucide-react";
import { useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from "react";

import { IconButton } from "../../../ui/button";
import { visible } from "../../../ui/format";
import { attempt, tell } from "../../../ui/toasts";
import { platform } from "../../../platform";
import { xmlLines, xmlText, type XmlLine } from "./xml-lines";

const LINE = 22;
/** Characters of one value in a line; the whole is one copy away. */
const SHOWN = 400;
const INDENT_MAX = 40;

/** XML as a tree of its elements. The parser of a browser runs nothing and fetches nothing. */
export function XmlTree({ bytes, fallback }: { bytes: Uint8Array; fallback: ReactNode }) {
  const read = useMemo(() => xmlLines(bytes), [bytes]);
  const lines = typeof read === "string" ? undefined : read;
  const [closed, setClosed] = useState<ReadonlySet<number>>(new Set());
  const [current, setCurrent] = useState(0);
  const scroller = useRef<HTMLDivElement>(null);
  const shown = useMemo(() => {
    const places: number[] = [];
    for (let place = 0; place < (lines?.length ?? 0); place++) {
      places.push(place);
      if (closed.has(place)) place = lines![place]!.last;
    }
    return places;
  }, [lines, closed]);
  const rows = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE,
    overscan: 20,
  });

  if (!lines) {
    return (
      <div className="flex h-full flex-col">
        <p className="border-b border-line px-4 py-2 text-warning">{String(read)}</p>
        <div className="min-h-0 flex-1">{fallback}</div>
      </div>
    );
  }

  const set = (place: number, open: boolean): void => {
    if (lines[place]!.last === place) return;
    const next = new Set(closed);
    if (open) next.delete(place);
    else next.add(place);
    setClosed(next);
  };
  const copy = (line: XmlLine): void => void attempt(platform.copyText(xmlText(line)).then(() => tell("Copied value")));
  const onKeyDown = (event: KeyboardEvent): void => {
    const at = shown.indexOf(current);
    const go = (to: number): void => {
      const place = Math.min(shown.length - 1, Math.max(0, to));
      setCurrent(shown[place]!);
      rows.scrollToIndex(place);
    };
    const actions: Record<string, () => void> = {
      ArrowDown: () => go(at + 1),
      ArrowUp: () => go(at - 1),
      Home: () => go(0),
      End: () => go(shown.length - 1),
      PageDown: () => go(at + 20),
      PageUp: () => go(at - 20),
      ArrowRight: () => (closed.has(current) ? set(current, true) : go(at + 1)),
      ArrowLeft: () =>
        lines[current]!.last > current && !closed.has(current)
          ? set(current, false)
          : go(shown.findLastIndex((place, row) => row < at && lines[place]!.depth < lines[current]!.depth)),
      Enter: () => set(current, closed.has(current)),
    };
    if (event.key === "c" && (event.ctrlKey || event.metaKey) && !getSelection()?.toString()) copy(lines[current]!);
    else if (actions[event.key]) actions[event.key]!();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div
      ref={scroller}
      role="tree"
      aria-label="Body"
      tabIndex={0}
      aria-activedescendant={`xml-${current}`}
      onKeyDown={onKeyDown}
      className="h-full overflow-auto py-2 font-mono text-data"
    >
      <div role="presentation" className="relative w-max min-w-full" style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map((row) => {
          const place = shown[row.index]!;
          const line = lines[place]!;
          const container = line.last > place;
          const Chevron = closed.has(place) ? ChevronRight : ChevronDown;
          return (
            <div
              key={place}
              id={`xml-${place}`}
              role="treeitem"
              aria-level={line.depth + 1}
              aria-expanded={container ? !closed.has(place) : undefined}
              aria-selected={place === current}
              onClick={() => setCurrent(place)}
              className={`absolute right-0 left-0 flex items-center gap-1 pr-2 whitespace-pre ${place === current ? "bg-selection" : "hover:bg-hover"}`}
              style={{
                height: LINE,
                transform: `translateY(${row.start}px)`,
                paddingLeft: 16 + Math.min(line.depth, INDENT_MAX) * 16,
              }}
            >
              <span
                aria-hidden
                className="flex w-4 shrink-0 justify-center text-ink-3"
                onClick={() => set(place, closed.has(place))}
              >
                {container && <Chevron size={14} />}
              </span>
              {line.name !== undefined && (
                <span className={line.attribute ? "text-ink-2" : "text-key"}>{visible(line.name)}</span>
              )}
              {line.value !== undefined && (
                <span className={line.comment ? "text-ink-3" : "text-string"}>
                  {visible(line.value.slice(0, SHOWN))}
                  {line.value.length > SHOWN && <span className="text-ink-3">… {line.value.length} characters</span>}
                </span>
              )}
              {place === current && (
                <IconButton
                  label="Copy value"
                  icon={Copy}
                  className="sticky right-2 ml-auto h-5! bg-selection"
                  onClick={() => copy(line)}
                />
              )}
            </div>
          );
        })}
      </div>
    </div>
  );
}
