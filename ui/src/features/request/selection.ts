/** The selected requests, across lists. */
import { useSyncExternalStore } from "react";

import { tell } from "../../ui/toasts";

/** Largest number of requests that one call can name; a query has no limit. */
const TICKED_MAX = 500;

let ticked: ReadonlySet<string> = new Set();
const listeners = new Set<() => void>();

function change(to: ReadonlySet<string>): void {
  if (to.size > TICKED_MAX) return tell(`At most ${TICKED_MAX} can be ticked; a query takes any number.`);
  ticked = to;
  listeners.forEach((listener) => listener());
}

export const useSelection = (): ReadonlySet<string> =>
  useSyncExternalStore(
    (listener) => (listeners.add(listener), () => listeners.delete(listener)),
    () => ticked,
  );

/** Selects a request, or removes it from the selection. */
export function toggleSelected(id: string): void {
  const rest = new Set(ticked);
  if (!rest.delete(id)) rest.add(id);
  change(rest);
}

export const addToSelection = (ids: readonly string[]): void => change(new Set([...ticked, ...ids]));

export const clearSelection = (): void => change(new Set());
