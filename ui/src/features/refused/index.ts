export { RefusedPage, dismissRefused } from "./refused-page";
export { refusedText } from "./refused";
