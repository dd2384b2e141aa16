import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowLeft, ArrowLeftRight, ChevronLeft, ChevronRight, GitCompare } from "lucide-react";
import { useRef } from "react";

import { api, type DiffRow } from "../../api/client";
import { keys } from "../../api/keys";
import { firstKeys, useCommands } from "../../app/commands";
import { useRequest } from "../../api/queries";
import { IconButton } from "../../ui/button";
import { Notice } from "../../ui/notice";
import { count, moment, visible } from "../../ui/format";
import { inWords } from "../../platform/platform";
import { prefer, usePreferences } from "../../ui/preferences";

const LINE = 22;
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
const BASES = {
  json: "Bodies compared as JSON: the order of keys and white space do not count.",
  text: "Bodies compared line by line.",
  bytes: "Bodies compared byte by byte.",
} as const;

type Line = { row: DiffRow } | { heading: string };

/** A changed row is two lines where both sides share a column. */
const split = (rows: DiffRow[]): DiffRow[] =>
  rows.flatMap((row) =>
    row.kind === "changed"
      ? [
          { ...row, kind: "removed" as const, b: null },
          { ...row, kind: "added" as const, a: null },
        ]
      : [row],
  );

function Text({ text, depth }: { text: string | null | undefined; depth: number }) {
  return (
    <span className="min-w-0 flex-1 overflow-x-auto whitespace-pre" style={{ paddingLeft: Math.min(depth, 40) * 14 }}>
      {text === null || text === undefined ? "" : visible(text)}
    </span>
  );
}

function Row({ row, inline }: { row: DiffRow; inline: boolean }) {
  const sign = (
    <span aria-hidden className="w-5 shrink-0 text-center">
      {SIGNS[row.kind]}
    </span>
  );
  if (row.kind === "skipped") return <span className="pl-8 text-ink-3">… {count(row.skipped)} the same</span>;
  const name = NAMES[row.kind] && <span className="sr-only">{NAMES[row.kind]}</span>;
  if (inline)
    return (
      <>
        {sign}
        {name}
        <Text text={row.b ?? row.a} depth={row.depth} />
      </>
    );
  return (
    <>
      {sign}
      {name}
      <Text text={row.a} depth={row.depth} />
      <span aria-hidden className="mx-2 h-full w-px shrink-0 bg-line" />
      <Text text={row.b} depth={row.depth} />
    </>
  );
}

/** An attempt as `DELIVERY:NUMBER`: its answer is compared. */
const ATTEMPT = /^(.+):(\d+)$/;

function Who({ id, which }: { id: string; which: string }) {
  const [, delivery, number] = ATTEMPT.exec(id) ?? [];
  if (delivery)
    return (
      <span className="min-w-0 flex-1 truncate">
        <span className="text-ink-2">{which}</span>{" "}
        <strong className="font-semibold">answer to attempt {number}</strong>
      </span>
    );
  return <Request id={id} which={which} />;
}

function Request({ id, which }: { id: string; which: string }) {
  const { data } = useRequest(id);
  if (!data) return <span className="flex-1" />;
  return (
    <span className="min-w-0 flex-1 truncate">
      <span className="text-ink-2">{which}</span>{" "}
      <strong className="font-semibold">{visible(data.event_type ?? data.method)}</strong>{" "}
      <span className="font-mono text-data">{visible(data.target)}</span>{" "}
      <span className="text-ink-2">{moment(data.arrived_at)}</span>
    </span>
  );
}

/** The requests of an event, where the two compared follow one another in it: comparisons step through it. */
function useSteps(a: string, b: string): { at: number; ids: string[] } | undefined {
  const { data: thread } = useQuery({
    queryKey: [...keys.request(b), "timeline", "steps"],
    queryFn: () => api.thread(b),
    gcTime: 60_000,
    enabled: !ATTEMPT.test(b),
  });
  const ids = thread?.items.flatMap((item) => (item.kind === "request" ? [item.request.id] : [])) ?? [];
  const at = ids.indexOf(b);
  return ids.length > 2 && at > 0 && ids[at - 1] === a ? { at, ids } : undefined;
}

