export { ForwardFields } from "./forward-form";
export { type OutgoingEdits, OutgoingFields } from "./outgoing-form";
