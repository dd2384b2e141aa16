export { useMatches } from "./count-matches";
export { QueryBar } from "./query-bar";
export { SavedSearches } from "./saved-searches";
export { TermButtons } from "./term-buttons";
export { FoundText, useFoundText } from "./found-text";
export { AddTerm, bodyPath, term, useAddTerm, withTerm } from "./terms";
