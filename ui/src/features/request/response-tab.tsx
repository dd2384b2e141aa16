import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ArrowRight } from "lucide-react";
import { useState } from "react";

import { api, type Detail, type InboxResponse } from "../../api/client";
import { keys } from "../../api/keys";
import { Button } from "../../ui/button";
import { Status } from "../../ui/status";
import { duration, moment, size, visible, visibleLines } from "../../ui/format";

const REFUSED: Record<number, string> = {
  400: "The body ended early, or its chunked encoding is invalid.",
  408: "The body timed out.",
  413: "The body exceeded the size limit.",
  499: "The sender disconnected before the response.",
};

const FAULTS: Record<NonNullable<InboxResponse["fault"]>["type"], string> = {
  reset: "a connection reset",
  hang: "no response",
  truncate: "a truncated response",
  slow: "a slow response body",
  garbage: "invalid HTTP",
};

/** Maximum number of deliveries shown for a request. */
const SHOWN = 20;

/** The forwards and replays of a request, with their responses. */
function Outgoing({ id }: { id: string }) {
  const query = { request: id, limit: SHOWN };
  const { data } = useQuery({ queryKey: keys.deliveries(query), queryFn: () => api.deliveries(query) });
  if (!data?.items.length) return null;
  return (
    <section aria-label="Forwards and replays">
      <h3 className="mb-1 font-semibold">Forwards and replays</h3>
      <ul>
        {data.items.map((made) => (
          <li key={made.id} className="flex items-center gap-2 border-b border-line py-1.5">
            {made.status ? (
              <Status status={made.status} className="w-8 font-mono text-data" />
            ) : (
              <strong className="w-8 text-invalid">—</strong>
            )}
            <Link to="/deliveries/{-$delivery}" params={{ delivery: made.id }} className="shrink-0 underline">
              {made.origin === "forward" ? "forwarded" : "replayed"}
            </Link>
            <span className="min-w-0 flex-1 truncate font-mono text-data text-ink-2">{visible(made.url)}</span>
            <span className="max-w-[45%] truncate text-small text-ink-2">
              {visible(made.reason ?? made.error ?? "")} {made.duration_ms != null && duration(made.duration_ms)}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** A preview of the response with the current rules, and the reason for each rule that does not match. */
function Now({ id }: { id: string }) {
  const [open, setOpen] = useState(false);
  const { data } = useQuery({
    queryKey: ["compiled_rules", id],
    queryFn: () => api.compiled_rules(id),
    enabled: open,
    staleTime: 0,
    gcTime: 0,
  });
  if (!open) return <Button onClick={() => setOpen(true)}>Preview response</Button>;
  if (!data) return null;
  return (
    <section aria-label="Response preview">
      <h3 className="mb-1 font-semibold">Response with current rules</h3>
      <ol>
        {data.considered.map((one, place) => (
          <li key={place} className={`border-b border-line py-1.5 ${one.responses ? "font-medium" : "text-ink-2"}`}>
            {one.responses ? <ArrowRight size={14} aria-label="responds" className="mr-1 inline text-accent" /> : null}
            {visible(one.name)} <span className="text-ink-2">{visible(one.why)}</span>
          </li>
        ))}
      </ol>
      {data.response && (
        <p className="mt-1">
          The response would be{" "}
          {data.response.fault ? FAULTS[data.response.fault.type] : <Status status={data.response.status} />}.
        </p>
      )}
    </section>
  );
}

export function ResponseTab({ detail }: { detail: Detail }) {
  const { response } = detail;
  const stored = Date.parse(detail.stored_at) - Date.parse(detail.arrived_at);
  return (
    <div className="space-y-4 p-4">
      <p>
        <Status status={detail.status} />{" "}
        {detail.source
          ? response
            ? `is the response recorded in ${visible(detail.source)}.`
            : `No response is recorded in ${visible(detail.source)}.`
          : detail.response_origin
            ? `was sent after the request was stored, by: ${visible(detail.response_origin)}.`
            : response
              ? "was sent by the inbox after the request was stored."
              : (REFUSED[detail.status] ??
                (detail.status ? "was sent by the app or by the listener." : "No response is known yet."))}
      </p>
      {response?.fault && <p className="font-medium text-warning">Injected fault: {FAULTS[response.fault.type]}.</p>}
      <Outgoing id={detail.id} />
      <Now key={detail.id} id={detail.id} />
      <dl className="grid grid-cols-[10rem_1fr] gap-y-1">
        <dt className="text-ink-2">Received</dt>
        <dd>{moment(detail.arrived_at)}</dd>
        <dt className="text-ink-2">Body received</dt>
        <dd>{duration(detail.receiving_ms)} later</dd>
        <dt className="text-ink-2">Stored</dt>
        <dd>{duration(Math.max(stored, detail.receiving_ms))} after arrival</dd>
        {response && response.delay_ms > 0 && (
          <>
            <dt className="text-ink-2">Delay</dt>
            <dd>{duration(response.delay_ms)}, as configured</dd>
          </>
        )}
      </dl>
      {response && response.headers.length > 0 && (
        <pre className="rounded-[9px] border border-line p-3 font-mono text-data break-all whitespace-pre-wrap">
          {response.headers.map(([name, value]) => `${name}: ${value}`).join("\n")}
        </pre>
      )}
      {response &&
        (response.file ? (
          <p className="text-ink-2">
            The body was the file {visible(response.file.name)}, {size(response.file.bytes)}.
          </p>
        ) : response.body ? (
          <pre className="rounded-[9px] border border-line p-3 font-mono text-data break-all whitespace-pre-wrap">
            {visibleLines(response.body)}
          </pre>
        ) : (
          <p className="text-ink-2">The response had no body.</p>
        ))}
    </div>
  );
}
