import { useVirtualizer } from "@tanstack/react-virtual";
import { ChevronDown, ChevronRight, Copy, Route } from "lucide-react";
import { useMemo, useRef, useState, type KeyboardEvent } from "react";

import { IconButton } from "../../../ui/button";
import { visible } from "../../../ui/format";
import { attempt, tell } from "../../../ui/toasts";
import { platform } from "../../../platform";
import { bodyPath, TermButtons, term } from "../../search";
import { keyOf, Kind, pathOf, source, stepsOf, valueOf, visibleNodes, type JsonIndex } from "./json-index";

const LINE = 22;
/** Documents with no more values than this open whole; larger ones two levels deep. */
const OPEN_WHOLE = 500;
/** Characters of one value in a line; the whole is one copy away. */
const SHOWN = 400;
const INDENT_MAX = 40;

function firstOpen(index: JsonIndex): Uint8Array {
  const open = new Uint8Array(index.length);
  for (let node = 0; node < index.length; node++)
    open[node] = Number(
      index.length <= OPEN_WHOLE
        ? index.depth[node]! < INDENT_MAX
        : index.depth[node]! < 2 && index.count[node]! <= OPEN_WHOLE,
    );
  return open;
}

function Value({ index, node }: { index: JsonIndex; node: number }) {
  const kind = index.kind[node]!;
  if (kind <= Kind.array) {
    const count = index.count[node]!;
    return <span className="text-ink-3">{kind === Kind.object ? `{${count}}` : `[${count}]`}</span>;
  }
  const start = index.start[node]!;
  const end = index.end[node]!;
  const cut = end - start > SHOWN;
  const text = visible(source(index, start, cut ? start + SHOWN : end));
  const colour = kind === Kind.string ? "text-string" : kind === Kind.number ? "text-number" : "text-ink-2";
  return (
    <span className={`${colour} whitespace-pre`}>
      {text}
      {cut && <span className="text-ink-3">… {end - start} bytes</span>}
    </span>
  );
}

export function JsonTree({ index }: { index: JsonIndex }) {
  const [open, setOpen] = useState(() => firstOpen(index));
  const [current, setCurrent] = useState(0);
  const scroller = useRef<HTMLDivElement>(null);
  const nodes = useMemo(() => visibleNodes(index, open), [index, open]);
  const lines = useVirtualizer({
    count: nodes.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE,
    overscan: 20,
  });

  const set = (node: number, now: boolean): void => {
    if (index.kind[node]! > Kind.array) return;
    const next = open.slice();
    next[node] = Number(now);
    setOpen(next);
  };
  const copy = (text: string, what: string): void =>
    void attempt(platform.copyText(text).then(() => tell(`Copied ${what}`)));

  const onKeyDown = (event: KeyboardEvent): void => {
    const at = nodes.indexOf(current);
    const go = (place: number): void => {
      const to = Math.min(nodes.length - 1, Math.max(0, place));
      setCurrent(nodes[to]!);
      lines.scrollToIndex(to);
    };
    const parent = index.parent[current]!;
    const actions: Record<string, () => void> = {
      ArrowDown: () => go(at + 1),
      ArrowUp: () => go(at - 1),
      Home: () => go(0),
      End: () => go(nodes.length - 1),
      PageDown: () => go(at + 20),
      PageUp: () => go(at - 20),
      ArrowRight: () => (open[current] ? go(at + 1) : set(current, true)),
      ArrowLeft: () =>
        open[current] && index.kind[current]! <= Kind.array
          ? set(current, false)
          : parent >= 0 && go(nodes.indexOf(parent)),
      Enter: () => set(current, !open[current]),
    };
    if (event.key === "c" && (event.ctrlKey || event.metaKey) && !getSelection()?.toString())
      copy(valueOf(index, current), "value");
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
      aria-activedescendant={`json-${current}`}
      onKeyDown={onKeyDown}
      className="h-full overflow-auto py-2 font-mono text-data"
    >
      <div role="presentation" className="relative w-max min-w-full" style={{ height: lines.getTotalSize() }}>
        {lines.getVirtualItems().map((line) => {
          const node = nodes[line.index]!;
          const container = index.kind[node]! <= Kind.array && index.count[node]! > 0;
          const key = keyOf(index, node);
          const Chevron = open[node] ? ChevronDown : ChevronRight;
          return (
            <div
              key={node}
              id={`json-${node}`}
              role="treeitem"
              aria-level={index.depth[node]! + 1}
              aria-expanded={container ? Boolean(open[node]) : undefined}
              aria-selected={node === current}
              onClick={() => setCurrent(node)}
              className={`group absolute right-0 left-0 flex items-center gap-1 pr-2 ${node === current ? "bg-selection" : "hover:bg-hover"}`}
              style={{
                height: LINE,
                transform: `translateY(${line.start}px)`,
                paddingLeft: 16 + Math.min(index.depth[node]!, INDENT_MAX) * 16,
              }}
            >
              <span
                aria-hidden
                className="flex w-4 shrink-0 justify-center text-ink-3"
                onClick={() => set(node, !open[node])}
              >
                {container && <Chevron size={14} />}
              </span>
              {key !== null && (
                <span className={`whitespace-pre ${typeof key === "number" ? "text-ink-3" : "text-key"}`}>
                  {visible(String(key).slice(0, SHOWN))}:
                </span>
              )}
              <Value index={index} node={node} />
              {node === current && (
                <span className="sticky right-2 ml-auto flex bg-selection">
                  {node > 0 && index.kind[node]! > Kind.array && (
                    <TermButtons
                      one={term(bodyPath(stepsOf(index, node)), valueOf(index, node))}
                      what="value"
                      className="h-5!"
                    />
                  )}
                  <IconButton
                    label="Copy value"
                    icon={Copy}
                    className="h-5!"
                    onClick={() => copy(valueOf(index, node), "value")}
                  />
                  <IconButton
                    label="Copy path"
                    icon={Route}
                    className="h-5!"
                    onClick={() => copy(pathOf(index, node), "path")}
                  />
                </span>
              )}
            </div>
          );
        })}
      </div>
    </div>
  );
}
