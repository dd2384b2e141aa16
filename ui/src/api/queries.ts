/** Queries that several views share. The feed keeps their results up to date. */
import { useQuery } from "@tanstack/react-query";

import { api } from "./client";
import { keys } from "./keys";
import type { Job, Status } from "./types";

/** No change reports the progress of the stages behind the commit, so the status is read again this often. */
const PROGRESS_MS = 1_000;

/** Whether requests are waiting for a stage. The search index waits until there are enough for a block. */
const isBehind = (status?: Status) =>
  status !== undefined && (status.search.busy || status.pipeline.some(({ waiting }) => waiting > 0));

export const useStatus = () =>
  useQuery({
    queryKey: keys.status,
    queryFn: api.status,
    refetchInterval: ({ state }) => (isBehind(state.data) ? PROGRESS_MS : false),
  });

export const useSettings = () => useQuery({ queryKey: keys.settings, queryFn: api.settings });

export const useInboxes = () => useQuery({ queryKey: keys.inboxes, queryFn: api.inboxes });

export const useRequest = (id: string) => useQuery({ queryKey: keys.request(id), queryFn: () => api.request(id) });

/** A job; undefined before its first answer. */
export const useJob = (id: string): Job | undefined =>
  useQuery({ queryKey: keys.job(id), queryFn: () => api.job(id) }).data;

/** Imports and exports that are running. */
export const useTransfers = (): Job[] =>
  useQuery({
    queryKey: keys.jobs,
    queryFn: api.jobs,
    select: ({ items }) =>
      items.filter(({ kind, state }) => state === "running" && (kind === "import" || kind === "export")),
  }).data ?? [];

export const useEndpoints = () => useQuery({ queryKey: keys.endpoints, queryFn: api.endpoints });

/** Providers with their names, schemes and events. */
export const useProviders = () => useQuery({ queryKey: keys.providers, queryFn: api.providers });

/** The file of one provider, which does not change while the program runs. */
export const useProvider = (id: string) =>
  useQuery({ queryKey: keys.provider(id), queryFn: () => api.provider(id), staleTime: Infinity });

/** Replays, newest first. */
export const useReplays = () => useQuery({ queryKey: keys.replays, queryFn: api.replays });

/** Runs of handler checks, newest first. */
export const useChecks = () => useQuery({ queryKey: keys.checks, queryFn: api.checks });

/** Tunnels, in the order in which they were created. */
export const useTunnels = () => useQuery({ queryKey: keys.tunnels, queryFn: api.tunnels });

export const useSchemas = () => useQuery({ queryKey: keys.allSchemas, queryFn: api.shapes });

export const useSavedSearches = () => useQuery({ queryKey: keys.savedSearches, queryFn: api.savedQueries });
