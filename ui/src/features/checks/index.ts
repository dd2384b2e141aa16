export { CheckDialog } from "./check-form";
export { ChecksPage } from "./checks-page";
