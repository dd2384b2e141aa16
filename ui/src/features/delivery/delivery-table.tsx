import { useInfiniteQuery } from "@tanstack/react-query";

import { api, type Delivery, type DeliveryFilter } from "../../api/client";
import { keys } from "../../api/keys";
import { useCommands } from "../../app/commands";
import { useEndpoints } from "../../api/queries";
import { Button } from "../../ui/button";
import { age, duration, visible } from "../../ui/format";
import { useNow } from "../../ui/now";
import { Until } from "./delivery-detail";
import { DeliveryState } from "./delivery-state";

/** Rows read at a time. */
const PAGE = 100;

interface Columns {
  /** Whose delivery it is; where all are of one endpoint, nobody asks. */
  endpoint: boolean;
  /** Why it ended so; beside an open delivery there is no room. */
  error: boolean;
}

function DeliveryRow({
  delivery,
  name,
  columns,
  selected,
  now,
  onPick,
}: {
  delivery: Delivery;
  name: string;
  columns: Columns;
  selected: boolean;
  now: number;
  onPick: () => void;
}) {
  return (
    <tr
      onClick={onPick}
      aria-selected={selected}
      className={`row-height border-b border-line ${selected ? "bg-selection" : "hover:bg-hover"}`}
    >
      <td className="pl-3">
        <button type="button" className="max-w-full truncate text-left font-medium" onClick={onPick}>
          {visible(delivery.event_type || `${delivery.method} ${delivery.origin}`)}
        </button>
      </td>
      {columns.endpoint && <td className="max-w-0 truncate pr-3 text-ink-2">{visible(name)}</td>}
      <td className="align-middle">
        <DeliveryState state={delivery.state} className="align-middle" />
      </td>
      <td
        className={`text-right font-mono text-data font-semibold ${delivery.state === "delivered" ? "text-valid" : "text-invalid"}`}
      >
        {delivery.status ?? ""}
      </td>
      <td className="text-right">{delivery.attempts}</td>
      <td className="text-right text-ink-2">{delivery.took_ms != null && duration(delivery.took_ms)}</td>
      <td className="pr-3 text-right text-small text-ink-2">{age(delivery.created_at, now)}</td>
      {columns.error && (
        <td className="max-w-0 truncate pr-3 pl-4 text-ink-2">
          {delivery.next_at ? (
            <>
              next <Until at={delivery.next_at} />
            </>
          ) : (
            visible(delivery.reason ?? delivery.error ?? "")
          )}
        </td>
      )}
    </tr>
  );
}

/** Deliveries, newest first; j and k go through them. */
export function DeliveryTable({
  query,
  selected,
  onPick,
  empty,
}: {
  query: DeliveryFilter;
  selected: string | undefined;
  onPick: (id: string | undefined) => void;
  empty: string;
}) {
  const { data, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: keys.deliveries(query),
    queryFn: ({ pageParam }) => api.deliveries({ ...query, limit: PAGE, after: pageParam }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
    placeholderData: (before) => before,
  });
  const items = data?.pages.flatMap((page) => page.items) ?? [];
  const endpoints = useEndpoints().data?.items ?? [];
  const now = useNow(1_000);
  const go = (step: number): void => {
    const at = items.findIndex(({ id }) => id === selected);
    const next = items[at < 0 ? 0 : Math.max(0, Math.min(items.length - 1, at + step))];
    if (next) onPick(next.id);
  };
  useCommands({
    next: () => go(1),
    previous: () => go(-1),
    newest: () => items[0] && onPick(items[0].id),
    leave: () => onPick(undefined),
  });
  if (!data) return null;
  if (items.length === 0) return <p className="text-ink-2">{empty}</p>;
  const columns = { endpoint: !query.endpoint, error: !selected };
  const name = ({ endpoint, url }: Delivery): string => endpoints.find(({ id }) => id === endpoint)?.name || url;
  return (
    <>
      <table className="w-full table-fixed border-collapse" data-testid="deliveries">
        <thead>
          <tr className="border-b border-line text-left text-small text-ink-2">
            <th className="pl-3 font-medium">Event</th>
            {columns.endpoint && <th className="w-[16%] font-medium">Endpoint</th>}
            <th className="w-24 font-medium">State</th>
            <th className="w-12 text-right font-medium">Code</th>
            <th className="w-16 text-right font-medium">Attempts</th>
            <th className="w-16 text-right font-medium">Took</th>
            <th className="w-16 pr-3 text-right font-medium">Created</th>
            {columns.error && <th className={`pl-4 font-medium ${columns.endpoint ? "w-[18%]" : "w-[26%]"}`}>Error</th>}
          </tr>
        </thead>
        <tbody>
          {items.map((delivery) => (
            <DeliveryRow
              key={delivery.id}
              delivery={delivery}
              name={name(delivery)}
              columns={columns}
              selected={delivery.id === selected}
              now={now}
              onPick={() => onPick(delivery.id)}
            />
          ))}
        </tbody>
      </table>
      {hasNextPage && (
        <div className="p-3 text-center">
          <Button disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Show older
          </Button>
        </div>
      )}
    </>
  );
}
