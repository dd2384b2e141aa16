/** A tree of any size. Only visible lines are rendered, and the keys follow the tree view pattern of WAI-ARIA. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { ChevronDown, ChevronRight } from "lucide-react";
import { useEffect, useRef, useState, type KeyboardEvent, type ReactNode } from "react";

const LINE = 22;
/** Maximum depth of indentation. Deeper lines are not indented further. */
const INDENT_MAX = 40;
const STEP = 16;
/** Number of lines for Page Up and Page Down. */
const PAGE = 20;

/** A document as a tree. Nodes are numbers, and a parent comes before its children. */
export interface TreeModel {
  /** Visible nodes in order: those whose ancestors are all open. */
  shown: ArrayLike<number>;
  depth: (node: number) => number;
  /** True for a node with children. */
  hasChildren: (node: number) => boolean;
  isOpen: (node: number) => boolean;
  setOpen: (node: number, open: boolean) => void;
}

interface Props {
  model: TreeModel;
  label: string;
  /** The current node. A new one is scrolled into view. */
  current: number;
  onCurrent: (node: number) => void;
  /** Copies a node, on Ctrl+C. */
  onCopy: (node: number) => void;
  /** Content of a line. */
  line: (node: number) => ReactNode;
  /** Buttons for the current node. */
  actions: (node: number) => ReactNode;
  /** Prefix of the ids of lines, unique in the page. */
  name: string;
}

/** Returns the position of the parent of a line; -1 at the root. */
function parentPlace({ shown, depth }: TreeModel, place: number): number {
  let at = place - 1;
  while (at >= 0 && depth(shown[at]!) >= depth(shown[place]!)) at--;
  return at;
}

function placeOf(shown: ArrayLike<number>, node: number): number {
  return Array.prototype.indexOf.call(shown, node);
}

/** Maps each key to its action on the current node. */
function keyActions(model: TreeModel, current: number, go: (place: number) => void): Record<string, () => void> {
  const { shown, hasChildren, isOpen, setOpen } = model;
  const at = placeOf(shown, current);
  const container = hasChildren(current);
  return {
    ArrowDown: () => go(at + 1),
    ArrowUp: () => go(at - 1),
    Home: () => go(0),
    End: () => go(shown.length - 1),
    PageDown: () => go(at + PAGE),
    PageUp: () => go(at - PAGE),
    ArrowRight: () => (container && !isOpen(current) ? setOpen(current, true) : go(at + 1)),
    ArrowLeft: () => {
      if (container && isOpen(current)) return setOpen(current, false);
      const parent = parentPlace(model, at);
      if (parent >= 0) go(parent);
    },
    Enter: () => container && setOpen(current, !isOpen(current)),
  };
}

export function Tree({ model, label, current, onCurrent: setCurrent, onCopy, line, actions, name }: Props) {
  const { shown } = model;
  const [hovered, setHovered] = useState(-1);
  const scroller = useRef<HTMLDivElement>(null);
  const lines = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE,
    overscan: 20,
  });
  const go = (place: number): void => {
    const to = Math.min(shown.length - 1, Math.max(0, place));
    setCurrent(shown[to]!);
    lines.scrollToIndex(to);
  };
  const at = placeOf(shown, current);
  useEffect(() => {
    if (at >= 0) lines.scrollToIndex(at);
  }, [lines, at]);
  const onKeyDown = (event: KeyboardEvent): void => {
    const copies = event.key === "c" && (event.ctrlKey || event.metaKey) && !getSelection()?.toString();
    const action = copies ? () => onCopy(current) : keyActions(model, current, go)[event.key];
    if (!action) return;
    action();
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      ref={scroller}
      role="tree"
      aria-label={label}
      tabIndex={0}
      aria-activedescendant={`${name}-${current}`}
      onKeyDown={onKeyDown}
      className="h-full overflow-auto py-2 font-mono text-data"
    >
      <div role="presentation" className="relative w-max min-w-full" style={{ height: lines.getTotalSize() }}>
        {lines.getVirtualItems().map(({ index, start }) => {
          const node = shown[index]!;
          return (
            <Line
              key={node}
              id={`${name}-${node}`}
              model={model}
              node={node}
              top={start}
              isCurrent={node === current}
              onPick={() => setCurrent(node)}
              onHover={() => setHovered(node)}
            >
              {line(node)}
              <span
                className={`sticky right-2 ml-auto flex ${node === current ? "bg-selection" : "bg-hover opacity-0 group-hover/line:opacity-100"}`}
              >
                {(node === current || node === hovered) && actions(node)}
              </span>
            </Line>
          );
        })}
      </div>
    </div>
  );
}

function Line({
  id,
  model: { depth, hasChildren, isOpen, setOpen },
  node,
  top,
  isCurrent,
  onPick,
  onHover,
  children,
}: {
  id: string;
  model: TreeModel;
  node: number;
  top: number;
  isCurrent: boolean;
  onPick: () => void;
  onHover: () => void;
  children: ReactNode;
}) {
  const container = hasChildren(node);
  const open = isOpen(node);
  const Chevron = open ? ChevronDown : ChevronRight;
  return (
    <div
      id={id}
      role="treeitem"
      aria-level={depth(node) + 1}
      aria-expanded={container ? open : undefined}
      aria-selected={isCurrent}
      onClick={onPick}
      onPointerEnter={onHover}
      className={`group/line absolute right-0 left-0 flex items-center gap-1 pr-2 whitespace-pre ${isCurrent ? "bg-selection" : "hover:bg-hover"}`}
      style={{
        height: LINE,
        transform: `translateY(${top}px)`,
        paddingLeft: STEP + Math.min(depth(node), INDENT_MAX) * STEP,
      }}
    >
      <span
        aria-hidden
        className="flex w-4 shrink-0 justify-center text-ink-3"
        onClick={() => container && setOpen(node, !open)}
      >
        {container && <Chevron size={14} />}
      </span>
      {children}
    </div>
  );
}
