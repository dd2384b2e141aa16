import { AlertTriangle, Download } from "lucide-react";

import { requestRoute, type Part } from "../../../api/client";
import { IconButton } from "../../../ui/button";
import { Notice } from "../../../ui/notice";
import { size, visible, visibleLines } from "../../../ui/format";
import { saveFile } from "../../../ui/transfer";

/** The parts of a multipart body. File names come from the sender and are only displayed. */
export function PartsTable({
  id,
  parts,
  total,
  notes,
  error,
}: {
  id: string;
  parts: Part[] | undefined;
  total: number | undefined;
  notes: string[];
  error: Error | null;
}) {
  if (error) {
    return (
      <div className="p-4">
        <Notice icon={AlertTriangle} tone="warning" title={error.message}>
          View the body as text instead.
        </Notice>
      </div>
    );
  }
  return (
    <ul className="h-full overflow-auto p-4" tabIndex={0} aria-label="Parts">
      {notes.map((note) => (
        <li key={note} className="mb-3 flex items-center gap-2 text-warning">
          <AlertTriangle size={15} aria-hidden /> {visible(note)}
        </li>
      ))}
      {parts?.map((part) => (
        <li key={part.index} className="mb-3 rounded-[9px] border border-line p-3">
          <div className="flex items-center gap-3">
            <span className="font-mono text-data text-key">{visible(part.name ?? `part ${part.index}`)}</span>
            {part.file_name !== undefined && part.file_name !== null && (
              <span className="font-mono text-data break-all">{visible(part.file_name)}</span>
            )}
            <span className="ml-auto text-small text-ink-2">
              {part.content_type ?? "text"} · {size(part.bytes)}
            </span>
            <IconButton
              label={`Save part ${part.index}`}
              icon={Download}
              onClick={() =>
                saveFile(requestRoute(id, `parts/${part.index}`), part.file_name ?? `part-${part.index}.bin`)
              }
            />
          </div>
          {part.fault && <p className="mt-1 text-warning">{visible(part.fault)}</p>}
          {part.text !== undefined && part.text !== null && (
            <pre className="mt-2 max-h-60 overflow-auto font-mono text-data break-all whitespace-pre-wrap">
              {visibleLines(part.text)}
            </pre>
          )}
        </li>
      ))}
      {parts && total !== undefined && total > parts.length && (
        <li className="text-small text-ink-2">
          {(total - parts.length).toLocaleString()} more parts are not listed. Save the body to get all parts.
        </li>
      )}
    </ul>
  );
}
