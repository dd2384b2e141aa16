import type { Detail } from "../api/client";
import { Status } from "../parts/controls";
import { duration, moment, visible } from "../parts/format";

const REFUSED: Record<number, string> = {
  400: "The body ended early or its chunks did not read.",
  408: "The body stalled, so the receiver gave up on it.",
  413: "The body was over the limit, so the receiver refused it.",
  499: "The sender broke off before it could be answered.",
};

export function AnswerTab({ detail }: { detail: Detail }) {
  const { answer } = detail;
  const stored = Date.parse(detail.stored_at) - Date.parse(detail.arrived_at);
  return (
    <div className="space-y-4 p-4">
      <p>
        <Status status={detail.status} />{" "}
        {detail.source ? (answer ? `is what ${visible(detail.source)} says it was answered.` : `${visible(detail.source)}, which it was imported from, says nothing of an answer.`) : detail.answer_origin ? `was the answer the vendor asks for (${detail.answer_origin}), given after the request was on disk.` : answer ? "was the inbox's answer, given after the request was on disk." : (REFUSED[detail.status] ?? "The receiver answered by itself.")}
      </p>
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
        <pre className="rounded-[9px] border border-line p-3 font-mono text-data break-all whitespace-pre-wrap">{answer.headers.map(([name, value]) => `${name}: ${value}`).join("\n")}</pre>
      )}
      {answer && (answer.body ? <pre className="rounded-[9px] border border-line p-3 font-mono text-data break-all whitespace-pre-wrap">{answer.body.split("\n").map(visible).join("\n")}</pre> : <p className="text-ink-2">The answer had no body.</p>)}
    </div>
  );
}
