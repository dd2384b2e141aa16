import { visible } from "../../../ui/format";
import { Table, type Column } from "../../../ui/table";

const COLUMNS: readonly Column<[name: string, value: string]>[] = [
  {
    header: "Field",
    names: true,
    className: "py-1 pr-6 align-top font-mono text-data font-normal whitespace-pre text-key",
    cell: ([name]) => visible(name),
  },
  {
    header: "Value",
    className: "py-1 font-mono text-data break-all whitespace-pre-wrap",
    cell: ([, value]) => visible(value),
  },
];

/** The fields of an `application/x-www-form-urlencoded` body, in order and with duplicates. */
export function FormTable({ bytes }: { bytes: Uint8Array }) {
  return (
    <div className="h-full overflow-auto p-4" tabIndex={0} role="region" aria-label="Form fields">
      <Table
        plain
        className="w-full border-collapse text-left align-top"
        rows={[...new URLSearchParams(new TextDecoder().decode(bytes))]}
        rowKey={(_, place) => place}
        columns={COLUMNS}
      />
    </div>
  );
}
