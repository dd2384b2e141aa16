import { Copy, Eye, EyeOff } from "lucide-react";
import { useState } from "react";

import { api, type Detail, type HeaderLine } from "../../api/client";
import { Button, IconButton } from "../../ui/button";
import { visible } from "../../ui/format";
import { Table, type Column } from "../../ui/table";
import { attempt } from "../../ui/toasts";
import { copyText } from "../../ui/transfer";
import { term, TermButtons } from "../search";

const NAMES: Record<string, string> = {
  exact: "Names and order as sent.",
  lowercase: "HTTP/2 header names are always lowercase.",
  normalized:
    "Normalized: the received bytes did not match the parsed headers, so names are lowercase and duplicates are grouped.",
};

const COLUMNS: readonly Column<HeaderLine>[] = [
  {
    header: "Name",
    names: true,
    className: "w-[32%] py-1.5 pr-4 align-top font-mono text-data font-normal break-all text-key",
    cell: ({ name }) => visible(name),
  },
  {
    header: "Value",
    className: "py-1.5 font-mono text-data break-all",
    cell: ({ value }) => visible(value),
  },
  { header: "Actions", className: "row-actions w-px align-top", cell: (line) => <LineActions line={line} /> },
];

function LineActions({ line: { name, value, secret } }: { line: HeaderLine }) {
  return (
    <span className="flex">
      {!secret && (
        <TermButtons one={term(`header.${name.toLowerCase()}`, value)} what={visible(name)} className="h-7!" />
      )}
      <IconButton
        label={`Copy ${visible(name)}`}
        icon={Copy}
        className="h-7!"
        onClick={() => copyText(value, secret ? "as shown" : visible(name))}
      />
    </span>
  );
}

function Lines({ label, lines }: { label: string; lines: HeaderLine[] }) {
  return (
    <Table
      plain
      label={label}
      className="w-full border-collapse text-left"
      rows={lines}
      rowKey={(_, place) => place}
      rowClass="group/row hover:bg-hover"
      columns={COLUMNS}
    />
  );
}

export function HeadersTab({ detail }: { detail: Detail }) {
  const [revealed, setRevealed] = useState<Detail>();
  const shown = revealed ?? detail;
  const secrets = [...detail.headers, ...detail.trailers].some(({ secret }) => secret);
  return (
    <div className="px-4 py-2">
      <div className="mb-1 flex items-center gap-3 text-small text-ink-2">
        <span className={detail.names === "normalized" ? "text-warning" : ""}>{NAMES[detail.names]}</span>
        {secrets && (
          <Button
            icon={revealed ? EyeOff : Eye}
            className="ml-auto"
            onClick={() => (revealed ? setRevealed(undefined) : void attempt(api.reveal(detail.id).then(setRevealed)))}
          >
            {revealed ? "Mask credentials" : "Show credentials"}
          </Button>
        )}
      </div>
      <Lines label="Headers" lines={shown.headers} />
      {shown.trailers.length > 0 && (
        <>
          <h2 className="mt-4 mb-1 font-semibold">Trailers</h2>
          <Lines label="Trailers" lines={shown.trailers} />
        </>
      )}
    </div>
  );
}
