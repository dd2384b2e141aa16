/** Updates of cached delivery lists from the deliveries in the feed. */
import type { InfiniteData } from "@tanstack/react-query";

import { keys, type DeliveryQuery } from "./keys";
import { patch, queryClient, refetch } from "./refetch";
import type { Delivery, DeliveryDetail, ScenarioRunDetail } from "./types";

interface Page {
  items: Delivery[];
  next?: string | null;
}
type List = Page | InfiniteData<Page>;

/** Delay of a read after a change, in ms. A flood of changes causes one read. */
const WAIT_MS = 150;

/** Lists to read again. */
const due = new Map<string, readonly unknown[]>();
let timer: number | undefined;

/** Schedules another read. A running read is not restarted, because in a steady flow of changes none would finish. */
function refetchSoon(queryKey: readonly unknown[]): void {
  due.set(JSON.stringify(queryKey), queryKey);
  timer ??= window.setTimeout(() => {
    const now = [...due.values()];
    due.clear();
    void Promise.allSettled(now.map((key) => refetch(key, { restart: false }))).then(() => {
      timer = undefined;
      const [more] = due.values();
      if (more) refetchSoon(more);
    });
  }, WAIT_MS);
}

/** Reads all cached lists, deliveries and statistics again, because the change does not name the deliveries. */
export function refetchDeliveries(): void {
  for (const key of [
    keys.allDeliveries,
    keys.everyDelivery,
    keys.allEndpointStats,
    keys.scenarioRuns,
    keys.everyScenarioRun,
  ])
    refetchSoon(key);
}

/** Default page size of the API. */
const PAGE = 100;

/** Conditions that only the engine can evaluate. */
const DECIDED_BY_ENGINE = ["state", "since", "until", "type", "status", "url", "text"] as const;

/** Returns true if a delivery belongs to a list. Undefined if only the engine can decide. */
function belongs({ endpoint, request }: Delivery, query: DeliveryQuery): boolean | undefined {
  if (query.endpoint !== undefined && query.endpoint !== endpoint) return false;
  if (query.request !== undefined && query.request !== request) return false;
  return DECIDED_BY_ENGINE.some((field) => query[field] !== undefined) ? undefined : true;
}

/**
 * Returns the list with these deliveries added, newest first. Undefined if the list must be read again.
 * Ids grow with time, so a delivery older than the last row belongs to a page that is not loaded.
 */
export function withDeliveries<L extends List>(
  list: L,
  query: DeliveryQuery,
  changed: readonly Delivery[],
): L | undefined {
  const pages = "pages" in list ? [...list.pages] : [list as Page];
  for (const delivery of changed) {
    const isMember = belongs(delivery, query);
    if (isMember === false) continue;
    const at = pages.findIndex(({ items }) => items.some(({ id }) => id === delivery.id));
    if (at < 0 && isBeyond(pages, delivery)) continue;
    if (isMember === undefined) return undefined;
    // The length of a page is limited: after a flood of deliveries the list is read again in pages.
    if (at < 0 && pages[0]!.items.length >= 2 * (query.limit ?? PAGE)) return undefined;
    pages[Math.max(0, at)] = at < 0 ? withNew(pages[0]!, delivery) : withChanged(pages[at]!, delivery);
  }
  return "pages" in list ? { ...list, pages } : (pages[0] as L);
}

function isBeyond(pages: readonly Page[], { id }: Delivery): boolean {
  const last = pages.at(-1)?.items.at(-1)?.id;
  return Boolean(pages.at(-1)?.next) && last !== undefined && id < last;
}

const withChanged = (page: Page, delivery: Delivery): Page => ({
  ...page,
  items: page.items.map((one) => (one.id === delivery.id ? delivery : one)),
});

function withNew(page: Page, delivery: Delivery): Page {
  const place = page.items.findIndex(({ id }) => id < delivery.id);
  return { ...page, items: page.items.toSpliced(place < 0 ? page.items.length : place, 0, delivery) };
}

/** Updates changed deliveries in all cached lists. Reads attempts and statistics again, which the feed omits. */
export function deliveriesChanged(changed: readonly Delivery[]): void {
  // Only the last change of each delivery matters.
  const latest = [...new Map(changed.map((delivery) => [delivery.id, delivery])).values()];
  for (const { queryKey, state } of queryClient.getQueryCache().findAll({ queryKey: keys.allDeliveries })) {
    const query = queryKey[1] as DeliveryQuery;
    if (latest.every((delivery) => belongs(delivery, query) === false)) continue;
    const list = state.data === undefined ? undefined : withDeliveries(state.data as List, query, latest);
    if (list) queryClient.setQueryData(queryKey, list);
    if (!list || state.fetchStatus === "fetching") refetchSoon(queryKey);
  }
  for (const delivery of latest) {
    const key = keys.delivery(delivery.id);
    if (queryClient.getQueryState(key)) {
      patch<DeliveryDetail>(key, (detail) => ({ ...detail, ...delivery }));
      refetchSoon(key);
    }
  }
  scenarioRunsChanged(latest);
  for (const endpoint of new Set(latest.map((one) => one.endpoint))) {
    if (queryClient.getQueryState(keys.endpointStats(endpoint))) refetchSoon(keys.endpointStats(endpoint));
  }
}

/** Reads the scenario runs again that sent these deliveries. A run that is not shown is not in the cache. */
function scenarioRunsChanged(changed: readonly Delivery[]): void {
  const events = new Set(changed.map(({ event }) => event));
  for (const { queryKey, state } of queryClient.getQueryCache().findAll({ queryKey: keys.everyScenarioRun })) {
    const steps = (state.data as ScenarioRunDetail | undefined)?.steps;
    if (!steps || steps.some(({ event }) => events.has(event))) refetchSoon(queryKey);
  }
  if (queryClient.getQueryState(keys.scenarioRuns)) refetchSoon(keys.scenarioRuns);
}
