export { DeliveriesPage } from "./deliveries-page";
export { DeliveryPane } from "./delivery-pane";
export { DeliveryTable } from "./delivery-table";
