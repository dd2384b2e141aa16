import createClient from "openapi-fetch";

import { CallError, platform } from "../platform";
import type { paths } from "./schema.gen";
import type {
  CheckNew,
  DeliveryFilter,
  EndpointSettings,
  ExposureSettings,
  InboxChange,
  ProviderFile,
  Question,
  ReplayNew,
  SavedSearch,
  Trial,
  TunnelNew,
  WholeCheck,
  WholeQuestion,
  WholeTrial,
} from "./types";

export type * from "./types";

const client = createClient<paths>({ baseUrl: location.origin, fetch: (request) => platform.fetch(request) });

/** Returns the data of a response. Throws the error of a failed call. */
async function value<T>(response: Promise<{ data?: T; error?: unknown }>): Promise<T> {
  const { data, error } = await response;
  if (error !== undefined || data === undefined) throw new CallError(error as object | undefined);
  return data;
}

/** Waits for a response without a body. Throws the error of a failed call. */
async function nothing(call: Promise<{ error?: unknown; response: Response }>): Promise<void> {
  const { error, response } = await call;
  if (!response.ok) throw new CallError(error as object | undefined);
}

export async function bytes(route: string, init?: RequestInit): Promise<Uint8Array<ArrayBuffer>> {
  const response = await platform.fetch(new Request(new URL(route, location.origin), init));
  if (!response.ok) throw new CallError((await response.json().catch(() => undefined)) as object | undefined);
  return new Uint8Array(await response.arrayBuffer());
}

export async function text(route: string): Promise<string> {
  return new TextDecoder().decode(await bytes(route));
}

/** Returns the route of a subresource of a request. */
export const requestRoute = (id: string, rest: string): string => `/api/v1/requests/${id}/${rest}`;

/** Returns the route of the first bytes of a refused request, with credentials masked. */
export const refusedBytes = (id: string): string => `/api/v1/refusals/${id}/raw`;

/** Returns the route of a schema as code. */
export const schemaCode = (inbox: string, event: string, code: string): string =>
  `/api/v1/schemas/${encodeURIComponent(inbox)}/code?${new URLSearchParams({ event, as: code })}`;

const inboxPath = (name: string) => ({ params: { path: { name } } });
const requestPath = (id: string) => ({ params: { path: { id } } });

