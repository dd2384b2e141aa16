/** The lines of a comparison. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef } from "react";

import type { Diff, DiffRow } from "../../api/client";
import { count, visible } from "../../ui/format";

const LINE = 22;
/** Maximum depth of indentation. Deeper lines are not indented further. */
const INDENT_MAX = 40;
const INDENT = 14;

const SIGNS = { same: " ", added: "+", removed: "−", changed: "≠", skipped: " " } as const;
const GROUNDS = {
  same: "",
  skipped: "text-ink-3",
  added: "bg-valid/12",
  removed: "bg-invalid/12",
  changed: "bg-warning/12",
} as const;
const NAMES = {
  added: "only in the second: ",
  removed: "only in the first: ",
  changed: "changed: ",
  same: "",
  skipped: "",
} as const;

type Line = { row: DiffRow } | { heading: string };

/** Splits changed rows in two, for the layout with one column. */
const split = (rows: DiffRow[]): DiffRow[] =>
  rows.flatMap((row) =>
    row.kind === "changed"
      ? [
          { ...row, kind: "removed" as const, b: null },
          { ...row, kind: "added" as const, a: null },
        ]
      : [row],
  );

/** Returns the lines of all compared parts with their headings. `what` is the heading of the first part. */
function linesOf({ line, headers, body, changes }: Diff, what: string, inline: boolean): Line[] {
  const part = (heading: string, rows: DiffRow[]): Line[] => [
    { heading },
    ...(inline ? split(rows) : rows).map((row) => ({ row })),
  ];
  const differ = headers.filter((row) => row.kind !== "same");
  const headersHeading = differ.length
    ? `Headers, ${count(differ.length)} of ${count(headers.length)} differ`
    : `Headers, all ${count(headers.length)} identical`;
  const bodyHeading = changes
    ? `Body, ${count(changes)} ${changes === 1 ? "row differs" : "rows differ"}`
    : "Body, identical";
  return [...part(what, [line]), ...part(headersHeading, differ), ...part(bodyHeading, body)];
}

function Text({ text, depth }: { text: string | null | undefined; depth: number }) {
  return (
    <span
      className="min-w-0 flex-1 overflow-x-auto whitespace-pre"
      style={{ paddingLeft: Math.min(depth, INDENT_MAX) * INDENT }}
    >
      {text === null || text === undefined ? "" : visible(text)}
    </span>
  );
}

function Row({ row, inline }: { row: DiffRow; inline: boolean }) {
  if (row.kind === "skipped") return <span className="pl-8 text-ink-3">… {count(row.skipped)} unchanged</span>;
  return (
    <>
      <span aria-hidden className="w-5 shrink-0 text-center">
        {SIGNS[row.kind]}
      </span>
      {NAMES[row.kind] && <span className="sr-only">{NAMES[row.kind]}</span>}
      {inline ? (
        <Text text={row.b ?? row.a} depth={row.depth} />
      ) : (
        <>
          <Text text={row.a} depth={row.depth} />
          <span aria-hidden className="mx-2 h-full w-px shrink-0 bg-line" />
          <Text text={row.b} depth={row.depth} />
        </>
      )}
    </>
  );
}

export function DiffLines({ diff, what, inline }: { diff: Diff | undefined; what: string; inline: boolean }) {
  const lines = diff ? linesOf(diff, what, inline) : [];
  const scroller = useRef<HTMLDivElement>(null);
  const view = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE,
    overscan: 30,
  });
  return (
    <div
      ref={scroller}
      tabIndex={0}
      aria-label="Differences"
      role="region"
      className="min-h-0 flex-1 overflow-auto font-mono text-data"
    >
      <div className="relative" style={{ height: view.getTotalSize() }}>
        {view.getVirtualItems().map(({ key, index, start }) => {
          const line = lines[index]!;
          const place = { height: LINE, transform: `translateY(${start}px)` };
          return "heading" in line ? (
            <h2
              key={key}
              className="absolute right-0 left-0 bg-sidebar px-4 font-sans text-small leading-[22px] font-semibold text-ink-2"
              style={place}
            >
              {line.heading}
            </h2>
          ) : (
            <div
              key={key}
              className={`absolute right-0 left-0 flex items-center px-2 ${GROUNDS[line.row.kind]}`}
              style={place}
            >
              <Row row={line.row} inline={inline} />
            </div>
          );
        })}
      </div>
    </div>
  );
}