/** What differs between two requests, side by side or in one column. */
export function DiffPage({ a, b }: { a: string; b: string }) {
  const { data: diff, error } = useQuery({ queryKey: ["diff", a, b], queryFn: () => api.diff(a, b), gcTime: 60_000 });
  const inline = usePreferences().diff === "inline";
  const navigate = useNavigate();
  const scroller = useRef<HTMLDivElement>(null);
  const leave = (): void => history.back();
  const steps = useSteps(a, b);
  const step = (by: 1 | -1): void => {
    const [before, after] = steps ? [steps.ids[steps.at + by - 1], steps.ids[steps.at + by]] : [];
    if (before && after) void navigate({ to: "/diff/$a/$b", params: { a: before, b: after }, replace: true });
  };
  useCommands({ leave, next: () => step(1), previous: () => step(-1) });
  const shaped = (rows: DiffRow[]): DiffRow[] => (inline ? split(rows) : rows);
  const headers = diff?.headers.filter((row) => row.kind !== "same") ?? [];
  const lines: Line[] = !diff
    ? []
    : [
        { heading: ATTEMPT.test(a) ? "Answer" : "Request" },
        ...shaped([diff.line]).map((row) => ({ row })),
        {
          heading: headers.length
            ? `Headers, ${count(headers.length)} of ${count(diff.headers.length)} differ`
            : `Headers, all ${count(diff.headers.length)} the same`,
        },
        ...shaped(headers).map((row) => ({ row })),
        {
          heading: diff.changes
            ? `Body, ${count(diff.changes)} ${diff.changes === 1 ? "row differs" : "rows differ"}`
            : "Body, the same",
        },
        ...shaped(diff.body).map((row) => ({ row })),
      ];
  const view = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE,
    overscan: 30,
  });
  return (
    <section aria-label="Comparison" className="flex h-full min-w-0 flex-col bg-pane">
      <header className="flex items-center gap-3 border-b border-line px-3 py-2">
        <IconButton label="Back" icon={ArrowLeft} onClick={leave} />
        <h1 className="text-title font-semibold tracking-tight">Compare</h1>
        <IconButton
          label="Swap sides"
          icon={ArrowLeftRight}
          onClick={() => void navigate({ to: "/diff/$a/$b", params: { a: b, b: a }, replace: true })}
        />
        {steps && (
          <span className="flex items-center gap-1 text-small text-ink-2">
            <IconButton
              label="The comparison before"
              icon={ChevronLeft}
              keys={firstKeys("previous")}
              disabled={steps.at < 2}
              onClick={() => step(-1)}
            />
            <span data-testid="step">
              step {steps.at} of {steps.ids.length - 1}
            </span>
            <IconButton
              label="The comparison after"
              icon={ChevronRight}
              keys={firstKeys("next")}
              disabled={steps.at + 1 >= steps.ids.length}
              onClick={() => step(1)}
            />
          </span>
        )}
        <div
          role="radiogroup"
          aria-label="Layout"
          className="ml-auto flex gap-1 rounded-[7px] border border-line bg-background p-0.5"
        >
          {(["side", "inline"] as const).map((one) => (
            <button
              key={one}
              type="button"
              role="radio"
              aria-checked={inline === (one === "inline")}
              onClick={() => prefer({ diff: one })}
              className={`rounded-[5px] px-3 py-0.5 ${inline === (one === "inline") ? "bg-control font-medium" : "text-ink-2"}`}
            >
              {one === "side" ? "Side by side" : "Inline"}
            </button>
          ))}
        </div>
      </header>
      <div className="flex gap-4 border-b border-line px-4 py-2">
        <Who id={a} which="First" />
        <Who id={b} which="Second" />
      </div>
      {error && (
        <div className="p-6">
          <Notice icon={GitCompare} tone="plain" title="These two cannot be compared">
            {inWords(error)}
          </Notice>
        </div>
      )}
      {diff && (
        <p role="status" className="border-b border-line px-4 py-1 text-small text-ink-2">
          {diff.same ? "Nothing differs." : (diff.note ?? BASES[diff.basis])}
        </p>
      )}
      <div
        ref={scroller}
        tabIndex={0}
        aria-label="What differs"
        role="region"
        className="min-h-0 flex-1 overflow-auto font-mono text-data"
      >
        <div className="relative" style={{ height: view.getTotalSize() }}>
          {view.getVirtualItems().map((item) => {
            const line = lines[item.index]!;
            const place = { height: LINE, transform: `translateY(${item.start}px)` };
            if ("heading" in line)
              return (
                <h2
                  key={item.key}
                  className="absolute right-0 left-0 bg-sidebar px-4 font-sans text-small leading-[22px] font-semibold text-ink-2"
                  style={place}
                >
                  {line.heading}
                </h2>
              );
            return (
              <div
                key={item.key}
                className={`absolute right-0 left-0 flex items-center px-2 ${GROUNDS[line.row.kind]}`}
                style={place}
              >
                <Row row={line.row} inline={inline} />
              </div>
            );
          })}
        </div>
      </div>
    </section>
  );
}
