import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Ban, FastForward, GitCompare, RotateCw } from "lucide-react";

import { api, text, type Attempt } from "../../api/client";
import { keys } from "../../api/keys";
import { Button } from "../../ui/button";
import { duration, moment, size, visible } from "../../ui/format";
import { laidOut } from "../../ui/json-text";
import { useNow } from "../../ui/now";
import { attempt } from "../../ui/toasts";
import { DeliveryState } from "./delivery-state";

const PRE =
  "max-h-80 overflow-auto rounded-[9px] border border-line p-3 font-mono text-data break-all whitespace-pre-wrap";
const STEPS = [
  ["DNS", "dns_us"],
  ["connect", "connect_us"],
  ["TLS", "tls_us"],
  ["first byte", "first_byte_us"],
] as const;

/** Counts down to an instant. */
export function Until({ at }: { at: string }) {
  const now = useNow(500);
  const left = Math.max(0, Math.ceil((Date.parse(at) - now) / 1000));
  const parts = [
    [Math.floor(left / 3600), "h"],
    [Math.floor((left % 3600) / 60), "m"],
    [left % 60, "s"],
  ] as const;
  const shown = parts.filter(([number], place) => number > 0 || (place === 2 && left < 60));
  return <>{left === 0 ? "now" : `in ${shown.map(([number, unit]) => `${number} ${unit}`).join(" ")}`}</>;
}

function OneAttempt({
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
  const answered = made.status != null;
  const { data: body } = useQuery({
    queryKey: ["attempt-body", id, made.number, answered],
    queryFn: () => text(`/api/v1/deliveries/${id}/attempts/${made.number}/body`),
    enabled: open && answered && made.response_bytes > 0,
    staleTime: Infinity,
  });
  const headers = (lines: Attempt["request_headers"]): string =>
    lines.map(({ name, value }) => `${name}: ${visible(value)}`).join("\n");
  return (
    <details open={open} className="border-b border-line py-2">
      <summary className="flex cursor-default items-baseline gap-3">
        <span className="w-6 font-semibold">{made.number}.</span>
        <strong className={answered && arrived ? "text-valid" : made.error || answered ? "text-invalid" : "text-ink-2"}>
          {made.error?.kind.replaceAll("_", " ") ?? made.status ?? "under way"}
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
          {made.peer && ` · to ${made.peer}`}
        </p>
        <h4 className="font-medium">Headers sent</h4>
        <pre className={PRE} tabIndex={0}>
          {headers(made.request_headers)}
        </pre>
        {answered && (
          <>
            {before && (
              <Link
                to="/diff/$a/$b"
                params={{ a: `${id}:${before}`, b: `${id}:${made.number}` }}
                className="inline-flex items-center gap-1 text-small text-accent"
              >
                <GitCompare size={13} aria-hidden /> compare with the answer before
              </Link>
            )}
            <h4 className="font-medium">
              Answer{" "}
              <span className="font-normal text-ink-2">
                {made.status} · {made.error && "broken off after "}
                {size(made.response_bytes)}
                {made.response_cut && ", the first 64 KiB are kept"}
              </span>
            </h4>
            <pre className={PRE} tabIndex={0}>
              {headers(made.response_headers)}
              {body ? `\n\n${body.split("\n").map(visible).join("\n")}` : ""}
            </pre>
          </>
        )}
      </div>
    </details>
  );
}

/** A delivery: how it stands, its payload, and every attempt. */
export function DeliveryDetail({ id }: { id: string }) {
  const { data, error } = useQuery({ queryKey: keys.delivery(id), queryFn: () => api.delivery(id) });
  const { data: body } = useQuery({
    queryKey: ["delivery-body", id],
    queryFn: () => text(`/api/v1/deliveries/${id}/body`),
    staleTime: Infinity,
  });
  if (error) return <p className="p-6 text-ink-2">This delivery is not there.</p>;
  if (!data) return null;
  const waits = data.state === "waiting";
  return (
    <article aria-label="Delivery" className="flex h-full min-w-0 flex-col">
      <header className="border-b border-line px-4 py-3">
        <div className="flex items-baseline gap-3">
          <h2 className="min-w-0 truncate text-title font-semibold tracking-tight">
            {visible(data.event_type || data.method)}
          </h2>
          <DeliveryState state={data.state} />
          {data.origin !== "event" && <span className="text-small text-ink-2">{data.origin}</span>}
          {data.resigned && <span className="text-small text-ink-2">signed anew</span>}
        </div>
        <p className="truncate text-small text-ink-2">
          to <span className="font-mono">{visible(data.url)}</span>
        </p>
        <p className="text-small text-ink-2">
          {data.attempts} {data.attempts === 1 ? "attempt" : "attempts"} · {size(data.body_bytes)} · made{" "}
          {moment(data.created_at)} · id <span className="font-mono">{data.id}</span>
        </p>
        {waits && data.next_at && (
          <p className="mt-1 font-medium">
            Next attempt <Until at={data.next_at} />
          </p>
        )}
        {data.reason && <p className="mt-1">{visible(data.reason)}</p>}
        <div className="mt-2 flex flex-wrap gap-2">
          <Button
            icon={RotateCw}
            disabled={data.state === "sending"}
            onClick={() => void attempt(api.retryDelivery(id))}
          >
            {waits ? "Next attempt now" : "Send again"}
          </Button>
          {waits && (
            <>
              <Button icon={FastForward} onClick={() => void attempt(api.retryDelivery(id, true))}>
                Skip to the end
              </Button>
              <Button icon={Ban} onClick={() => void attempt(api.cancelDelivery(id))}>
                Cancel
              </Button>
            </>
          )}
        </div>
      </header>
      <div className="min-h-0 flex-1 overflow-auto p-4">
        <h3 className="mb-1 font-semibold">Attempts</h3>
        {data.attempts_made.length === 0 && <p className="mb-4 text-ink-2">None yet.</p>}
        {data.attempts_made.toReversed().map((made, place) => (
          <OneAttempt
            key={made.number}
            id={id}
            made={made}
            before={data.attempts_made.findLast((other) => other.number < made.number && other.status != null)?.number}
            open={place === 0}
            arrived={data.state === "delivered" && place === 0}
          />
        ))}
        <h3 className="mt-4 mb-1 font-semibold">Payload</h3>
        <pre className={PRE} tabIndex={0}>
          {laidOut(body ?? "")
            .split("\n")
            .map(visible)
            .join("\n")}
        </pre>
      </div>
    </article>
  );
}
