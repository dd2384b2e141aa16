import { useInfiniteQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { api, type DeliveryFilter } from "../../api/client";
import { keys } from "../../api/keys";
import { useEndpoints } from "../../api/queries";
import { useCommands } from "../../app/commands";
import { Button } from "../../ui/button";
import { useNow } from "../../ui/now";
import { Table } from "../../ui/table";
import { deliveryColumns } from "./delivery-columns";

/** Page size. */
const PAGE = 100;

/** A table of deliveries, newest first. The keys j and k select the next and the previous one. */
export function DeliveryTable({
  query,
  selected,
  onPick,
  empty,
}: {
  query: DeliveryFilter;
  selected: string | undefined;
  onPick: (id: string | undefined) => void;
  /** What is shown if there are none. */
  empty: ReactNode;
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
  if (items.length === 0) return <>{empty}</>;
  const columns = deliveryColumns({
    withEndpoint: !query.endpoint,
    withError: !selected,
    withCreated: true,
    endpointOf: ({ endpoint, url }) => endpoints.find(({ id }) => id === endpoint)?.name || url,
    now,
    onPick,
  });
  return (
    <div className="@container/table">
      <Table
        testId="deliveries"
        className="w-full table-fixed border-collapse"
        rows={items}
        columns={columns}
        rowKey={({ id }) => id}
        rowClass="row-height"
        isSelected={({ id }) => id === selected}
        onPick={({ id }) => onPick(id)}
      />
      {hasNextPage && (
        <div className="p-3 text-center">
          <Button disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Load more
          </Button>
        </div>
      )}
    </div>
  );
}
