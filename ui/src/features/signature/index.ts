export { CustomScheme } from "./custom-scheme";
export { DebuggerPage } from "./debugger-page";
export { ExplanationView } from "./explanation";
export { SignatureStatus } from "./signature-status";
export { Handlers, Snippets } from "./snippets";
export { Subscription } from "./subscription";
export { VerificationForm } from "./verification-form";
