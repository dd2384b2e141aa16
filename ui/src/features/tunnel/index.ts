export { OfflineBacklog } from "./offline-backlog";
export { TunnelStatus } from "./tunnel-status";
export { TunnelsPage } from "./tunnels-page";
export { TunnelSummary } from "./tunnel-summary";
