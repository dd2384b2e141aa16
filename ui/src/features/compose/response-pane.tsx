import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { GitCompare, Send as SendIcon } from "lucide-react";

import { api, type DeliveryDetail } from "../../api/client";
import { Button } from "../../ui/button";
import { clock, count, duration } from "../../ui/format";
import { Empty } from "../../ui/page";
import { Progress } from "../../ui/progress";
import { Status } from "../../ui/status";
import { attempt } from "../../ui/toasts";
import { AttemptRow, DeliveryState } from "../delivery";
import type { Sent } from "./draft";

/** Interval at which a delivery that is under way is read again, in ms. */
const POLL_MS = 120;

const isUnderWay = (delivery: DeliveryDetail | null | undefined): boolean =>
  !delivery || delivery.state === "sending" || (delivery.state === "waiting" && delivery.attempts === 0);

/** Returns the first delivery of something that was sent. */
async function read({ replay, delivery }: Sent): Promise<DeliveryDetail | null> {
  if (delivery) return api.delivery(delivery);
  const { items } = await api.deliveries({ replay, limit: 1 });
  return items[0] ? api.delivery(items[0].id) : null;
}

export function useSent(sent: Sent | undefined): DeliveryDetail | undefined {
  return (
    useQuery({
      queryKey: ["sent", sent?.replay ?? sent?.delivery],
      queryFn: () => read(sent!),
      enabled: sent !== undefined,
      refetchInterval: ({ state }) => (isUnderWay(state.data) ? POLL_MS : false),
      retry: false,
    }).data ?? undefined
  );
}

/** The response to what was sent last, and the history of sends. */
export function ResponsePane({
  sends,
  shown,
  onShow,
  onRestore,
}: {
  sends: readonly Sent[];
  shown: number | undefined;
  onShow: (number: number) => void;
  onRestore: (sent: Sent) => void;
}) {
  const at = Math.max(
    0,
    sends.findIndex(({ number }) => number === shown),
  );
  const sent = sends[at];
  const delivery = useSent(sent);
  const before = useSent(sends[at + 1]);
  if (!sent) {
    return (
      <div className="p-4">
        <Empty icon={SendIcon}>The response appears here. Nothing is sent before you press Send.</Empty>
      </div>
    );
  }
  const last = delivery?.attempts_made.at(-1);
  return (
    <>
      <section aria-label="Response" aria-live="polite" className="min-h-0 flex-1 overflow-auto p-4">
        <h2 className="mb-2 flex flex-wrap items-center gap-2 font-semibold">
          Response
          {last?.status ? (
            <Status status={last.status} />
          ) : (
            delivery && !isUnderWay(delivery) && <DeliveryState state={delivery.state} />
          )}
          <span className="text-small font-normal text-ink-2">
            {last && last.timings.total_us > 0 && `${duration(last.timings.total_us / 1000)} · `}
            send {sent.number} of {sends[0]!.number}
          </span>
          {delivery && before && last && (before.attempts_made.length ?? 0) > 0 && (
            <Link
              to="/diff/$a/$b"
              params={{
                a: `${before.id}:${before.attempts_made.length}`,
                b: `${delivery.id}:${delivery.attempts_made.length}`,
              }}
              className="ml-auto inline-flex items-center gap-1 text-small font-normal text-accent"
            >
              <GitCompare size={13} aria-hidden /> Compare with send {sends[at + 1]!.number}
            </Link>
          )}
        </h2>
        {sent.replay && sent.draft.count > 1 && <Amount replay={sent.replay} />}
        {isUnderWay(delivery) && <p className="text-ink-2">Waiting for the response…</p>}
        {delivery && (
          <ol className="@container/card overflow-hidden rounded-[9px] border border-line bg-pane empty:hidden">
            {delivery.attempts_made.toReversed().map((made, place) => (
              <AttemptRow
                key={`${delivery.id}-${made.number}`}
                id={delivery.id}
                made={made}
                before={undefined}
                scale_ms={made.timings.total_us / 1000}
                isOpen={place === 0}
              />
            ))}
          </ol>
        )}
        {delivery?.reason && <p className="mt-2 text-ink-2">{delivery.reason}</p>}
      </section>
      <History sends={sends} shown={sent.number} onShow={onShow} onRestore={onRestore} />
    </>
  );
}

/** The progress of a request that is sent several times. */
function Amount({ replay }: { replay: string }) {
  const { data } = useQuery({
    queryKey: ["sent-report", replay],
    queryFn: () => api.replayReport(replay),
    refetchInterval: ({ state }) => (state.data?.replay.ended_at ? false : POLL_MS),
  });
  if (!data) return null;
  const { replay: now, latencies } = data;
  return (
    <div className="mb-3 flex items-center gap-3">
      <Progress label="Progress" className="flex-1" value={now.delivered + now.failed} max={now.total} />
      <span className="text-small text-ink-2">
        {count(now.delivered)} delivered, {count(now.failed)} failed
        {latencies && `, p50 ${duration(latencies.p50)}, p99 ${duration(latencies.p99)}`}
      </span>
      {!now.ended_at && <Button onClick={() => void attempt(api.cancelReplay(replay))}>Cancel</Button>}
    </div>
  );
}

function History({
  sends,
  shown,
  onShow,
  onRestore,
}: {
  sends: readonly Sent[];
  shown: number;
  onShow: (number: number) => void;
  onRestore: (sent: Sent) => void;
}) {
  return (
    <section aria-label="History" className="flex max-h-[45%] min-h-0 shrink-0 flex-col border-t border-line">
      <h2 className="px-4 py-1.5 font-semibold">
        History{" "}
        <span className="text-small font-normal text-ink-2">
          {sends.length} {sends.length === 1 ? "send" : "sends"} of this draft
        </span>
      </h2>
      <ol className="min-h-0 overflow-auto">
        {sends.map((sent) => (
          <HistoryRow
            key={sent.number}
            sent={sent}
            isShown={sent.number === shown}
            onShow={() => onShow(sent.number)}
            onRestore={() => onRestore(sent)}
          />
        ))}
      </ol>
    </section>
  );
}

function HistoryRow({
  sent,
  isShown,
  onShow,
  onRestore,
}: {
  sent: Sent;
  isShown: boolean;
  onShow: () => void;
  onRestore: () => void;
}) {
  const delivery = useSent(sent);
  return (
    <li
      className={`group/row flex h-9 items-center gap-3 border-t border-line px-4 ${isShown ? "bg-selection" : "hover:bg-hover"}`}
    >
      <button
        type="button"
        aria-current={isShown || undefined}
        onClick={onShow}
        className="flex min-w-0 flex-1 items-center gap-3 text-left"
      >
        <span className="w-6 font-mono text-data text-ink-2">{sent.number}</span>
        <span className="w-16 font-mono text-data text-ink-2">{clock(sent.at)}</span>
        <span className="min-w-0 flex-1 truncate">{sent.changed}</span>
        {delivery?.status ? (
          <Status status={delivery.status} className="w-9 text-right font-mono text-data" />
        ) : (
          <span className="w-9 text-right text-ink-3">{isUnderWay(delivery) ? "…" : "✕"}</span>
        )}
        <span className="w-16 text-right font-mono text-data">
          {delivery?.duration_ms != null && duration(delivery.duration_ms)}
        </span>
      </button>
      <span className="row-actions w-16 text-right">
        <button type="button" className="text-small text-accent" onClick={onRestore}>
          Restore
        </button>
      </span>
    </li>
  );
}
