/** What JSON bodies are like, event type by event type, and what changed since when. */
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Braces, Copy, Download, Trash2 } from "lucide-react";
import { useState } from "react";

import { api, shapeCode, type InferredSchema, type SchemaChange, type SchemaField } from "../../api/client";
import { keys } from "../../api/keys";
import { confirm } from "../../ui/confirm";
import { Button, IconButton } from "../../ui/button";
import { Choice } from "../../ui/choice";
import { Notice } from "../../ui/notice";
import { age, count, moment, visible, visibleLines } from "../../ui/format";
import { useNow } from "../../ui/now";
import { Table, type Column } from "../../ui/table";
import { attempt, tell } from "../../ui/toasts";
import { saveFile } from "../../ui/transfer";
import { platform } from "../../platform";
import { useSchemas } from "../../api/queries";

const VIEWS = [
  ["fields", "Fields"],
  ["json_schema", "JSON Schema"],
  ["typescript", "TypeScript"],
  ["rust", "Rust"],
] as const;
type View = (typeof VIEWS)[number][0];

const FILES: Record<Exclude<View, "fields">, string> = { json_schema: "schema.json", typescript: "ts", rust: "rs" };

const eventName = (event: string): string => (event ? visible(event) : "No event type");

/** Changes within this time stand out in the list, in ms. */
const RECENT_MS = 7 * 86_400_000;

/** What changed, in words. */
function changed({ what }: SchemaChange): string {
  switch (what.kind) {
    case "new_field":
      return `is new, ${what.type}`;
    case "new_type":
      return `is ${what.type} where it was ${what.before.join(" or ")}`;
    case "missing":
      return "is missing where it always was";
  }
}

/** When a field was last of another kind, or has been as it is. */
function Since({ field, change }: { field: SchemaField; change: SchemaChange | undefined }) {
  if (!change) return <span className="text-ink-2">{moment(field.since)}</span>;
  return (
    <Link
      to="/requests/{-$request}"
      params={{ request: change.request }}
      search={{ q: `id:${change.request}` }}
      title={changed(change)}
      className="text-warning underline"
    >
      {moment(change.at)}
    </Link>
  );
}

const PLAIN = "font-normal";

const columnsOf = (latest: ReadonlyMap<string, SchemaChange>): readonly Column<SchemaField>[] => [
  {
    header: "Field",
    headerClass: PLAIN,
    names: true,
    className: "py-1 pr-4 text-left font-mono text-data font-medium",
    style: ({ depth }) => ({ paddingLeft: `${depth * 1.1}rem` }),
    cell: ({ depth, name, optional }) => (
      <>
        {depth === 0 ? "body" : visible(name)}
        {optional && (
          <span className="text-ink-2" title="Not always there">
            ?
          </span>
        )}
      </>
    ),
  },
  {
    header: "Type",
    headerClass: PLAIN,
    className: "py-1 pr-4 font-mono text-data whitespace-nowrap",
    cell: ({ types, format }) => (
      <>
        {types.join(" | ")}
        {format && <span className="text-ink-2"> {format}</span>}
      </>
    ),
  },
  {
    header: "Values",
    headerClass: PLAIN,
    className: "max-w-60 py-1 pr-4 font-mono text-data break-words text-ink-2",
    cell: ({ values }) => values?.map((value) => visible(JSON.stringify(value))).join(" "),
  },
  {
    header: "Seen",
    headerClass: "pr-4 text-right font-normal",
    className: "py-1 pr-4 text-right tabular-nums",
    cell: ({ seen }) => count(seen),
  },
  {
    header: "Since",
    headerClass: PLAIN,
    className: "py-1 text-small whitespace-nowrap",
    cell: (field) => <Since field={field} change={latest.get(field.path)} />,
  },
];

function Fields({ shape }: { shape: InferredSchema }) {
  const latest = new Map<string, SchemaChange>();
  for (const drift of shape.changes) if (!latest.has(drift.path)) latest.set(drift.path, drift);
  return (
    <>
      {shape.changes.length > 0 && (
        <section aria-label="Changes" className="mb-5">
          <h3 className="mb-1 font-semibold">Changes</h3>
          <ul className="max-h-52 overflow-auto rounded-[9px] border border-line">
            {shape.changes.map((drift, at) => (
              <li
                key={at}
                className="flex flex-wrap items-baseline gap-x-2 border-b border-line px-3 py-1 last:border-b-0"
              >
                <code className="font-mono text-data font-medium">{visible(drift.path) || "body"}</code>
                <span>{changed(drift)}</span>
                <Link
                  to="/requests/{-$request}"
                  params={{ request: drift.request }}
                  search={{ q: `id:${drift.request}` }}
                  className="ml-auto text-small text-accent underline"
                >
                  since {moment(drift.at)}
                </Link>
              </li>
            ))}
          </ul>
        </section>
      )}
      <Table
        className="w-full"
        rows={shape.tree}
        columns={columnsOf(latest)}
        rowKey={({ path }) => path}
        rowClass="align-baseline"
      />
    </>
  );
}

