import { Copy } from "lucide-react";

import type { Detail } from "../../api/client";
import { IconButton } from "../../ui/button";
import { visible } from "../../ui/format";
import { Table, type Column } from "../../ui/table";
import { copyText } from "../../ui/transfer";
import { term, TermButtons } from "../search";

type Parameter = readonly [name: string, value: string];

/** Returns the parameters of the query string, in order and with repeats. */
export function parametersOf({ target }: Pick<Detail, "target">): Parameter[] {
  const at = target.indexOf("?");
  return at < 0 ? [] : [...new URLSearchParams(target.slice(at + 1))];
}

const COLUMNS: readonly Column<Parameter>[] = [
  {
    header: "Name",
    names: true,
    className: "w-[32%] py-1.5 pr-4 align-top font-mono text-data font-normal break-all text-key",
    cell: ([name]) => visible(name),
  },
  { header: "Value", className: "py-1.5 font-mono text-data break-all", cell: ([, value]) => visible(value) },
  {
    header: "Actions",
    className: "row-actions w-px align-top",
    cell: ([name, value]) => (
      <span className="flex">
        <TermButtons one={term(`query.${name}`, value)} what={visible(name)} className="h-7!" />
        <IconButton
          label={`Copy ${visible(name)}`}
          icon={Copy}
          className="h-7!"
          onClick={() => copyText(value, visible(name))}
        />
      </span>
    ),
  },
];

/** The query string as a table, and as sent. */
export function QueryTab({ detail }: { detail: Detail }) {
  const parameters = parametersOf(detail);
  if (parameters.length === 0) return <p className="p-4 text-ink-2">This request has no query string.</p>;
  return (
    <div className="px-4 py-2">
      <Table
        plain
        label="Query string"
        className="w-full border-collapse text-left"
        rows={parameters}
        rowKey={(_, place) => place}
        rowClass="hover:bg-hover group/row"
        columns={COLUMNS}
      />
      <p className="mt-3 text-small text-ink-2">As sent</p>
      <pre className="font-mono text-data break-all whitespace-pre-wrap" tabIndex={0}>
        {visible(detail.target.slice(detail.target.indexOf("?")))}
      </pre>
    </div>
  );
}
