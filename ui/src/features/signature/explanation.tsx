import { Copy } from "lucide-react";

import type { Explanation } from "../../api/client";
import { IconButton } from "../../ui/button";
import { moment, size, visible } from "../../ui/format";
import { copyText } from "../../ui/transfer";
import { SignatureStatus } from "./signature-status";

const PRE =
  "max-h-80 overflow-auto rounded-[9px] border border-line p-3 font-mono text-data break-all whitespace-pre-wrap";

/** The explanation of a signature status: the reason, the signed payload and both digests. */
export function ExplanationView({ data, arrived }: { data: Explanation; arrived?: string }) {
  const skew = data.signed_at && arrived ? Date.parse(arrived) - Date.parse(data.signed_at) : undefined;
  return (
    <div className="space-y-4 p-4">
      <div>
        <p className="flex items-start gap-3 text-title">
          <SignatureStatus status={data.status} reason={data.reason} className="mt-1" />
          <span className="font-medium">{visible(data.sentence)}</span>
        </p>
        {data.advice && <p className="mt-1 text-ink-2">{visible(data.advice)}</p>}
      </div>
      <dl className="grid grid-cols-[8rem_1fr] gap-y-2">
        {data.signed_at && (
          <>
            <dt className="text-ink-2">Signed</dt>
            <dd>
              {moment(data.signed_at)}
              {skew !== undefined && (
                <span className="text-ink-2">
                  {" "}
                  · {Math.abs(skew / 1000).toFixed(1)} s {skew < 0 ? "after" : "before"} it was received
                </span>
              )}
            </dd>
          </>
        )}
        {data.expected && (
          <>
            <dt className="text-ink-2">Expected (computed)</dt>
            <dd className="font-mono text-data break-all">{data.expected}</dd>
          </>
        )}
        {data.found && (
          <>
            <dt className="text-ink-2">Received</dt>
            <dd
              className={`font-mono text-data break-all ${data.found === data.expected ? "text-valid" : data.expected ? "text-invalid" : ""}`}
            >
              {visible(data.found)}
            </dd>
          </>
        )}
        {data.tried > 0 && (
          <>
            <dt className="text-ink-2">Tested</dt>
            <dd>
              {data.tried.toLocaleString()} common mistakes{data.complete ? "" : "; the search reached its time limit"}
            </dd>
          </>
        )}
      </dl>
      {data.content_bytes > 0 && (
        <section aria-label="Signed payload">
          <h3 className="mb-1 flex items-center gap-2 font-semibold">
            Signed payload{" "}
            <span className="text-small font-normal text-ink-2">{size(data.content_bytes)}, escaped</span>
            <IconButton
              label="Copy signed payload"
              icon={Copy}
              onClick={() => copyText(data.content, "signed payload")}
            />
          </h3>
          <pre className={PRE} tabIndex={0}>
            {data.content.slice(0, 20_000)}
            {data.content.length > 20_000 && "…"}
          </pre>
        </section>
      )}
    </div>
  );
}
