/** Drafts in the browser storage, where they stay until they are discarded. */
import { useCallback, useEffect, useState } from "react";

import type { Draft, Sent, Work } from "./draft";

const PREFIX = "hookbench-draft-";
/** Maximum number of drafts that are kept. The oldest ones are discarded. */
const DRAFTS_MAX = 40;
/** Maximum size of a stored draft with its sends, in characters. */
const STORED_MAX = 400_000;
/** Maximum number of sends that are kept with a draft. */
const SENDS_MAX = 50;

function stored(key: string): Work | undefined {
  try {
    const text = localStorage.getItem(PREFIX + key);
    return text ? (JSON.parse(text) as { work: Work }).work : undefined;
  } catch {
    return undefined;
  }
}

/** Stores a draft. Secrets are not stored. */
function store(key: string, work: Work): void {
  const { draft, sends } = work;
  const safe: Work = {
    draft: { ...draft, secret: "" },
    sends: sends.slice(0, SENDS_MAX).map((one) => ({ ...one, draft: { ...one.draft, secret: "" } })),
  };
  let text = JSON.stringify({ at: Date.now(), work: safe });
  if (text.length > STORED_MAX) text = JSON.stringify({ at: Date.now(), work: { ...safe, sends: [] } });
  try {
    if (text.length <= STORED_MAX) localStorage.setItem(PREFIX + key, text);
    forgetOldest();
  } catch {
    // A full storage loses the draft at the end of the page, not before.
  }
}

function forgetOldest(): void {
  const keys = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
  if (keys.length <= DRAFTS_MAX) return;
  const age = (key: string): number => (JSON.parse(localStorage.getItem(key) ?? "{}") as { at?: number }).at ?? 0;
  const oldest = keys.toSorted((a, b) => age(a) - age(b));
  for (const key of oldest.slice(0, keys.length - DRAFTS_MAX)) localStorage.removeItem(key);
}

/**
 * Returns the draft of a source, and functions that change it. `first` is the draft without changes; undefined until
 * it is read.
 */
export function useWork(key: string, first: Draft | undefined) {
  const [work, setWork] = useState<Work | undefined>(() => stored(key));
  /** Grows when the draft is replaced, so that editors show it. */
  const [version, setVersion] = useState(0);
  useEffect(() => {
    if (first) setWork((now) => now ?? { draft: first, sends: [] });
  }, [first]);
  useEffect(() => {
    if (work) store(key, work);
  }, [key, work]);
  const set = useCallback(
    (change: Partial<Draft>) => setWork((now) => now && { ...now, draft: { ...now.draft, ...change } }),
    [],
  );
  const replace = useCallback((draft: Draft) => {
    setWork((now) => ({ sends: now?.sends ?? [], draft }));
    setVersion((now) => now + 1);
  }, []);
  const addSent = useCallback(
    (sent: Sent) => setWork((now) => now && { ...now, sends: [sent, ...now.sends].slice(0, SENDS_MAX) }),
    [],
  );
  return { work, version, set, replace, addSent };
}
