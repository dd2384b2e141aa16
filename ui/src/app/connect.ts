/** Follows the engine's changes: the cache, the announcements and the rate hear of each one. */
import { applyChanges } from "../api/apply-changes";
import { api } from "../api/client";
import { feed } from "../api/feed";
import { keys } from "../api/keys";
import { queryClient, refetch } from "../api/refetch";
import type { FeedItem } from "../platform";
import { announce } from "./announce";
import { countArrivals } from "./rate";

/** Wait before the changes are followed again after a gap. */
const AFTER_GAP_MS = 400;
/** Wait before an engine that does not answer is asked again. */
const AFTER_FAILURE_MS = 5_000;

function hear(items: readonly FeedItem[]): void {
  // An announcement compares with what is cached, so it comes before the cache changes.
  for (const item of items) announce(item);
  countArrivals(items.filter(({ type }) => type === "request_added").length);
  applyChanges(items);
}

/** Follows the changes from now on; after a gap everything is read again. */
export async function connect(): Promise<void> {
  const reading = feed.beginRead();
  try {
    const { seq } = await queryClient.fetchQuery({ queryKey: keys.status, queryFn: api.status, staleTime: 0 });
    feed.open(seq, () => {
      void refetch();
      window.setTimeout(() => void connect(), AFTER_GAP_MS);
    });
    reading.follow(seq, { batch: hear, gone: () => undefined });
  } catch {
    reading.stop();
    // The page shows why.
    window.setTimeout(() => void connect(), AFTER_FAILURE_MS);
  }
}
