export { ScenarioRunPage } from "./run-page";
export { ScenariosPage } from "./scenarios-page";
