/** The connection to the changes of the engine, which update the cache, the announcements and the rate. */
import { applyChanges } from "../api/apply-changes";
import { api } from "../api/client";
import { feed } from "../api/feed";
import { keys } from "../api/keys";
import { queryClient, refetch } from "../api/refetch";
import type { FeedItem } from "../platform";
import { announce } from "./announce";
import { countArrivals } from "./rate";

/** Delay before the page subscribes again after a gap, in ms. */
const AFTER_GAP_MS = 400;
/** Delay before the next call to an engine that does not respond, in ms. */
const AFTER_FAILURE_MS = 5_000;

function hear(items: readonly FeedItem[]): void {
  // An announcement compares the change with the cache, so announcements come before cache updates.
  for (const item of items) announce(item);
  countArrivals(items.filter(({ type }) => type === "request_added").length);
  applyChanges(items);
}

/** Follows the changes from now on. After a gap, all responses are read again. */
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
    // The page shows the error of the status query.
    window.setTimeout(() => void connect(), AFTER_FAILURE_MS);
  }
}
