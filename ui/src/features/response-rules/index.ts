export { Entries, entry, type Entry, When } from "./entries";
export { ANSWER } from "./response-form";
export { newRule, RuleFields } from "./rule-form";
