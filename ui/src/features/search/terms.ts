/** Formats terms of a query so that the query language parses them back to the same values. */
import { createContext, useContext } from "react";

/** A value as it is written in a query: in quotes where it would read as something else. */
export function quoted(value: string): string {
  const plain = value !== "" && !/[\s"()*]/.test(value) && !/^[/<>=]/.test(value);
  return plain ? value : `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/** A field with a value. */
export const term = (field: string, value: string): string => `${field}:${quoted(value)}`;

/** Formats keys and indexes as a path after `body`, such as `.data.items[*]."odd key"`. An index becomes `[*]`. */
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

/** A query with one more term, or without it where it was there already. */
export function withTerm(query: string, one: string, not: boolean): string {
  const added = not ? `-${one}` : one;
  const opposite = not ? one : `-${one}`;
  const padded = ` ${query.trim()} `;
  if (padded.includes(` ${added} `)) return query.trim();
  if (padded.includes(` ${opposite} `)) return padded.replace(` ${opposite} `, ` ${added} `).trim();
  // An `or` would take the new term for its last branch alone.
  const bound = /(^|\s)or\s/i.test(query) ? `(${query.trim()})` : query.trim();
  return `${bound} ${added}`.trim();
}

/** Adds a term to the query of the list a value belongs to. */
export const AddTerm = createContext<((one: string, not: boolean) => void) | undefined>(undefined);
export const useAddTerm = () => useContext(AddTerm);
