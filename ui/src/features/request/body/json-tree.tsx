import { Braces, Copy, Route } from "lucide-react";
import { useEffect, useMemo, useState } from "react";

import { CommandContextMenu, useCommands } from "../../../app/commands";
import { IconButton } from "../../../ui/button";
import { visible } from "../../../ui/format";
import { copyText } from "../../../ui/transfer";
import { Tree, type TreeModel } from "../../../ui/tree";
import { bodyPath, term, TermButtons, useAddTerm } from "../../search";
import { FindBar, useFind } from "./find-bar";
import { ancestorsOf, findNodes } from "./json-find";
import {
  formatted,
  keyOf,
  Kind,
  part,
  pathOf,
  source,
  stepsOf,
  valueOf,
  visibleNodes,
  type JsonIndex,
} from "./json-index";

/** Maximum number of values of a document that is fully expanded. Larger documents open two levels deep. */
const OPEN_WHOLE = 500;
/** Maximum depth of a fully expanded document. */
const OPEN_DEPTH_MAX = 40;
/** Maximum number of characters shown of one value. */
const SHOWN = 400;

const isContainer = (index: JsonIndex, node: number): boolean => index.kind[node]! <= Kind.array;

function firstOpen(index: JsonIndex): Uint8Array {
  const open = new Uint8Array(index.length);
  for (let node = 0; node < index.length; node++)
    open[node] = Number(
      index.length <= OPEN_WHOLE
        ? index.depth[node]! < OPEN_DEPTH_MAX
        : index.depth[node]! < 2 && index.count[node]! <= OPEN_WHOLE,
    );
  return open;
}

/** The tree of an index, with functions that open values. */
function useJsonModel(index: JsonIndex) {
  const [open, setOpen] = useState(() => firstOpen(index));
  const shown = useMemo(() => visibleNodes(index, open), [index, open]);
  const model: TreeModel = {
    shown,
    depth: (node) => index.depth[node]!,
    hasChildren: (node) => isContainer(index, node) && index.count[node]! > 0,
    isOpen: (node) => Boolean(open[node]),
    setOpen: (node, now) => setOpen((before) => before.with(node, Number(now))),
  };
  const reveal = (node: number): void =>
    setOpen((before) => {
      const after = before.slice();
      for (const ancestor of ancestorsOf(index, node)) after[ancestor] = 1;
      return after;
    });
  return {
    model,
    reveal,
    expandAll: () => setOpen(new Uint8Array(index.length).fill(1)),
    collapseAll: () => setOpen(new Uint8Array(index.length).fill(1, 0, 1)),
  };
}

/** A text with the parts marked that contain `needle`. */
function Marked({ text, needle }: { text: string; needle: string }) {
  if (!needle) return text;
  const parts = [];
  const lower = text.toLowerCase();
  let at = 0;
  for (let found = lower.indexOf(needle); found >= 0; found = lower.indexOf(needle, at)) {
    parts.push(text.slice(at, found));
    parts.push(
      <mark key={found} className="rounded-[3px] bg-hit text-hit-ink">
        {text.slice(found, found + needle.length)}
      </mark>,
    );
    at = found + needle.length;
  }
  return [...parts, text.slice(at)];
}

function Value({ index, node, needle }: { index: JsonIndex; node: number; needle: string }) {
  const kind = index.kind[node]!;
  if (isContainer(index, node)) {
    const count = index.count[node]!;
    return <span className="text-ink-3">{kind === Kind.object ? `{${count}}` : `[${count}]`}</span>;
  }
  const start = index.start[node]!;
  const end = index.end[node]!;
  const cut = end - start > SHOWN;
  const text = visible(source(index, start, cut ? start + SHOWN : end));
  const color = kind === Kind.string ? "text-string" : kind === Kind.number ? "text-number" : "text-ink-2";
  return (
    <span className={color}>
      <Marked text={text} needle={needle} />
      {cut && <span className="text-ink-3">… {end - start} bytes</span>}
    </span>
  );
}

function Line({ index, node, needle }: { index: JsonIndex; node: number; needle: string }) {
  const key = keyOf(index, node);
  return (
    <>
      {key !== null && (
        <span className={typeof key === "number" ? "text-ink-3" : "text-key"}>
          <Marked text={visible(String(key).slice(0, SHOWN))} needle={typeof key === "number" ? "" : needle} />:
        </span>
      )}
      <Value index={index} node={node} needle={needle} />
    </>
  );
}

const copyValue = (index: JsonIndex, node: number): void =>
  isContainer(index, node)
    ? copyText(formatted(part(index, node)), "as JSON")
    : copyText(valueOf(index, node), "value");

const copyPath = (index: JsonIndex, node: number): void => copyText(pathOf(index, node), "path");

function Actions({ index, node }: { index: JsonIndex; node: number }) {
  const container = isContainer(index, node);
  return (
    <>
      {node > 0 && !container && (
        <TermButtons one={term(bodyPath(stepsOf(index, node)), valueOf(index, node))} what="value" className="h-5!" />
      )}
      <IconButton
        label={container ? "Copy as JSON" : "Copy value"}
        icon={container ? Braces : Copy}
        className="h-5!"
        onClick={() => copyValue(index, node)}
      />
      <IconButton label="Copy path" icon={Route} className="h-5!" onClick={() => copyPath(index, node)} />
    </>
  );
}

export function JsonTree({ index }: { index: JsonIndex }) {
  const { model, reveal, expandAll, collapseAll } = useJsonModel(index);
  const [current, setCurrent] = useState(0);
  const find = useFind();
  const matches = useMemo(() => findNodes(index, find.settled), [index, find.settled]);
  const at = matches.length > 0 ? matches[find.place % matches.length]! : undefined;
  const add = useAddTerm();
  useEffect(() => {
    if (at === undefined) return;
    reveal(at);
    setCurrent(at);
    // The reveal function is new in each render.
    // oxlint-disable-next-line react/exhaustive-deps
  }, [at]);
  useCommands({ "expand-all": expandAll, "collapse-all": collapseAll });
  const menu = () => [
    { title: isContainer(index, current) ? "Copy as JSON" : "Copy value", run: () => copyValue(index, current) },
    { title: "Copy path", run: () => copyPath(index, current) },
    ...(add && current > 0 && !isContainer(index, current)
      ? [false, true].map((not) => ({
          title: not ? "Not this value" : "Only this value",
          run: () => add(term(bodyPath(stepsOf(index, current)), valueOf(index, current)), not),
        }))
      : []),
    "-" as const,
    "expand-all" as const,
    "collapse-all" as const,
    "find" as const,
  ];
  return (
    <>
      <FindBar find={find} matches={matches.length} />
      <CommandContextMenu
        label="Value actions"
        items={menu}
        onOpen={({ target }) => {
          const id = (target as Element).closest("[role=treeitem]")?.id;
          if (id) setCurrent(Number(id.replace("json-", "")));
        }}
        render={<div className="h-full" />}
      >
        <Tree
          name="json"
          label="Body"
          model={model}
          current={current}
          onCurrent={setCurrent}
          onCopy={(node) => copyValue(index, node)}
          line={(node) => <Line index={index} node={node} needle={find.settled.toLowerCase()} />}
          actions={(node) => <Actions index={index} node={node} />}
        />
      </CommandContextMenu>
    </>
  );
}
