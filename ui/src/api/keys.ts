/** Cache keys of API responses. A shorter key matches every key that begins with it. */
import type { QueryKey } from "@tanstack/react-query";

import type { DeliveryFilter } from "./types";

/** Conditions on a list of deliveries, with an optional request or page size. */
export type DeliveryQuery = DeliveryFilter & { request?: string; limit?: number };

export const keys = {
  status: ["status"],
  settings: ["settings"],
  inboxes: ["inboxes"],
  requests: ["request"],
  request: (id: string) => ["request", id],
  jobs: ["jobs"],
  job: (id: string) => ["job", id],
  endpoints: ["endpoints"],
  allEndpointStats: ["endpoint-stats"],
  endpointStats: (endpoint: string) => ["endpoint-stats", endpoint],
  allDeliveries: ["deliveries"],
  deliveries: (query: DeliveryQuery) => ["deliveries", query],
  everyDelivery: ["delivery"],
  delivery: (id: string) => ["delivery", id],
  scenarios: ["scenarios"],
  scenarioRuns: ["scenario-runs"],
  everyScenarioRun: ["scenario-run"],
  scenarioRun: (id: string) => ["scenario-run", id],
  replays: ["replays"],
  replayReport: (id: string) => ["replay-report", id],
  checks: ["checks"],
  checkReport: (id: string) => ["check-report", id],
  tunnels: ["tunnels"],
  schemas: ["schemas"],
  allSchemas: ["schemas", "all"],
  savedSearches: ["saved-searches"],
  projects: ["projects"],
  savedSearchCounts: ["saved-search-count"],
  refusals: ["refusals"],
  traffic: ["traffic"],
  ruleStats: ["rule-stats"],
  providers: ["providers"],
  provider: (id: string) => ["providers", id],
  signature: (request: string) => ["signature", request],
} as const satisfies Record<string, QueryKey | ((...of: never[]) => QueryKey)>;
