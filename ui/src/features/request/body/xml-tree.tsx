import { Copy } from "lucide-react";
import { useMemo, useState, type ReactNode } from "react";

import { IconButton } from "../../../ui/button";
import { visible } from "../../../ui/format";
import { copyText } from "../../../ui/transfer";
import { Tree, type TreeModel } from "../../../ui/tree";
import { xmlLines, xmlText, type XmlLine } from "./xml-lines";

/** Maximum number of characters shown of one value. */
const SHOWN = 400;

/** Returns the indexes of the visible lines. */
function visiblePlaces(lines: readonly XmlLine[], closed: ReadonlySet<number>): number[] {
  const places: number[] = [];
  for (let place = 0; place < lines.length; place++) {
    places.push(place);
    if (closed.has(place)) place = lines[place]!.last;
  }
  return places;
}

function useXmlModel(lines: readonly XmlLine[]): TreeModel {
  const [closed, setClosed] = useState<ReadonlySet<number>>(new Set());
  const shown = useMemo(() => visiblePlaces(lines, closed), [lines, closed]);
  return {
    shown,
    depth: (place) => lines[place]!.depth,
    hasChildren: (place) => lines[place]!.last > place,
    isOpen: (place) => !closed.has(place),
    setOpen: (place, open) =>
      setClosed((before) => {
        const next = new Set(before);
        if (open) next.delete(place);
        else next.add(place);
        return next;
      }),
  };
}

/** XML as a tree of elements. The parser of the browser runs no scripts and loads no resources. */
export function XmlTree({ bytes, fallback }: { bytes: Uint8Array; fallback: ReactNode }) {
  const read = useMemo(() => xmlLines(bytes), [bytes]);
  if (typeof read === "string") {
    return (
      <div className="flex h-full flex-col">
        <p className="border-b border-line px-4 py-2 text-warning">{read}</p>
        <div className="min-h-0 flex-1">{fallback}</div>
      </div>
    );
  }
  return <Lines lines={read} />;
}

function Lines({ lines }: { lines: readonly XmlLine[] }) {
  const [current, setCurrent] = useState(0);
  const copy = (place: number): void => copyText(xmlText(lines[place]!), "value");
  return (
    <Tree
      name="xml"
      label="Body"
      model={useXmlModel(lines)}
      current={current}
      onCurrent={setCurrent}
      onCopy={copy}
      line={(place) => <Line line={lines[place]!} />}
      actions={(place) => <IconButton label="Copy value" icon={Copy} className="h-5!" onClick={() => copy(place)} />}
    />
  );
}

function Line({ line: { name, value, attribute, comment } }: { line: XmlLine }) {
  return (
    <>
      {name !== undefined && <span className={attribute ? "text-ink-2" : "text-key"}>{visible(name)}</span>}
      {value !== undefined && (
        <span className={comment ? "text-ink-3" : "text-string"}>
          {visible(value.slice(0, SHOWN))}
          {value.length > SHOWN && <span className="text-ink-3">… {value.length} characters</span>}
        </span>
      )}
    </>
  );
}
