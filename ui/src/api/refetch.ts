/** The cache of the API's answers, and how an answer is read again. */
import { QueryClient, type QueryKey } from "@tanstack/react-query";

/** The engine is on this machine: a computer without a network asks it all the same. */
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
 * Reads again what has changed, or everything. TanStack Query never restarts a first read, and none is
 * restarted where `restart` is false: each may have looked before the change, so another read follows it.
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

/** Changes a cached answer. A read that is under way may have looked before the change, so another follows it. */
export function patch<Cached>(queryKey: QueryKey, to: (cached: Cached) => Cached): void {
  queryClient.setQueryData<Cached>(queryKey, (cached) => cached && to(cached));
  if (queryClient.getQueryState(queryKey)?.fetchStatus === "fetching") void refetch(queryKey, { restart: false });
}
