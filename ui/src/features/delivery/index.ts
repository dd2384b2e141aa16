export { AttemptRow } from "./attempt-row";
export { Countdown } from "./countdown";
export { DeliveriesPage, resend } from "./deliveries-page";
export { DeliveryCard } from "./delivery-card";
export { deliveryColumns } from "./delivery-columns";
export { DeliveryPane } from "./delivery-pane";
export { DeliveryState, STATES } from "./delivery-state";
export { DeliveryTable } from "./delivery-table";
export { TimingBar, TimingLegend } from "./timing-bar";
