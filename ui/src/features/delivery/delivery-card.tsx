import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Clock, RotateCw } from "lucide-react";

import { api, type Delivery } from "../../api/client";
import { keys } from "../../api/keys";
import { Button } from "../../ui/button";
import { clock, visible } from "../../ui/format";
import { attempt } from "../../ui/toasts";
import { AttemptRow } from "./attempt-row";
import { Countdown } from "./countdown";
import { DeliveryState } from "./delivery-state";

interface Props {
  delivery: Delivery;
  /** Word for the origin, such as `Mirror` or `Replay`. */
  tag: string;
  name: string;
  /** True if the newest failed attempt is open. */
  isOpen: boolean;
}

/** A forward or replay with all its attempts. */
export function DeliveryCard({ delivery, tag, name, isOpen }: Props) {
  const { id, url, state, reason, next_at, attempts } = delivery;
  const { data } = useQuery({ queryKey: keys.delivery(id), queryFn: () => api.delivery(id) });
  const made = (data?.attempts_made ?? []).toReversed();
  const scale_ms = Math.max(...made.map(({ timings }) => timings.total_us / 1000), 0.001);
  const failed = made.find(({ status, error }) => error || (status ?? 0) >= 400)?.number;
  return (
    <article
      aria-label={`${tag} to ${name}`}
      className="@container/card overflow-hidden rounded-[9px] border border-line bg-pane"
    >
      <header className="flex flex-wrap items-center gap-x-2 gap-y-1 px-3 py-2">
        <span className="rounded-[5px] bg-selection px-1.5 text-small font-medium text-accent">{tag}</span>
        <Link to="/deliveries/{-$delivery}" params={{ delivery: id }} className="font-medium hover:underline">
          {visible(name)}
        </Link>
        {name !== url && <span className="min-w-0 truncate font-mono text-data text-ink-2">{visible(url)}</span>}
        <DeliveryState state={state} />
        <span className="ml-auto flex gap-2">
          <Button icon={RotateCw} disabled={state === "sending"} onClick={() => void attempt(api.retryDelivery(id))}>
            {state === "waiting" ? "Retry now" : "Resend"}
          </Button>
        </span>
      </header>
      <ol>
        {next_at && state === "waiting" && (
          <li className="attempt-grid items-center border-t border-line px-3 py-1.5">
            <span className="font-mono text-data text-ink-2">{attempts + 1}</span>
            <time dateTime={next_at} className="font-mono text-data text-ink-2">
              {clock(next_at)}
            </time>
            <span className="text-ink-3">–</span>
            <span className="attempt-rest flex items-center gap-1.5 text-warning">
              <Clock size={14} aria-hidden />
              <Countdown at={next_at} />
            </span>
          </li>
        )}
        {made.map((one) => (
          <AttemptRow
            key={one.number}
            id={id}
            made={one}
            before={made.find((other) => other.number < one.number && other.status != null)?.number}
            scale_ms={scale_ms}
            isOpen={isOpen && one.number === (failed ?? made[0]?.number)}
          />
        ))}
        {made.length === 0 && reason && <li className="border-t border-line px-3 py-2">{visible(reason)}</li>}
      </ol>
    </article>
  );
}
