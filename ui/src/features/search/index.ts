export { QueryBar } from "./query-bar";
export { SavedSearches } from "./saved-searches";
export { TermButtons } from "./term-buttons";
export { AddTerm, bodyPath, term, withTerm } from "./terms";
