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
  400: "The body ended early or its chunks did not read.",
  408: "The body stalled, so the receiver gave up on it.",
  413: "The body was over the limit, so the receiver refused it.",
  499: "The sender broke off before it could be answered.",
};

const FAULTS: Record<NonNullable<InboxResponse["fault"]>["type"], string> = {
  reset: "with a reset connection",
  hang: "with nothing at all",
  half: "with half of it",
  drip: "with a body that drips slowly",
  garbage: "with what is no HTTP",
};

/** Deliveries of a request that are shown. */
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
              {visible(made.reason ?? made.error ?? "")} {made.took_ms != null && duration(made.took_ms)}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The rule that would respond if the request came now, and why the others would not. */
function Now({ id }: { id: string }) {
  const [open, setOpen] = useState(false);
  const { data } = useQuery({
    queryKey: ["answering", id],
    queryFn: () => api.answering(id),
    enabled: open,
    staleTime: 0,
    gcTime: 0,
  });
  if (!open) return <Button onClick={() => setOpen(true)}>What would answer it now?</Button>;
  if (!data) return null;
  return (
    <section aria-label="What would answer it now">
      <h3 className="mb-1 font-semibold">If it came now</h3>
      <ol>
        {data.considered.map((one, place) => (
          <li key={place} className={`border-b border-line py-1.5 ${one.answers ? "font-medium" : "text-ink-2"}`}>
            {one.answers ? <ArrowRight size={14} aria-label="answers" className="mr-1 inline text-accent" /> : null}
            {visible(one.name)} <span className="text-ink-2">{visible(one.why)}</span>
          </li>
        ))}
      </ol>
      {data.answer && (
        <p className="mt-1">
          It would be answered{" "}
          {data.answer.fault ? FAULTS[data.answer.fault.type] : <Status status={data.answer.status} />}.
        </p>
      )}
    </section>
  );
}

export function ResponseTab({ detail }: { detail: Detail }) {
  const { answer } = detail;
  const stored = Date.parse(detail.stored_at) - Date.parse(detail.arrived_at);
  return (
    <div className="space-y-4 p-4">
      <p>
        <Status status={detail.status} />{" "}
        {detail.source
          ? answer
            ? `is what ${visible(detail.source)} says it was answered.`
            : `${visible(detail.source)}, which it was imported from, says nothing of an answer.`
          : detail.answer_origin
            ? `was given after the request was on disk, by: ${visible(detail.answer_origin)}.`
            : answer
              ? "was the inbox's answer, given after the request was on disk."
              : (REFUSED[detail.status] ??
                (detail.status ? "was what the app answered, or the receiver by itself." : "No answer is known yet."))}
      </p>
      {answer?.fault && (
        <p className="font-medium text-warning">
          It was made to go wrong: the sender was answered {FAULTS[answer.fault.type]}.
        </p>
      )}
      <Outgoing id={detail.id} />
      <Now key={detail.id} id={detail.id} />
      <dl className="grid grid-cols-[10rem_1fr] gap-y-1">
        <dt className="text-ink-2">Arrived</dt>
        <dd>{moment(detail.arrived_at)}</dd>
        <dt className="text-ink-2">Last byte</dt>
        <dd>{duration(detail.receiving_ms)} later</dd>
        <dt className="text-ink-2">On disk</dt>
        <dd>{duration(Math.max(stored, detail.receiving_ms))} after arrival</dd>
        {answer && answer.delay_ms > 0 && (
          <>
            <dt className="text-ink-2">Delay</dt>
            <dd>{duration(answer.delay_ms)}, as the inbox is set</dd>
          </>
        )}
      </dl>
      {answer && answer.headers.length > 0 && (
        <pre className="rounded-[9px] border border-line p-3 font-mono text-data break-all whitespace-pre-wrap">
          {answer.headers.map(([name, value]) => `${name}: ${value}`).join("\n")}
        </pre>
      )}
      {answer &&
        (answer.file ? (
          <p className="text-ink-2">
            The body was the file {visible(answer.file.name)}, {size(answer.file.bytes)}.
          </p>
        ) : answer.body ? (
          <pre className="rounded-[9px] border border-line p-3 font-mono text-data break-all whitespace-pre-wrap">
            {visibleLines(answer.body)}
          </pre>
        ) : (
          <p className="text-ink-2">The answer had no body.</p>
        ))}
    </div>
  );
}
