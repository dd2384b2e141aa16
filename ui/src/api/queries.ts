/** Queries shared by several views. The feed keeps their results up to date. */
import { useQuery } from "@tanstack/react-query";

import { api } from "./client";
import { keys } from "./keys";
import type { Job, Status } from "./types";

/** Interval at which the status is read while stages are behind, in ms. The feed does not report their progress. */
const PROGRESS_MS = 1_000;

/** Returns true if requests wait for a stage. The search index waits until there are enough requests for a block. */
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

/** Returns a job. Undefined before the first response. */
export const useJob = (id: string): Job | undefined =>
  useQuery({ queryKey: keys.job(id), queryFn: () => api.job(id) }).data;

/** Returns the running imports and exports. */
export const useTransfers = (): Job[] =>
  useQuery({
    queryKey: keys.jobs,
    queryFn: api.jobs,
    select: ({ items }) =>
      items.filter(({ kind, state }) => state === "running" && (kind === "import" || kind === "export")),
  }).data ?? [];

export const useEndpoints = () => useQuery({ queryKey: keys.endpoints, queryFn: api.endpoints });

/** Returns the providers with their names, schemes and events. */
export const useProviders = () => useQuery({ queryKey: keys.providers, queryFn: api.providers });

/** Returns the file of one provider. The file does not change while Hookbench runs. */
export const useProvider = (id: string) =>
  useQuery({ queryKey: keys.provider(id), queryFn: () => api.provider(id), enabled: id !== "", staleTime: Infinity });

/** Returns the replays, newest first. */
export const useReplays = () => useQuery({ queryKey: keys.replays, queryFn: api.replays });

/** Maximum number of scenario runs that are listed. */
const RUNS = 20;

/** Returns the latest scenario runs, newest first. */
export const useScenarioRuns = () => useQuery({ queryKey: keys.scenarioRuns, queryFn: () => api.scenarioRuns(RUNS) });

/** Returns the runs of handler checks, newest first. */
export const useChecks = () => useQuery({ queryKey: keys.checks, queryFn: api.checks });

/** Returns the tunnels in order of creation. */
export const useTunnels = () => useQuery({ queryKey: keys.tunnels, queryFn: api.tunnels });

export const useSchemas = () => useQuery({ queryKey: keys.allSchemas, queryFn: api.schemas });

export const useProjects = () => useQuery({ queryKey: keys.projects, queryFn: api.projects });
export const useSavedSearches = () => useQuery({ queryKey: keys.savedSearches, queryFn: api.savedSearches });
