/** What is held of the engine's answers, and how it is read again. */
import { QueryClient, type QueryKey } from "@tanstack/react-query";

/** The engine is on this machine: a laptop without a network asks it as ever. */
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
 * Reads again what has changed, or everything. A first reading that is under way is never begun anew by
 * TanStack Query, and no reading is that `anew` is false for: each may have looked before the change, so
 * another follows it.
 */
export async function refetch(queryKey: QueryKey = [], { anew = true } = {}): Promise<void> {
  const joined = queryClient
    .getQueryCache()
    .findAll({ queryKey, fetchStatus: "fetching" })
    .filter(({ state }) => !anew || state.data === undefined);
  await queryClient.invalidateQueries({ queryKey }, { cancelRefetch: anew });
  await Promise.all(
    joined.map((query) =>
      queryClient.invalidateQueries({ queryKey: query.queryKey, exact: true }, { cancelRefetch: anew }),
    ),
  );
}

/** Changes what is held; a reading that is under way may have looked before, so another follows it. */
export function patch<Held>(queryKey: QueryKey, to: (held: Held) => Held): void {
  queryClient.setQueryData<Held>(queryKey, (held) => held && to(held));
  if (queryClient.getQueryState(queryKey)?.fetchStatus === "fetching") void refetch(queryKey, { anew: false });
}
