export { OfflineBacklog } from "./offline-backlog";
export { TunnelStatus, TunnelsPage } from "./tunnels-page";
