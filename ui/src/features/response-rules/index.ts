export { Entries, entry, type Entry, When } from "./entries";
export { EMPTY_RESPONSE } from "./response-form";
export { newRule, RuleFields } from "./rule-form";
export { unreachable } from "./unreachable";
