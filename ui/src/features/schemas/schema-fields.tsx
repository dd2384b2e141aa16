import { Link } from "@tanstack/react-router";

import type { InferredSchema, SchemaChange, SchemaField } from "../../api/client";
import { count, moment, visible } from "../../ui/format";
import { Table, type Column } from "../../ui/table";

/** Describes a change of a schema. */
function changed({ what }: SchemaChange): string {
  switch (what.type) {
    case "new_field":
      return `new field, ${what.value_type}`;
    case "new_type":
      return `changed from ${what.before.join(" or ")} to ${what.value_type}`;
    case "missing":
      return "missing, was always present";
  }
}

/** The time of the last change of a field, with a link to the request. */
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
          <span className="text-ink-2" title="Optional">
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
    header: "Count",
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

/** The changes and the fields of a schema. */
export function SchemaFields({ schema }: { schema: InferredSchema }) {
  const latest = new Map<string, SchemaChange>();
  for (const change of schema.changes) if (!latest.has(change.path)) latest.set(change.path, change);
  return (
    <>
      {schema.changes.length > 0 && (
        <section aria-label="Changes" className="mb-5">
          <h3 className="mb-1 font-semibold">Changes</h3>
          <ul className="max-h-52 overflow-auto rounded-[9px] border border-line">
            {schema.changes.map((change, at) => (
              <li
                key={at}
                className="flex flex-wrap items-baseline gap-x-2 border-b border-line px-3 py-1 last:border-b-0"
              >
                <code className="font-mono text-data font-medium">{visible(change.path) || "body"}</code>
                <span>{changed(change)}</span>
                <Link
                  to="/requests/{-$request}"
                  params={{ request: change.request }}
                  search={{ q: `id:${change.request}` }}
                  className="ml-auto text-small text-accent underline"
                >
                  since {moment(change.at)}
                </Link>
              </li>
            ))}
          </ul>
        </section>
      )}
      <Table
        className="w-full"
        rows={schema.tree}
        columns={columnsOf(latest)}
        rowKey={({ path }) => path}
        rowClass="align-baseline"
      />
    </>
  );
}
