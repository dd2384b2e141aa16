export { CustomScheme } from "./custom-scheme";
export { DebuggerPage } from "./debugger-page";
export { ExplanationView } from "./explanation";
export { SecretDialog } from "./secret-dialog";
export { SignatureStatus } from "./signature-status";
export { Handlers, Snippets } from "./snippets";
export { Subscription } from "./subscription";
export { VerificationForm } from "./verification-form";
