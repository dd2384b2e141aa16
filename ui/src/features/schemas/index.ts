export { SchemasPage } from "./schemas-page";
