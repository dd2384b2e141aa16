import { useQuery } from "@tanstack/react-query";
import { Copy, Download } from "lucide-react";
import { lazy, Suspense } from "react";

import { bytes, requestRoute, type Detail } from "../../api/client";
import { IconButton } from "../../ui/button";
import { size } from "../../ui/format";
import { saveFile } from "../../ui/transfer";
import { requestActions } from "./actions";

const CodeView = lazy(() => import("../../ui/code-view"));

/** Maximum size of a message that is shown as text, in bytes. Larger messages can be saved. */
const SHOWN_MAX = 2 * 1024 * 1024;

/** The message as received, with joined chunks. */
export function RawTab({ detail }: { detail: Detail }) {
  const shown = detail.body_bytes <= SHOWN_MAX;
  const { data } = useQuery({
    queryKey: ["raw", detail.id],
    queryFn: () => bytes(requestRoute(detail.id, "raw")),
    enabled: shown,
    gcTime: 5_000,
  });
  return (
    <div className="flex h-full flex-col">
      <div className="flex items-center gap-2 border-b border-line px-4 py-1 text-small text-ink-2">
        The message as received, with transfer encoding removed
        {detail.headers.some(({ secret }) => secret) && ", credentials masked"}.
        <span className="ml-auto" />
        <IconButton label="Copy as raw HTTP" icon={Copy} onClick={requestActions(detail.id).copyRaw} />
        <IconButton
          label="Save message"
          icon={Download}
          onClick={() => saveFile(requestRoute(detail.id, "raw"), `${detail.id}.http`)}
        />
      </div>
      {!shown && (
        <p className="p-4 text-ink-2">The message is larger than {size(SHOWN_MAX)}. Save the message to read it.</p>
      )}
      <div className="min-h-0 flex-1">
        {data && (
          <Suspense fallback={null}>
            <CodeView text={new TextDecoder().decode(data)} language="text" label="Raw message" />
          </Suspense>
        )}
      </div>
    </div>
  );
}
