import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { GitCompare } from "lucide-react";

import { text, type Attempt } from "../../api/client";
import { duration, moment, size, visible, visibleLines } from "../../ui/format";

/** Classes of blocks that show sent or received text. */
export const PRE =
  "max-h-80 overflow-auto rounded-[9px] border border-line p-3 font-mono text-data break-all whitespace-pre-wrap";
const STEPS = [
  ["DNS", "dns_us"],
  ["connect", "connect_us"],
  ["TLS", "tls_us"],
  ["first byte", "first_byte_us"],
] as const;

export function AttemptView({
  id,
  made,
  before,
  open,
  arrived,
}: {
  id: string;
  made: Attempt;
  before: number | undefined;
  open: boolean;
  arrived: boolean;
}) {
  const responded = made.status != null;
  const { data: body } = useQuery({
    queryKey: ["attempt-body", id, made.number, responded],
    queryFn: () => text(`/api/v1/deliveries/${id}/attempts/${made.number}/body`),
    enabled: open && responded && made.response_bytes > 0,
    staleTime: Infinity,
  });
  const headers = (lines: Attempt["request_headers"]): string =>
    lines.map(({ name, value }) => `${name}: ${visible(value)}`).join("\n");
  return (
    <details open={open} className="border-b border-line py-2">
      <summary className="flex cursor-default items-baseline gap-3">
        <span className="w-6 font-semibold">{made.number}.</span>
        <strong
          className={responded && arrived ? "text-valid" : made.error || responded ? "text-invalid" : "text-ink-2"}
        >
          {made.error?.kind.replaceAll("_", " ") ?? made.status ?? "in progress"}
        </strong>
        <span className="min-w-0 flex-1 truncate text-ink-2">{made.error ? visible(made.error.message) : ""}</span>
        <span className="text-small text-ink-2">
          {made.timings.total_us > 0 && duration(made.timings.total_us / 1000)} · {moment(made.started_at)}
        </span>
      </summary>
      <div className="space-y-2 pt-2 pl-9">
        {made.error && <p className="text-invalid">{visible(made.error.message)}</p>}
        <p className="text-small text-ink-2">
          {STEPS.filter(([, step]) => made.timings[step] != null)
            .map(([name, step]) => `${name} ${duration(made.timings[step]! / 1000)}`)
            .join(" · ")}
          {made.remote_address && ` · to ${made.remote_address}`}
        </p>
        <h4 className="font-medium">Request headers</h4>
        <pre className={PRE} tabIndex={0}>
          {headers(made.request_headers)}
        </pre>
        {responded && (
          <>
            {before && (
              <Link
                to="/diff/$a/$b"
                params={{ a: `${id}:${before}`, b: `${id}:${made.number}` }}
                className="inline-flex items-center gap-1 text-small text-accent"
              >
                <GitCompare size={13} aria-hidden /> Compare with previous response
              </Link>
            )}
            <h4 className="font-medium">
              Response{" "}
              <span className="font-normal text-ink-2">
                {made.status} · {made.error && "incomplete after "}
                {size(made.response_bytes)}
                {made.response_cut && ", truncated to 64 KiB"}
              </span>
            </h4>
            <pre className={PRE} tabIndex={0}>
              {headers(made.response_headers)}
              {body ? `\n\n${visibleLines(body)}` : ""}
            </pre>
          </>
        )}
      </div>
    </details>
  );
}