function Code({ shape, view }: { shape: InferredSchema; view: Exclude<View, "fields"> }) {
  const { data } = useQuery({
    queryKey: [...keys.schemas, "code", shape.inbox, shape.event_type, view],
    queryFn: () => api.shapeCode(shape.inbox, shape.event_type, view),
  });
  return (
    <>
      <div className="mb-2 flex gap-2">
        <Button icon={Copy} onClick={() => void attempt(platform.copyText(data ?? "").then(() => tell("Copied")))}>
          Copy
        </Button>
        <Button
          icon={Download}
          onClick={() =>
            saveFile(shapeCode(shape.inbox, shape.event_type, view), `${shape.event_type || "body"}.${FILES[view]}`)
          }
        >
          Save…
        </Button>
      </div>
      <pre
        tabIndex={0}
        aria-label="Code"
        className="overflow-auto rounded-[9px] border border-line bg-background p-3 font-mono text-data"
      >
        {data !== undefined && visibleLines(data)}
      </pre>
    </>
  );
}

function Detail({ inbox, event }: { inbox: string; event: string }) {
  const [view, setView] = useState<View>("fields");
  const { data: shape, error } = useQuery({
    queryKey: [...keys.schemas, "one", inbox, event],
    queryFn: () => api.shape(inbox, event),
    placeholderData: (before) => before,
  });
  const navigate = useNavigate();
  if (error) return <p className="p-6 text-ink-2">{error.message}</p>;
  if (!shape) return null;
  return (
    <article aria-label="Shape" className="h-full overflow-auto p-4">
      <header className="mb-4 flex flex-wrap items-center gap-3">
        <div className="min-w-0">
          <h2 className="truncate text-title font-semibold tracking-tight">{eventName(shape.event_type)}</h2>
          <p className="text-small text-ink-2">
            {shape.inbox} · learned from {count(shape.requests)} {shape.requests === 1 ? "body" : "bodies"} since{" "}
            {moment(shape.first_at)}
          </p>
        </div>
        <IconButton
          className="ml-auto"
          label="Forget it and learn anew"
          icon={Trash2}
          onClick={() =>
            void confirm(
              "Forget what was learned?",
              "Hookline infers it again from the requests that arrive from now on.",
              "Forget",
            ).then(async (agreed) => {
              if (agreed)
                await attempt(
                  api
                    .forgetShape(shape.inbox, shape.event_type)
                    .then(() => navigate({ to: "/shapes/{-$inbox}", params: { inbox: undefined }, search: {} })),
                );
            })
          }
        />
      </header>
      <div className="mb-4">
        <Choice label="View" value={view} options={VIEWS} onChange={setView} />
      </div>
      {view === "fields" ? <Fields shape={shape} /> : <Code shape={shape} view={view} />}
    </article>
  );
}

export function SchemasPage({ inbox, event }: { inbox: string | undefined; event: string }) {
  const shapes = useSchemas();
  const now = useNow(30_000);
  const items = shapes.data?.items ?? [];
  const shown =
    inbox === undefined ? items[0] && { inbox: items[0].inbox, event: items[0].event_type } : { inbox, event };
  if (shapes.data && items.length === 0) {
    return (
      <div className="p-6">
        <Notice icon={Braces} tone="plain" title="No JSON body has been seen yet">
          As requests arrive or are imported, this page learns what their bodies are like, event type by event type:
          which fields, which types, what is optional, and what changed since when.
        </Notice>
      </div>
    );
  }
  return (
    <div className="flex h-full">
      <section aria-label="Shapes" className="flex w-72 shrink-0 flex-col border-r border-line max-md:w-48">
        <h1 className="px-4 py-3 text-title font-semibold tracking-tight">Shapes</h1>
        <ul className="min-h-0 flex-1 overflow-auto px-2">
          {items.map((one) => {
            const here = shown?.inbox === one.inbox && shown.event === one.event_type;
            const recent = one.drift_at && now - Date.parse(one.drift_at) < RECENT_MS;
            return (
              <li key={`${one.inbox}/${one.event_type}`}>
                <Link
                  to="/shapes/{-$inbox}"
                  params={{ inbox: one.inbox }}
                  search={one.event_type ? { event: one.event_type } : {}}
                  aria-current={here || undefined}
                  className={`block rounded-[7px] px-2 py-1.5 ${here ? "bg-selection" : "hover:bg-hover"}`}
                >
                  <span className="block truncate font-medium">{eventName(one.event_type)}</span>
                  <span className="block truncate text-small text-ink-2">
                    {one.inbox} · {count(one.requests)} · {count(one.fields)} fields
                    {one.drift_at && (
                      <span className={recent ? "text-warning" : ""}>
                        {" "}
                        · changed {age(one.drift_at, now) === "now" ? "now" : `${age(one.drift_at, now)} ago`}
                      </span>
                    )}
                  </span>
                </Link>
              </li>
            );
          })}
        </ul>
      </section>
      <div className="min-w-0 flex-1 bg-pane">
        {shown && <Detail key={`${shown.inbox}/${shown.event}`} inbox={shown.inbox} event={shown.event} />}
      </div>
    </div>
  );
}
