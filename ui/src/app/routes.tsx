/** The routes of the page and their views. */
import { createRootRoute, createRoute, createRouter, redirect } from "@tanstack/react-router";

import { api } from "../api/client";
import { keys } from "../api/keys";
import { queryClient } from "../api/refetch";
import { ChecksPage } from "../features/checks";
import { ComposePage, type ComposeSource } from "../features/compose";
import { DeliveriesPage } from "../features/delivery";
import { EndpointsPage } from "../features/endpoint";
import { AllRequestsPage, InboxPage } from "../features/inbox";
import { RefusedPage } from "../features/refused";
import { RulesPage } from "../features/rules";
import { ReplaysPage } from "../features/replay";
import { DiffPage } from "../features/request";
import { ScenarioRunPage, ScenariosPage } from "../features/scenario";
import { SchemasPage } from "../features/schemas";
import { SettingsPage } from "../features/settings";
import { DebuggerPage } from "../features/signature";
import { TunnelsPage } from "../features/tunnel";
import { preferences } from "../ui/preferences";
import { App } from "./app";
import { BrokenView } from "./broken-view";

const root = createRootRoute({
  component: App,
  notFoundComponent: () => <p className="p-6">Page not found. Choose another one on the left.</p>,
});

/** Views that always exist and can be restored at the next start. */
const VIEWS = new Set([
  "settings",
  "debugger",
  "endpoints",
  "deliveries",
  "scenarios",
  "replays",
  "checks",
  "tunnels",
  "refused",
  "requests",
  "diff",
  "schemas",
  "compose",
]);

const start = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: async () => {
    const { place } = preferences();
    const { items } = await queryClient
      .fetchQuery({ queryKey: keys.inboxes, queryFn: api.inboxes })
      .catch(() => ({ items: [] }));
    const [, view, name] = place.split(/[/?]/);
    if ((view && VIEWS.has(view)) || (view === "inbox" && items.some((one) => one.name === name)))
      throw redirect({ to: place });
    if (items[0])
      throw redirect({ to: "/inbox/$inbox/{-$request}", params: { inbox: items[0].name, request: undefined } });
  },
});
/** Parses the query of a list from the address. */
const validateSearch = (search: Record<string, unknown>): { q?: string } =>
  typeof search.q === "string" && search.q ? { q: search.q } : {};

// One route with an optional request keeps the list mounted when a request is opened.
const inbox = createRoute({
  getParentRoute: () => root,
  path: "/inbox/$inbox/{-$request}",
  validateSearch,
  component: function Inbox() {
    const { inbox: name, request } = inbox.useParams();
    return <InboxPage name={name} request={request} query={inbox.useSearch().q ?? ""} />;
  },
});
const requests = createRoute({
  getParentRoute: () => root,
  path: "/requests/{-$request}",
  validateSearch,
  component: function Requests() {
    const { request } = requests.useParams();
    return <AllRequestsPage request={request} query={requests.useSearch().q ?? ""} />;
  },
});
const diff = createRoute({
  getParentRoute: () => root,
  path: "/diff/$a/$b",
  component: function Diff() {
    return <DiffPage {...diff.useParams()} />;
  },
});
const settings = createRoute({ getParentRoute: () => root, path: "/settings", component: SettingsPage });

const endpoints = createRoute({
  getParentRoute: () => root,
  path: "/endpoints/{-$endpoint}/{-$delivery}",
  component: function Endpoints() {
    const { endpoint, delivery } = endpoints.useParams();
    return <EndpointsPage id={endpoint} delivery={delivery} />;
  },
});
const deliveries = createRoute({
  getParentRoute: () => root,
  path: "/deliveries/{-$delivery}",
  component: function Deliveries() {
    const { delivery } = deliveries.useParams();
    return <DeliveriesPage delivery={delivery} />;
  },
});
const replays = createRoute({
  getParentRoute: () => root,
  path: "/replays/{-$replay}",
  component: function Replays() {
    return <ReplaysPage id={replays.useParams().replay} />;
  },
});
const checks = createRoute({
  getParentRoute: () => root,
  path: "/checks/{-$check}",
  component: function Checks() {
    return <ChecksPage id={checks.useParams().check} />;
  },
});
const tunnels = createRoute({ getParentRoute: () => root, path: "/tunnels", component: TunnelsPage });
const refused = createRoute({ getParentRoute: () => root, path: "/refused", component: RefusedPage });
const scenarios = createRoute({
  getParentRoute: () => root,
  path: "/scenarios/{-$run}/{-$delivery}",
  component: function Scenarios() {
    const { run, delivery } = scenarios.useParams();
    return run ? <ScenarioRunPage key={run} id={run} delivery={delivery} /> : <ScenariosPage />;
  },
});
const compose = createRoute({
  getParentRoute: () => root,
  path: "/compose",
  validateSearch: (search: Record<string, unknown>): ComposeSource => ({
    ...(typeof search.request === "string" && { request: search.request }),
    ...(typeof search.endpoint === "string" && { endpoint: search.endpoint }),
  }),
  component: function Compose() {
    return <ComposePage {...compose.useSearch()} />;
  },
});
const rules = createRoute({
  getParentRoute: () => root,
  path: "/rules/$inbox",
  validateSearch: (search: Record<string, unknown>): { request?: string } =>
    typeof search.request === "string" ? { request: search.request } : {},
  component: function Rules() {
    return <RulesPage name={rules.useParams().inbox} request={rules.useSearch().request} />;
  },
});
const signatureDebugger = createRoute({ getParentRoute: () => root, path: "/debugger", component: DebuggerPage });

const schemas = createRoute({
  getParentRoute: () => root,
  path: "/schemas/{-$inbox}",
  validateSearch: (search: Record<string, unknown>): { event?: string } =>
    typeof search.event === "string" && search.event ? { event: search.event } : {},
  component: function Schemas() {
    return <SchemasPage inbox={schemas.useParams().inbox} event={schemas.useSearch().event ?? ""} />;
  },
});

export const router = createRouter({
  routeTree: root.addChildren([
    start,
    inbox,
    requests,
    diff,
    settings,
    endpoints,
    deliveries,
    replays,
    checks,
    tunnels,
    refused,
    scenarios,
    signatureDebugger,
    schemas,
    compose,
    rules,
  ]),
  defaultPreload: false,
  defaultErrorComponent: BrokenView,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
