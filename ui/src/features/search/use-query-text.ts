/** The text of the query bar, and how the engine parses it. */
import { useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import { api, type Completion, type ReadQuery } from "../../api/client";
import { useSettled } from "../../ui/settled";
import { history } from "./search-history";

/** Wait for the next key before a query is read and run. */
const TYPED_MS = 30;
/** Pause in typing after which an error shows: half a term is not yet a mistake. */
const ERROR_MS = 700;

/** The text of the bar, and `run`, which puts it into the address if it is not there. */
export function useQueryText(query: string, onQuery: (query: string) => void) {
  const [text, setText] = useState(query);
  /** The query last put into the address, which changes a moment later. */
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
  // Another view of the same list, or a term added to it, changes the text.
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
  // Behind a space a new term may begin, or the query be done: what was found is not covered.
  if (!asked && /\S\s$/.test(before)) return [];
  const completions = read?.completions ?? [];
  if (text.trim() === "") {
    const length = [...text].length;
    return [...history().map((one) => ({ text: one, means: "asked before", at: 0, length })), ...completions];
  }
  return completions.filter((one) => before.slice(one.at).toLowerCase() !== one.text.trim().toLowerCase());
}

/** The text with a completion in its place, and where the caret is then, in UTF-16 units. */
export function completed(text: string, { at, length, text: added }: Completion): { text: string; caret: number } {
  const characters = [...text];
  return {
    text: [...characters.slice(0, at), added, ...characters.slice(at + length)].join(""),
    caret: at + [...added].length,
  };
}
