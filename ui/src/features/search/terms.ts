/** Formatting of query terms. The query language parses them back to the same values. */
import { createContext, useContext } from "react";

/** Returns a value in query syntax, quoted if it would be parsed differently. */
export function quoted(value: string): string {
  const plain = value !== "" && !/[\s"()*]/.test(value) && !/^[/<>=]/.test(value);
  return plain ? value : `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/** Returns a term for a field and a value. */
export const term = (field: string, value: string): string => `${field}:${quoted(value)}`;

/** Formats keys and indexes as a path after `body`, such as `.data.items[*]."two words"`. An index becomes `[*]`. */
export const bodyPath = (steps: readonly (string | number)[]): string =>
  "body" +
  steps
    .map((step) =>
      typeof step === "number"
        ? "[*]"
        : /^[^\s.[\]():=<>"\\*]+$/.test(step)
          ? `.${step}`
          : `."${step.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`,
    )
    .join("");

/** Returns a query with a term added, or with the opposite term replaced. */
export function withTerm(query: string, one: string, not: boolean): string {
  const added = not ? `-${one}` : one;
  const opposite = not ? one : `-${one}`;
  const padded = ` ${query.trim()} `;
  if (padded.includes(` ${added} `)) return query.trim();
  if (padded.includes(` ${opposite} `)) return padded.replace(` ${opposite} `, ` ${added} `).trim();
  // Without parentheses, the new term would belong only to the last branch of an `or`.
  const bound = /(^|\s)or\s/i.test(query) ? `(${query.trim()})` : query.trim();
  return `${bound} ${added}`.trim();
}

/** Function that adds a term to the query of the surrounding list. */
export const AddTerm = createContext<((one: string, not: boolean) => void) | undefined>(undefined);
export const useAddTerm = () => useContext(AddTerm);
