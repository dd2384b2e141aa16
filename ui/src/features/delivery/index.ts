export { DeliveriesPage } from "./deliveries-page";
export { DeliveryDetail } from "./delivery-detail";
export { DeliveryTable } from "./delivery-table";
