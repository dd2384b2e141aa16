export { AllRequestsPage } from "./all-requests-page";
export { InboxPage } from "./inbox-page";
export { NewInbox } from "./inbox-settings";
