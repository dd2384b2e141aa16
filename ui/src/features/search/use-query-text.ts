/** The text of the query bar and its analysis by the engine. */
import { useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import { api, type Completion, type ReadQuery } from "../../api/client";
import { useSettled } from "../../ui/settled";
import { history } from "./search-history";

/** Pause in typing after which a query is parsed and run, in ms. */
const TYPED_MS = 8;
/** Pause in typing after which an error is shown, in ms. An incomplete term is not an error yet. */
const ERROR_MS = 700;

/** Returns the text of the bar, its setter, and `run`, which writes the query to the address. */
export function useQueryText(query: string, onQuery: (query: string) => void) {
  const [text, setText] = useState(query);
  /** Query last written to the address. The router updates the address asynchronously. */
  const inAddress = useRef(query);
  const latest = useRef(onQuery);
  useEffect(() => {
    latest.current = onQuery;
  });
  const run = useCallback((now: string): void => {
    if (now === inAddress.current) return;
    inAddress.current = now;
    latest.current(now);
  }, []);
  // Navigation, or a term added elsewhere, changes the text.
  useEffect(() => {
    if (query === inAddress.current) return;
    inAddress.current = query;
    setText(query);
  }, [query]);
  return { text, setText, run };
}

/** Parses the text, with completions at the caret if there is one. */
export function useReadQuery(text: string, caret: number | undefined) {
  const [typed, typedTo] = useSettled(
    useMemo(() => [text, caret] as const, [text, caret]),
    TYPED_MS,
  );
  const settled = useSettled(text, ERROR_MS);
  const { data: read, isPlaceholderData } = useQuery({
    queryKey: ["read-query", typed, typedTo],
    queryFn: () => api.readQuery(typed, typedTo),
    placeholderData: (before) => before,
    gcTime: 10_000,
    staleTime: 2_000,
  });
  return {
    read,
    /** True if the result belongs to the current text. */
    isRead: typed === text && !isPlaceholderData,
    error: settled === text ? read?.error : undefined,
  };
}

/** Returns the completions at the caret. */
export function completionsAt(
  text: string,
  caret: number | undefined,
  read: ReadQuery | undefined,
  asked: boolean,
): Completion[] {
  const before = [...text].slice(0, caret).join("");
  // After a space the query may be complete, so no completions cover the results.
  if (!asked && /\S\s$/.test(before)) return [];
  const completions = read?.completions ?? [];
  if (text.trim() === "") {
    const length = [...text].length;
    return [...history().map((one) => ({ text: one, means: "recent search", at: 0, length })), ...completions];
  }
  return completions.filter((one) => before.slice(one.at).toLowerCase() !== one.text.trim().toLowerCase());
}

/** Returns the text with a completion inserted, and the new position of the caret in UTF-16 units. */
export function completed(text: string, { at, length, text: added }: Completion): { text: string; caret: number } {
  const characters = [...text];
  return {
    text: [...characters.slice(0, at), added, ...characters.slice(at + length)].join(""),
    caret: at + [...added].length,
  };
}
