export { AllRequestsPage, InboxPage } from "./inbox-page";
export { NewInbox } from "./inbox-settings";
