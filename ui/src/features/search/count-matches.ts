/** The exact number of matches of a query. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { api } from "../../api/client";
import { keys } from "../../api/keys";

/** Number of matches counted in one call. */
const MOST = 1_000_000;

/** Counts all matches, call by call, and reports the count so far. */
async function countMatches(
  q: string,
  inbox: string | undefined,
  onProgress: (sofar: number) => void,
  signal: AbortSignal,
): Promise<number> {
  let matches = 0;
  for (let after: string | undefined; ;) {
    const { requests, next } = await api.countRequests({ q, inbox, after, most: MOST });
    matches += requests;
    if (!next || signal.aborted) return matches;
    onProgress(matches);
    after = next;
  }
}

/** Returns the number of matches, and true if all requests have been counted. */
export function useMatches(q: string, inbox: string | undefined): { matches: number; isExact: boolean } {
  const [sofar, setSofar] = useState(0);
  const { data } = useQuery({
    queryKey: [...keys.savedSearchCounts, "exact", q, inbox],
    queryFn: ({ signal }) => countMatches(q, inbox, setSofar, signal),
    enabled: q !== "",
    placeholderData: (before) => before,
    gcTime: 5_000,
  });
  return { matches: data ?? sofar, isExact: data !== undefined };
}
