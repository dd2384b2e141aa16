/** Keeps what TanStack Query holds true as the engine changes. */
import { useQuery } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";

import {
  api,
  type CheckRun,
  type Endpoint,
  type Inbox,
  type Job,
  type Replay,
  type Summary,
  type Tunnel,
} from "./client";
import { platform, type FeedItem } from "../platform";
import { tell, tellFailure } from "../ui/toasts";
import { count, visible } from "../ui/format";
import { CallError } from "../platform";
import { patch, queryClient, refetch } from "./refetch";

export const useInboxes = () => useQuery({ queryKey: ["inboxes"], queryFn: api.inboxes });
/** Read again while the search index is being made, which no change tells of. */
const INDEXING_MS = 1_000;
export const useStatus = () =>
  useQuery({
    queryKey: ["status"],
    queryFn: api.status,
    refetchInterval: ({ state }) => (state.data?.search.busy ? INDEXING_MS : false),
  });
export const useSettings = () => useQuery({ queryKey: ["settings"], queryFn: api.settings });
export const useRequest = (id: string) => useQuery({ queryKey: ["request", id], queryFn: () => api.request(id) });

/** Counts are read again this long after a change, so that a flood costs one read. */
const COUNT_AGAIN_MS = 400;
const RATE_WINDOW_MS = 5_000;

/** Puts a new inbox into the list before it is counted again. */
export function showInbox(inbox: Inbox): void {
  patch<{ items: Inbox[] }>(["inboxes"], (old) => ({
    ...old,
    items: [...old.items.filter(({ name }) => name !== inbox.name), inbox],
  }));
}

/** A job as it stands; none before anything is known of it. */
export const useJob = (id: string): Job | undefined =>
  useQuery({ queryKey: ["job", id], queryFn: () => api.job(id) }).data;

/** Imports and exports that are under way. */
export const useCarrying = (): Job[] =>
  useQuery({
    queryKey: ["jobs"],
    queryFn: api.jobs,
    select: ({ items }) =>
      items.filter(({ kind, state }) => state === "running" && (kind === "import" || kind === "export")),
  }).data ?? [];

/** What is said when a job has ended, by its kind. */
const ENDS: Record<Job["kind"], { done?: (job: Job) => string; failed?: (job: Job) => CallError }> = {
  backup: {
    done: ({ path }) => `Backup written to ${path}`,
    failed: ({ error }) =>
      new CallError({ code: "backup_failed", message: `The backup failed: ${error}.`, hint: "Choose another place." }),
  },
  judge: {
    done: ({ total }) => `${total.toLocaleString()} stored requests judged anew`,
    failed: ({ error }) =>
      new CallError({
        code: "judge_failed",
        message: `Stored requests could not be judged: ${error}.`,
        hint: "Save the inbox's settings again.",
      }),
  },
  import: {
    done: ({ imported, path }) => `${count(imported?.requests ?? 0)} imported from ${visible(path ?? "a file")}`,
    failed: ({ error, path }) =>
      new CallError({
        code: "import_failed",
        message: `${visible(path ?? "The file")} was not imported to its end: ${error}.`,
        hint: "Mend the file and import it again.",
      }),
  },
  // Whoever saves it says so, and why not.
  export: {},
};

function jobChanged(job: Job): void {
  patch<Job>(["job", job.id], () => job);
  patch<{ items: Job[] }>(["jobs"], (old) => ({ items: [job, ...old.items.filter(({ id }) => id !== job.id)] }));
  const { done, failed } = ENDS[job.kind];
  if (job.state === "done" && done) tell(done(job));
  if (job.state === "failed" && failed) tellFailure(failed(job));
}

/** Replays, newest first. */
export const useReplays = () => useQuery({ queryKey: ["replays"], queryFn: api.replays });

