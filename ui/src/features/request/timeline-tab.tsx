import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Copy as Same, GitCompare, Inbox, RotateCcw, Send, TriangleAlert, type LucideIcon } from "lucide-react";

import { api, type Delivery, type Detail, type TimelineItem } from "../../api/client";
import { keys } from "../../api/keys";
import { Status } from "../../ui/status";
import { duration, moment, visible } from "../../ui/format";
import { differences, ViolationList } from "./violations";

type RequestOf = Extract<TimelineItem, { type: "request" }>;
type Repeat = RequestOf["repeat"];

/** Labels and descriptions of repeated requests. */
const REPEATS: Record<Repeat, { icon: LucideIcon; name: string; means: string; color: string }> = {
  first: { icon: Inbox, name: "first", means: "the first request for this event", color: "" },
  retry: {
    icon: RotateCcw,
    name: "retry",
    means: "the same payload again, after an unsuccessful response",
    color: "",
  },
  duplicate: {
    icon: Same,
    name: "duplicate",
    means: "the same payload again, after a successful response",
    color: "text-warning",
  },
  altered: {
    icon: TriangleAlert,
    name: "payload changed",
    means: "the event ID of the first request, but another payload",
    color: "text-invalid font-semibold",
  },
  unknown: { icon: Inbox, name: "not compared", means: "too large to compare", color: "text-ink-2" },
};

/** Labels of deliveries by their origin. */
const ORIGINS: Record<Delivery["origin"], string> = {
  event: "sent by Hookbench",
  test: "test by Hookbench",
  forward: "forwarded",
  replay: "replayed",
};

/** The requests and deliveries of one event in time order. Each request can be compared with the previous one. */
export function TimelineTab({ detail }: { detail: Detail }) {
  const { data: timeline } = useQuery({
    queryKey: [...keys.request(detail.id), "timeline", detail.event_id],
    queryFn: () => api.timeline(detail.id),
    staleTime: 1_000,
  });
  if (!timeline) return null;
  if (!timeline.event_id && timeline.items.length < 2)
    return (
      <p className="p-4 text-ink-2">
        This request has no known event ID, so its timeline contains only this request. Set the provider of the inbox to
        identify events.
      </p>
    );
  const requests = timeline.items.flatMap((item) => (item.type === "request" ? [item.request.id] : []));
  return (
    <div className="p-4">
      {timeline.event_id && (
        <p className="mb-3 text-ink-2">
          Event <code className="font-mono text-data text-ink">{visible(timeline.event_id)}</code>
          {timeline.more && ", first 200 requests"}
        </p>
      )}
      <ol>
        {timeline.items.map((item) => {
          if (item.type === "delivery") {
            const { id, state, url, created_at, origin, status, re_signed } = item.delivery;
            return (
              <li key={`delivery-${id}`} className="flex items-center gap-2 border-b border-line px-2 py-2">
                <Send size={15} aria-hidden className="shrink-0 text-ink-2" />
                <span className="min-w-0 flex-1 truncate">
                  <Link to="/deliveries/{-$delivery}" params={{ delivery: id }} className="underline">
                    {ORIGINS[origin]}
                  </Link>
                  {re_signed && ", re-signed,"} <span className="text-ink-2">to {visible(url)}</span>
                </span>
                <span className="shrink-0 text-small text-ink-2">
                  {status ? <Status status={status} className="font-mono text-data" /> : state}
                </span>
                <span className="w-36 shrink-0 text-right text-small text-ink-2">{moment(created_at)}</span>
              </li>
            );
          }
          const previous = requests[requests.indexOf(item.request.id) - 1];
          return (
            <RequestItem key={item.request.id} item={item} previous={previous} here={item.request.id === detail.id} />
          );
        })}
      </ol>
    </div>
  );
}

/** A request with its relation to the previous ones. */
function RequestItem({
  item: { request, repeat, after_ms, violations },
  previous,
  here,
}: {
  item: RequestOf;
  previous: string | undefined;
  here: boolean;
}) {
  const { icon: Icon, name, means, color } = REPEATS[repeat];
  return (
    <li aria-current={here || undefined} className={`border-b border-line px-2 py-2 ${here ? "bg-selection" : ""}`}>
      <div className="flex items-center gap-2">
        <Icon size={15} aria-hidden className={`shrink-0 ${color || "text-ink-2"}`} />
        {here ? (
          <span className={color}>{name}</span>
        ) : (
          <Link
            to="/inbox/$inbox/{-$request}"
            params={{ inbox: request.inbox, request: request.id }}
            search={true}
            className={`underline ${color}`}
          >
            {name}
          </Link>
        )}
        <Status status={request.status} className="ml-auto shrink-0 font-mono text-data" />
        <span className="w-36 shrink-0 text-right text-small text-ink-2">
          {after_ms == null ? moment(request.arrived_at) : `${duration(after_ms)} later`}
        </span>
      </div>
      <div className="flex flex-wrap items-center gap-x-3 pl-[23px] text-small text-ink-2">
        {means}
        {violations.length > 0 && <span className="text-warning">{differences(violations)}</span>}
        {previous && (
          <Link
            to="/diff/$a/$b"
            params={{ a: previous, b: request.id }}
            className="inline-flex items-center gap-1 text-accent"
          >
            <GitCompare size={13} aria-hidden /> Compare with previous
          </Link>
        )}
      </div>
      {here && violations.length > 0 && (
        <div className="mt-1 pl-[23px] text-small text-ink-2">
          <ViolationList violations={violations} />
        </div>
      )}
    </li>
  );
}
