/** The cache of API responses, and functions that read or patch them. */
import { QueryClient, type QueryKey } from "@tanstack/react-query";

/** Cache of API responses. The engine is local, so calls do not depend on a network. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      networkMode: "always",
      retry: false,
      refetchOnWindowFocus: false,
      refetchOnReconnect: false,
      staleTime: Infinity,
    },
  },
});

/**
 * Reads the matching responses again, by default all. TanStack Query never restarts a first read, and no read is
 * restarted if `restart` is false. Such a read may predate the change, so another read follows it.
 */
export async function refetch(queryKey: QueryKey = [], { restart = true } = {}): Promise<void> {
  const joined = queryClient
    .getQueryCache()
    .findAll({ queryKey, fetchStatus: "fetching" })
    .filter(({ state }) => !restart || state.data === undefined);
  await queryClient.invalidateQueries({ queryKey }, { cancelRefetch: restart });
  await Promise.all(
    joined.map((query) =>
      queryClient.invalidateQueries({ queryKey: query.queryKey, exact: true }, { cancelRefetch: restart }),
    ),
  );
}

/** Changes a cached response. A running read may predate the change, so another read follows it. */
export function patch<Cached>(queryKey: QueryKey, to: (cached: Cached) => Cached): void {
  queryClient.setQueryData<Cached>(queryKey, (cached) => cached && to(cached));
  if (queryClient.getQueryState(queryKey)?.fetchStatus === "fetching") void refetch(queryKey, { restart: false });
}
