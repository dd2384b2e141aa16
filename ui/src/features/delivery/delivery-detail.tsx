import { useQuery } from "@tanstack/react-query";
import { Ban, FastForward, RotateCw } from "lucide-react";

import { api, text, type DeliveryDetail as Detail } from "../../api/client";
import { keys } from "../../api/keys";
import { Button } from "../../ui/button";
import { moment, size, visible, visibleLines } from "../../ui/format";
import { laidOut } from "../../ui/json-text";
import { attempt } from "../../ui/toasts";
import { AttemptRow, PRE } from "./attempt-row";
import { Countdown } from "./countdown";
import { DeliveryState } from "./delivery-state";

/** A delivery with its state, its payload and all attempts. */
export function DeliveryDetail({ id }: { id: string }) {
  const { data, error } = useQuery({ queryKey: keys.delivery(id), queryFn: () => api.delivery(id) });
  const { data: body } = useQuery({
    queryKey: ["delivery-body", id],
    queryFn: () => text(`/api/v1/deliveries/${id}/body`),
    staleTime: Infinity,
  });
  if (error)
    return <p className="p-6 text-ink-2">This delivery was not found. Old deliveries are deleted by retention.</p>;
  if (!data) return null;
  const attempts = data.attempts_made;
  return (
    <article
      aria-label="Delivery"
      data-pane="detail"
      tabIndex={-1}
      className="outline-none flex h-full min-w-0 flex-col"
    >
      <Header delivery={data} />
      <div className="min-h-0 flex-1 overflow-auto p-4">
        <h3 className="mb-1 font-semibold">Attempts</h3>
        {attempts.length === 0 && <p className="mb-4 text-ink-2">No attempts yet.</p>}
        <ol className="@container/card mb-4 overflow-hidden rounded-[9px] border border-line bg-pane empty:hidden">
          {attempts.toReversed().map((made, place) => (
            <AttemptRow
              key={made.number}
              id={id}
              made={made}
              before={attempts.findLast((other) => other.number < made.number && other.status != null)?.number}
              scale_ms={Math.max(...attempts.map(({ timings }) => timings.total_us / 1000), 0.001)}
              isOpen={place === 0}
            />
          ))}
        </ol>
        <h3 className="mt-4 mb-1 font-semibold">Payload</h3>
        <pre className={`rounded-[9px] border border-line ${PRE}`} tabIndex={0}>
          {visibleLines(laidOut(body ?? ""))}
        </pre>
      </div>
    </article>
  );
}

function Header({ delivery }: { delivery: Detail }) {
  return (
    <header className="border-b border-line px-4 py-3">
      <div className="flex items-baseline gap-3">
        <h2 className="min-w-0 truncate text-title font-semibold tracking-tight">
          {visible(delivery.event_type || delivery.method)}
        </h2>
        <DeliveryState state={delivery.state} />
        {delivery.origin !== "event" && <span className="text-small text-ink-2">{delivery.origin}</span>}
        {delivery.re_signed && <span className="text-small text-ink-2">re-signed</span>}
      </div>
      <p className="truncate text-small text-ink-2">
        to <span className="font-mono">{visible(delivery.url)}</span>
      </p>
      <p className="text-small text-ink-2">
        {delivery.attempts} {delivery.attempts === 1 ? "attempt" : "attempts"} · {size(delivery.body_bytes)} · created{" "}
        {moment(delivery.created_at)} · id <span className="font-mono">{delivery.id}</span>
      </p>
      {delivery.state === "waiting" && delivery.next_at && (
        <p className="mt-1 font-medium">
          Next attempt <Countdown at={delivery.next_at} />
        </p>
      )}
      {delivery.reason && <p className="mt-1">{visible(delivery.reason)}</p>}
      <Actions delivery={delivery} />
    </header>
  );
}

function Actions({ delivery: { id, state } }: { delivery: Detail }) {
  const waits = state === "waiting";
  return (
    <div className="mt-2 flex flex-wrap gap-2">
      <Button icon={RotateCw} disabled={state === "sending"} onClick={() => void attempt(api.retryDelivery(id))}>
        {waits ? "Retry now" : "Resend"}
      </Button>
      {waits && (
        <>
          <Button icon={FastForward} onClick={() => void attempt(api.retryDelivery(id, true))}>
            Run all retries now
          </Button>
          <Button icon={Ban} onClick={() => void attempt(api.cancelDelivery(id))}>
            Cancel
          </Button>
        </>
      )}
    </div>
  );
}