export const api = {
  status: () => value(client.GET("/api/v1/status")),
  settings: () => value(client.GET("/api/v1/settings")),
  changeSettings: (change: object) =>
    value(client.PATCH("/api/v1/settings", { body: change as Record<string, never> })),
  inboxes: () => value(client.GET("/api/v1/inboxes")),
  inbox: (name: string) => value(client.GET("/api/v1/inboxes/{name}", inboxPath(name))),
  addInbox: (name: string) => value(client.POST("/api/v1/inboxes", { body: { name } })),
  changeInbox: (name: string, body: InboxChange) =>
    value(client.PATCH("/api/v1/inboxes/{name}", { ...inboxPath(name), body })),
  removeInbox: (name: string) => value(client.DELETE("/api/v1/inboxes/{name}", inboxPath(name))),
  clearInbox: (name: string) => value(client.DELETE("/api/v1/inboxes/{name}/requests", inboxPath(name))),
  markInboxRead: (name: string) => value(client.POST("/api/v1/inboxes/{name}/read", inboxPath(name))),
  sendTestEvent: (name: string) => value(client.POST("/api/v1/inboxes/{name}/test-event", inboxPath(name))),
  requests: (query: { inbox?: string; q?: string; after?: string; from?: string; skip?: number; limit?: number }) =>
    value(client.GET("/api/v1/requests", { params: { query } })),
  countRequests: (query: { q: string; inbox?: string; after?: string; most?: number }) =>
    value(client.GET("/api/v1/requests/count", { params: { query } })),
  traffic: (query: { inbox?: string; q?: string }) =>
    value(client.GET("/api/v1/requests/traffic", { params: { query } })),
  report: (query: {
    ids: string;
    as: "html" | "markdown";
    redact_headers?: string;
    redact_paths?: string;
    bodies?: boolean;
    addresses?: boolean;
  }) => value(client.GET("/api/v1/requests/report", { params: { query } })),
  ruleStats: (name: string) => value(client.GET("/api/v1/inboxes/{name}/rules/stats", inboxPath(name))),
  readQuery: (text: string, caret?: number) =>
    value(client.GET("/api/v1/query", { params: { query: { text, caret } } })),
  queryFields: () => value(client.GET("/api/v1/query/fields")),
  schemas: () => value(client.GET("/api/v1/schemas")),
  shape: (inbox: string, event: string) =>
    value(client.GET("/api/v1/schemas/{inbox}", { params: { path: { inbox }, query: { event } } })),
  schemaCode: (inbox: string, event: string, code: string) => text(schemaCode(inbox, event, code)),
  deleteSchema: async (inbox: string, event: string) => {
    const { error } = await client.DELETE("/api/v1/schemas/{inbox}", { params: { path: { inbox }, query: { event } } });
    if (error !== undefined) throw new CallError(error as object);
  },
  jobs: () => value(client.GET("/api/v1/jobs")),
  job: (id: string) => value(client.GET("/api/v1/jobs/{id}", requestPath(id))),
  cancelJob: (id: string) => value(client.POST("/api/v1/jobs/{id}/cancel", requestPath(id))),
  importText: async (route: string, text: string): Promise<unknown> =>
    JSON.parse(
      new TextDecoder().decode(
        await bytes(route, { method: "POST", body: text, headers: { "content-type": "application/octet-stream" } }),
      ),
    ),
  timeline: (id: string) => value(client.GET("/api/v1/requests/{id}/timeline", requestPath(id))),
  diff: (a: string, b: string) => value(client.GET("/api/v1/diff", { params: { query: { a, b } } })),
  projects: () => value(client.GET("/api/v1/projects")),
  savedSearches: () => value(client.GET("/api/v1/saved-searches")),
  saveSearch: (name: string, body: Omit<SavedSearch, "name">) =>
    value(client.PUT("/api/v1/saved-searches/{name}", { ...inboxPath(name), body })),
  deleteSearch: async (name: string) => {
    const { error } = await client.DELETE("/api/v1/saved-searches/{name}", inboxPath(name));
    if (error !== undefined) throw new CallError(error as object);
  },
  request: (id: string) => value(client.GET("/api/v1/requests/{id}", requestPath(id))),
  reveal: (id: string) => value(client.GET("/api/v1/requests/{id}/reveal", requestPath(id))),
  markRequest: (id: string, body: { pinned?: boolean; note?: string; read?: boolean }) =>
    value(client.PATCH("/api/v1/requests/{id}", { ...requestPath(id), body })),
  removeRequest: (id: string) => value(client.DELETE("/api/v1/requests/{id}", requestPath(id))),
  reading: (id: string) => value(client.GET("/api/v1/requests/{id}/reading", requestPath(id))),
  refusals: () => value(client.GET("/api/v1/refusals", { params: { query: { limit: 500 } } })),
  dismissRefusals: () => nothing(client.POST("/api/v1/refusals/dismiss", { body: { inbox: null } })),
  parts: (id: string) => value(client.GET("/api/v1/requests/{id}/parts", requestPath(id))),
  providers: () => value(client.GET("/api/v1/providers")),
  provider: (id: string) =>
    value(client.GET("/api/v1/providers/{id}", requestPath(id))) as unknown as Promise<ProviderFile>,
  /** Reads all pages. */
  endpoints: async () => {
    const first = await value(client.GET("/api/v1/endpoints", { params: { query: {} } }));
    const items = [...first.items];
    for (let after = first.next; after;) {
      const page = await value(client.GET("/api/v1/endpoints", { params: { query: { after } } }));
      items.push(...page.items);
      after = page.next;
    }
    return { items, seq: first.seq };
  },
  addEndpoint: (body: EndpointSettings) => value(client.POST("/api/v1/endpoints", { body })),
  changeEndpoint: (id: string, body: { settings?: Partial<EndpointSettings>; enabled?: boolean }) =>
    value(
      client.PATCH("/api/v1/endpoints/{id}", {
        ...requestPath(id),
        body: body as { settings?: Record<string, never>; enabled?: boolean },
      }),
    ),
  removeEndpoint: async (id: string) => {
    const { error } = await client.DELETE("/api/v1/endpoints/{id}", requestPath(id));
    if (error !== undefined) throw new CallError(error as object);
  },
  endpointSecrets: (id: string) => value(client.GET("/api/v1/endpoints/{id}/secrets", requestPath(id))),
  rotateSecret: (id: string) => value(client.POST("/api/v1/endpoints/{id}/rotate", requestPath(id))),
  testEndpoint: (id: string) => value(client.POST("/api/v1/endpoints/{id}/test", requestPath(id))),
  diagnoseEndpoint: (id: string) => value(client.POST("/api/v1/endpoints/{id}/diagnose", requestPath(id))),
  sendEvent: (body: {
    provider: string;
    type: string;
    endpoints?: string[];
    body?: string;
    fill?: boolean;
    count?: number;
    rate?: number;
  }) => value(client.POST("/api/v1/events", { body: body as never })),
  scenarios: () => value(client.GET("/api/v1/scenarios")),
  runScenario: (body: { scenario: string; time_scale?: number; seed?: number; endpoints?: string[] }) =>
    value(client.POST("/api/v1/scenarios/run", { body: body as never })),
  scenarioRuns: (limit: number) => value(client.GET("/api/v1/scenario-runs", { params: { query: { limit } } })),
  scenarioRun: (id: string) => value(client.GET("/api/v1/scenario-runs/{id}", requestPath(id))),
  cancelScenarioRun: (id: string) => value(client.POST("/api/v1/scenario-runs/{id}/cancel", requestPath(id))),
  endpointStats: (id: string) => value(client.GET("/api/v1/endpoints/{id}/stats", requestPath(id))),
  deliveries: (query: DeliveryFilter & { request?: string; replay?: string; after?: string; limit?: number }) =>
    value(client.GET("/api/v1/deliveries", { params: { query } })),
  delivery: (id: string) => value(client.GET("/api/v1/deliveries/{id}", requestPath(id))),
  retryDelivery: (id: string, all_retries = false) =>
    value(client.POST("/api/v1/deliveries/{id}/retry", { ...requestPath(id), body: { all_retries } })),
  retryDeliveries: (filter: DeliveryFilter) =>
    value(client.POST("/api/v1/deliveries/retry", { body: filter as never })),
  cancelDelivery: (id: string) => value(client.POST("/api/v1/deliveries/{id}/cancel", requestPath(id))),
  snippets: (id: string, scheme?: string) =>
    value(client.GET("/api/v1/providers/{id}/snippets", { params: { path: { id }, query: { scheme } } })),
  handlers: (id: string, signed: boolean, scheme?: string) =>
    value(client.GET("/api/v1/providers/{id}/handlers", { params: { path: { id }, query: { scheme, signed } } })),
  saveProvider: (id: string, body: { name: string; scheme: object; event_type?: string[]; event_id?: string[] }) =>
    value(
      client.PUT("/api/v1/providers/{id}", {
        ...requestPath(id),
        body: { ...body, scheme: body.scheme as Record<string, never> },
      }),
    ),
  trySignature: (id: string, body: Trial) =>
    value(
      client.POST("/api/v1/requests/{id}/signature/verify", {
        ...requestPath(id),
        body: body as unknown as WholeTrial,
      }),
    ),
  findScheme: (id: string, body: Trial) =>
    value(
      client.POST("/api/v1/requests/{id}/signature/detect", {
        ...requestPath(id),
        body: body as unknown as WholeTrial,
      }),
    ),
  signature: (id: string) => value(client.GET("/api/v1/requests/{id}/signature", requestPath(id))),
  explain: (body: Question) =>
    value(client.POST("/api/v1/signature/explain", { body: body as unknown as WholeQuestion })),
  sign: (body: Question) => value(client.POST("/api/v1/signature/sign", { body: body as unknown as WholeQuestion })),
  findSchemes: (body: Question) =>
    value(client.POST("/api/v1/signature/detect", { body: body as unknown as WholeQuestion })),
  tunnels: () => value(client.GET("/api/v1/tunnels")),
  addTunnel: (body: TunnelNew) => value(client.POST("/api/v1/tunnels", { body })),
  changeTunnel: (id: string, on: boolean) =>
    value(client.PATCH("/api/v1/tunnels/{id}", { ...requestPath(id), body: { on } })),
  trustHost: (id: string, host_key: string) =>
    value(client.PATCH("/api/v1/tunnels/{id}", { ...requestPath(id), body: { on: true, host_key } })),
  removeTunnel: (id: string, force: boolean) =>
    nothing(client.DELETE("/api/v1/tunnels/{id}", { params: { path: { id }, query: { force } } })),
  expose: (id: string, name: string, body: ExposureSettings) =>
    value(client.PUT("/api/v1/tunnels/{id}/inboxes/{name}", { params: { path: { id, name } }, body })),
  unexpose: (id: string, name: string) =>
    value(client.DELETE("/api/v1/tunnels/{id}/inboxes/{name}", { params: { path: { id, name } } })),
  decideBacklog: (name: string, body: { action: "all" | "latest_per_type" | "keep"; re_sign: boolean }) =>
    value(client.POST("/api/v1/inboxes/{name}/backlog", { ...inboxPath(name), body })),
  checks: () => value(client.GET("/api/v1/checks")),
  checkPlan: (body: CheckNew) => value(client.POST("/api/v1/checks/plan", { body: body as WholeCheck })),
  beginCheck: (body: CheckNew) => value(client.POST("/api/v1/checks", { body: body as WholeCheck })),
  cancelCheck: (id: string) => nothing(client.POST("/api/v1/checks/{id}/cancel", requestPath(id))),
  againCheck: (id: string, checks: string[]) =>
    value(client.POST("/api/v1/checks/{id}/rerun", { ...requestPath(id), body: { checks } })),
  removeCheck: (id: string) => nothing(client.DELETE("/api/v1/checks/{id}", requestPath(id))),
  checkReport: (id: string) => value(client.GET("/api/v1/checks/{id}/report", { params: { path: { id }, query: {} } })),
  compareChecks: (before: string, after: string) =>
    value(client.GET("/api/v1/checks/compare", { params: { query: { before, after } } })),
  replays: () => value(client.GET("/api/v1/replays", { params: { query: { limit: 50 } } })),
  beginReplay: (body: ReplayNew) => value(client.POST("/api/v1/replays", { body })),
  cancelReplay: (id: string) => value(client.POST("/api/v1/replays/{id}/cancel", requestPath(id))),
  replayReport: (id: string) =>
    value(client.GET("/api/v1/replays/{id}/report", { params: { path: { id }, query: {} } })),
  responsePreview: (id: string) =>
    value(client.GET("/api/v1/requests/{id}/response-preview", { params: { path: { id }, query: {} } })),
  undo: (id: number) => value(client.POST("/api/v1/deletions/{id}/undo", { params: { path: { id } } })),
  retryListener: () => value(client.POST("/api/v1/listener")),
  backup: (path: string) => value(client.POST("/api/v1/backup", { body: { path } })),
};
