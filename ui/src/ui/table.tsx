/** A table of rows, with an optional selected row. */
import type { CSSProperties, ReactNode } from "react";

export interface Column<Row> {
  header: ReactNode;
  /** Class of the cells. `headerClass` is that of the header. */
  className?: string | ((row: Row) => string);
  headerClass?: string;
  style?: (row: Row) => CSSProperties;
  /** True if the cells are row headers. */
  names?: boolean;
  cell: (row: Row) => ReactNode;
}

interface Props<Row> {
  rows: readonly Row[];
  columns: readonly Column<Row>[];
  rowKey: (row: Row, place: number) => string | number;
  rowClass?: string;
  className?: string;
  /** True if the header is visible only to screen readers. */
  plain?: boolean;
  label?: string;
  testId?: string;
  isSelected?: (row: Row) => boolean;
  onPick?: (row: Row) => void;
}

const look = (selected: boolean): string => (selected ? "bg-selection" : "hover:bg-hover");

export function Table<Row>({
  rows,
  columns,
  rowKey,
  rowClass = "",
  className = "w-full border-collapse",
  plain,
  label,
  testId,
  isSelected,
  onPick,
}: Props<Row>) {
  return (
    <table aria-label={label} className={className} data-testid={testId}>
      <thead className={plain ? "sr-only" : undefined}>
        <tr className={plain ? undefined : "border-b border-line text-left text-small text-ink-2"}>
          {columns.map(({ header, headerClass = "font-medium" }, place) => (
            <th key={place} className={plain ? undefined : headerClass}>
              {header}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, place) => (
          <tr
            key={rowKey(row, place)}
            onClick={onPick && (() => onPick(row))}
            aria-selected={isSelected?.(row)}
            className={`border-b border-line ${rowClass} ${isSelected ? look(isSelected(row)) : ""}`}
          >
            {columns.map((column, at) => (
              <Cell key={at} column={column} row={row} />
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Cell<Row>({ column: { className, style, names, cell }, row }: { column: Column<Row>; row: Row }) {
  const props = { className: typeof className === "function" ? className(row) : className, style: style?.(row) };
  return names ? (
    <th scope="row" {...props}>
      {cell(row)}
    </th>
  ) : (
    <td {...props}>{cell(row)}</td>
  );
}
