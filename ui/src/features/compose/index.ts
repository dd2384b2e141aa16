export { ComposePage, type ComposeSource } from "./compose-page";
