/** Updates of cached responses: from the change if it contains the whole resource, else by another read. */
import type { FeedItem } from "../platform";
import { deliveriesChanged, refetchDeliveries } from "./cached-deliveries";
import { keys } from "./keys";
import { patch, refetch } from "./refetch";
import type { CheckRun, Delivery, Endpoint, Inbox, Job, Replay, Summary, Tunnel } from "./types";

/** Delay before counts are read again after a change, in ms. A flood of changes causes one read. */
const COUNT_WAIT_MS = 400;

interface List<T> {
  items: T[];
}

/** Returns the list with the new state of a resource. A resource that is not in the list is added first or last. */
function withOne<T extends { id: string }, L extends List<T>>(list: L, one: T, where: "first" | "last"): L {
  const known = list.items.some(({ id }) => id === one.id);
  if (known) return { ...list, items: list.items.map((other) => (other.id === one.id ? one : other)) };
  return { ...list, items: where === "first" ? [one, ...list.items] : [...list.items, one] };
}

const without = <T extends { id: string }, L extends List<T>>(list: L, id: string): L => ({
  ...list,
  items: list.items.filter((one) => one.id !== id),
});

/** Adds a new inbox to the cached list before the list is read again. */
export function showInbox(inbox: Inbox): void {
  patch<List<Inbox>>(keys.inboxes, (list) => ({
    ...list,
    items: [...list.items.filter(({ name }) => name !== inbox.name), inbox],
  }));
}

function inboxChanged(was: string, inbox: Inbox): void {
  patch<List<Inbox>>(keys.inboxes, (list) => ({
    ...list,
    items: list.items.map((one) => (one.name === was ? inbox : one)),
  }));
}

function jobChanged(job: Job): void {
  patch<Job>(keys.job(job.id), () => job);
  patch<List<Job>>(keys.jobs, (list) => ({ ...list, items: [job, ...list.items.filter(({ id }) => id !== job.id)] }));
}

function replayChanged(replay: Replay): void {
  patch<List<Replay>>(keys.replays, (list) => withOne(list, replay, "first"));
  void refetch(keys.replayReport(replay.id), { restart: Boolean(replay.ended_at) });
}

function checkChanged(run: CheckRun): void {
  patch<List<CheckRun>>(keys.checks, (list) => withOne(list, run, "first"));
  void refetch(keys.checkReport(run.id), { restart: Boolean(run.ended_at) });
}

function endpointChanged(endpoint: Endpoint): void {
  patch<List<Endpoint>>(keys.endpoints, (list) => withOne(list, endpoint, "last"));
}

/** Updates an endpoint only if it is listed: the event is also sent for destinations of forwards. */
function endpointDisabled(endpoint: Endpoint): void {
  patch<List<Endpoint>>(keys.endpoints, (list) => ({
    ...list,
    items: list.items.map((one) => (one.id === endpoint.id ? endpoint : one)),
  }));
}

function endpointDeleted(id: string): void {
  patch<List<Endpoint>>(keys.endpoints, (list) => without(list, id));
  // Deliveries that waited for the endpoint have ended.
  refetchDeliveries();
}

function requestChanged(request: Summary): void {
  patch<Summary>(keys.request(request.id), (detail) => ({ ...detail, ...request }));
}

let countTimer: number | undefined;

/** Reads the counts of inboxes and saved searches again, because no change contains them. */
function countSoon(): void {
  countTimer ??= window.setTimeout(() => {
    countTimer = undefined;
    void refetch(keys.inboxes);
    void refetch(keys.status);
    void refetch(keys.savedSearchCounts, { restart: false });
    void refetch(keys.traffic, { restart: false });
    void refetch(keys.ruleStats, { restart: false });
  }, COUNT_WAIT_MS);
}

/** Applies a change. Deliveries are collected, because a batch holds many changes of the same ones. */
function applyOne(item: FeedItem, deliveries: Delivery[]): void {
  switch (item.type) {
    case "request_changed":
      return requestChanged(item.request);
    case "requests_deleted":
    case "requests_restored":
    case "requests_imported":
    case "requests_expired":
      return void refetch(keys.requests);
    case "inbox_added":
      return showInbox(item.inbox);
    case "inbox_changed":
      return inboxChanged(item.was, item.inbox);
    case "status_changed":
      return void refetch(keys.settings);
    case "endpoint_changed":
      return endpointChanged(item.endpoint);
    case "endpoint_disabled":
      return endpointDisabled(item.endpoint);
    case "endpoint_deleted":
      return endpointDeleted(item.id);
    case "delivery_changed":
      return void deliveries.push(item.delivery);
    case "deliveries_expired":
      return refetchDeliveries();
    case "replay_changed":
      return replayChanged(item.replay);
    case "check_changed":
      return checkChanged(item.check);
    case "tunnel_changed":
      return patch<List<Tunnel>>(keys.tunnels, (list) => withOne(list, item.tunnel, "last"));
    case "tunnel_deleted":
      return patch<List<Tunnel>>(keys.tunnels, (list) => without(list, item.id));
    case "schemas_changed":
      return void refetch(keys.schemas, { restart: false });
    case "refusals_changed":
      return void refetch(keys.refusals, { restart: false });
    case "saved_searches_changed":
      return void refetch(keys.savedSearches);
    case "projects_changed":
      return void refetch(keys.projects);
    case "providers_changed":
      return void refetch(keys.providers);
    case "job_changed":
      return jobChanged(item.job);
    // Lists of requests follow the feed on their own, and `announce` shows alerts.
    case "request_added":
    case "saved_search_matched":
      return;
    default:
      item satisfies never;
  }
}

export function applyChanges(items: readonly FeedItem[]): void {
  const deliveries: Delivery[] = [];
  for (const item of items) applyOne(item, deliveries);
  if (deliveries.length > 0) deliveriesChanged(deliveries);
  countSoon();
}
