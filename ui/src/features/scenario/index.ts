export { ScenariosPage } from "./scenarios-page";