function replayChanged(replay: Replay): void {
  patch<{ items: Replay[] }>(["replays"], (old) => {
    const known = old.items.some(({ id }) => id === replay.id);
    return {
      ...old,
      items: known ? old.items.map((one) => (one.id === replay.id ? replay : one)) : [replay, ...old.items],
    };
  });
  void refetch(["replay-report", replay.id], { anew: Boolean(replay.ended_at) });
  if (!replay.ended_at) return;
  if (replay.total === 1) void tellAnswer(replay.id);
  else tell(`Replay ${replay.state}: ${count(replay.delivered)} answered 2xx, ${count(replay.failed)} failed`);
}

/** Says what one replayed request was answered. */
async function tellAnswer(id: string): Promise<void> {
  const { items } = await api.deliveries({ replay: id, limit: 1 });
  const [made] = items;
  if (made) tell(made.status ? `Answered ${made.status}` : visible(made.error ?? made.reason ?? "No answer"));
}

/** Runs of handler checks, newest first. */
export const useChecks = () => useQuery({ queryKey: ["checks"], queryFn: api.checks });

function checkChanged(run: CheckRun): void {
  patch<{ items: CheckRun[] }>(["checks"], (old) => {
    const known = old.items.some(({ id }) => id === run.id);
    return { ...old, items: known ? old.items.map((one) => (one.id === run.id ? run : one)) : [run, ...old.items] };
  });
  void refetch(["check-report", run.id], { anew: Boolean(run.ended_at) });
  if (run.verdict && run.verdict !== "unfinished")
    tell(run.counts.fail ? `Checked: ${count(run.counts.fail)} failed` : "Checked: nothing failed");
}

/** Tunnels, in the order in which they were made. */
export const useTunnels = () => useQuery({ queryKey: ["tunnels"], queryFn: api.tunnels });

function tunnelChanged(tunnel: Tunnel): void {
  patch<{ items: Tunnel[] }>(["tunnels"], (old) => {
    const was = old.items.find(({ id }) => id === tunnel.id);
    const away = (one: Tunnel | undefined): number =>
      one?.exposures.reduce((sum, exposure) => sum + exposure.away, 0) ?? 0;
    if (was && away(tunnel) > 0 && away(was) === 0) {
      tell("Requests arrived while away: what becomes of them?");
    }
    return {
      ...old,
      items: was ? old.items.map((one) => (one.id === tunnel.id ? tunnel : one)) : [...old.items, tunnel],
    };
  });
}

export const useShapes = () => useQuery({ queryKey: ["shapes", "all"], queryFn: api.shapes });

export const useSavedQueries = () => useQuery({ queryKey: ["saved-queries"], queryFn: api.savedQueries });

export const useEndpoints = () => useQuery({ queryKey: ["endpoints"], queryFn: api.endpoints });

/** Lists of deliveries are read again this long after a change, so that a flood costs one read. */
const DELIVERIES_AGAIN_MS = 150;
let deliveriesDue: number | undefined;

/** Whether something changed while they were read. */
let changedSince = false;

function deliveriesAgain(): void {
  changedSince = true;
  deliveriesDue ??= window.setTimeout(() => {
    changedSince = false;
    // A read that is under way is not begun anew: in a steady flow none would ever end.
    const again = ["deliveries", "delivery", "endpoint-stats", "onward"].map((key) => refetch([key], { anew: false }));
    void Promise.allSettled(again).then(() => {
      deliveriesDue = undefined;
      if (changedSince) deliveriesAgain();
    });
  }, DELIVERIES_AGAIN_MS);
}

let recount: number | undefined;
const arrivals: { at: number; count: number }[] = [];
const rateListeners = new Set<() => void>();

function countAgain(): void {
  recount ??= window.setTimeout(() => {
    recount = undefined;
    void refetch(["inboxes"]);
    void refetch(["status"]);
    void refetch(["saved-count"], { anew: false });
  }, COUNT_AGAIN_MS);
}

