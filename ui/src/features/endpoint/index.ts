export { EndpointsPage } from "./endpoints-page";
export { POLICY } from "./policy-table";
