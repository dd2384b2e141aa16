import { Copy, Route } from "lucide-react";
import { useMemo, useState } from "react";

import { IconButton } from "../../../ui/button";
import { visible } from "../../../ui/format";
import { copyText } from "../../../ui/transfer";
import { Tree, type TreeModel } from "../../../ui/tree";
import { bodyPath, term, TermButtons } from "../../search";
import { keyOf, Kind, pathOf, source, stepsOf, valueOf, visibleNodes, type JsonIndex } from "./json-index";

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

function useJsonModel(index: JsonIndex): TreeModel {
  const [open, setOpen] = useState(() => firstOpen(index));
  const shown = useMemo(() => visibleNodes(index, open), [index, open]);
  return {
    shown,
    depth: (node) => index.depth[node]!,
    hasChildren: (node) => isContainer(index, node) && index.count[node]! > 0,
    isOpen: (node) => Boolean(open[node]),
    setOpen: (node, now) => setOpen((before) => before.with(node, Number(now))),
  };
}

function Value({ index, node }: { index: JsonIndex; node: number }) {
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
      {text}
      {cut && <span className="text-ink-3">… {end - start} bytes</span>}
    </span>
  );
}

function Line({ index, node }: { index: JsonIndex; node: number }) {
  const key = keyOf(index, node);
  return (
    <>
      {key !== null && (
        <span className={typeof key === "number" ? "text-ink-3" : "text-key"}>
          {visible(String(key).slice(0, SHOWN))}:
        </span>
      )}
      <Value index={index} node={node} />
    </>
  );
}

function Actions({ index, node, onCopy }: { index: JsonIndex; node: number; onCopy: () => void }) {
  return (
    <>
      {node > 0 && !isContainer(index, node) && (
        <TermButtons one={term(bodyPath(stepsOf(index, node)), valueOf(index, node))} what="value" className="h-5!" />
      )}
      <IconButton label="Copy value" icon={Copy} className="h-5!" onClick={onCopy} />
      <IconButton
        label="Copy path"
        icon={Route}
        className="h-5!"
        onClick={() => copyText(pathOf(index, node), "path")}
      />
    </>
  );
}

export function JsonTree({ index }: { index: JsonIndex }) {
  const copy = (node: number): void => copyText(valueOf(index, node), "value");
  return (
    <Tree
      name="json"
      label="Body"
      model={useJsonModel(index)}
      onCopy={copy}
      line={(node) => <Line index={index} node={node} />}
      actions={(node) => <Actions index={index} node={node} onCopy={() => copy(node)} />}
    />
  );
}