function apply(items: readonly FeedItem[]): void {
  let added = 0;
  for (const item of items) {
    switch (item.type) {
      case "request_added":
        added++;
        break;
      case "request_changed": {
        const request = item.request as Summary;
        patch<object>(["request", request.id], (old) => ({ ...old, ...request }));
        break;
      }
      case "refusals_changed":
        void refetch(["refusals"], { anew: false });
        break;
      case "status_changed":
        void refetch(["settings"]);
        break;
      case "delivery_changed":
        deliveriesAgain();
        break;
      case "deliveries_expired":
        deliveriesAgain();
        break;
      case "endpoint_disabled": {
        const endpoint = item.endpoint as Endpoint;
        const [title, reason] = [`${endpoint.name || endpoint.url} was switched off`, endpoint.state.reason ?? ""];
        tell(`${title}: ${reason}`);
        platform.notify?.(title, reason);
        void refetch(["endpoints"]);
        break;
      }
      case "shapes_changed":
        void refetch(["shapes"], { anew: false });
        break;
      case "queries_changed":
        void refetch(["saved-queries"]);
        break;
      case "query_matched": {
        const request = item.request as Summary;
        const more = (item.requests as number) - 1;
        const what =
          visible(`${request.event_type ?? request.method} ${request.target}`.slice(0, 200)) +
          (more > 0 ? ` and ${count(more)} more` : "");
        tell(`${item.name as string}: ${what}`);
        platform.notify?.(item.name as string, what);
        break;
      }
      case "endpoint_removed":
        // What waited for it has ended.
        deliveriesAgain();
        void refetch(["endpoints"]);
        break;
      case "endpoint_changed":
        void refetch(["endpoints"]);
        break;
      case "inbox_added":
        showInbox(item.inbox as Inbox);
        break;
      case "requests_removed":
      case "requests_restored":
      case "requests_imported":
      case "requests_expired":
        void refetch(["request"]);
        break;
      case "inbox_changed":
        patch<{ items: Inbox[] }>(["inboxes"], (old) => ({
          ...old,
          items: old.items.map((inbox) => (inbox.name === item.was ? (item.inbox as Inbox) : inbox)),
        }));
        break;
      case "replay_changed":
        replayChanged(item.replay as Replay);
        break;
      case "check_changed":
        checkChanged(item.check as CheckRun);
        break;
      case "tunnel_changed":
        tunnelChanged(item.tunnel as Tunnel);
        break;
      case "tunnel_removed":
        void refetch(["tunnels"]);
        break;
      case "job_changed":
        jobChanged(item.job as Job);
        break;
    }
  }
  if (added) {
    arrivals.push({ at: Date.now(), count: added });
    rateListeners.forEach((listener) => listener());
  }
  countAgain();
}

/** Follows the feed from now on; after a gap everything is read again. */
export async function goLive(): Promise<void> {
  try {
    const status = await queryClient.fetchQuery({ queryKey: ["status"], queryFn: api.status, staleTime: 0 });
    const stop = platform.subscribe(status.seq, {
      batch: apply,
      gone: () => {
        stop();
        void refetch();
        window.setTimeout(() => void goLive(), COUNT_AGAIN_MS);
      },
    });
  } catch {
    // The page shows why; it is tried again when the engine may be back.
    window.setTimeout(() => void goLive(), RATE_WINDOW_MS);
  }
}

/** Requests a second over the last seconds. */
export function useRate(): number {
  return useSyncExternalStore(
    (listener) => {
      rateListeners.add(listener);
      const timer = setInterval(listener, 1000);
      return () => (rateListeners.delete(listener), clearInterval(timer));
    },
    () => {
      const since = Date.now() - RATE_WINDOW_MS;
      while (arrivals[0] && arrivals[0].at < since) arrivals.shift();
      return Math.round((arrivals.reduce((sum, { count }) => sum + count, 0) * 1000) / RATE_WINDOW_MS);
    },
  );
}
