/** The selection of requests, shared by all lists. */
import { useSyncExternalStore } from "react";

import { tell } from "../../ui/toasts";

/** Maximum size of the selection, which is the limit of one API call. */
const SELECTED_MAX = 500;

let selected: ReadonlySet<string> = new Set();
const listeners = new Set<() => void>();

function change(to: ReadonlySet<string>): void {
  if (to.size > SELECTED_MAX) return tell(`At most ${SELECTED_MAX} requests can be selected. Use a search for more.`);
  selected = to;
  listeners.forEach((listener) => listener());
}

export const useSelection = (): ReadonlySet<string> =>
  useSyncExternalStore(
    (listener) => (listeners.add(listener), () => listeners.delete(listener)),
    () => selected,
  );

/** Selects a request, or removes it from the selection. */
export function toggleSelected(id: string): void {
  const rest = new Set(selected);
  if (!rest.delete(id)) rest.add(id);
  change(rest);
}

export const addToSelection = (ids: readonly string[]): void => change(new Set([...selected, ...ids]));

export const clearSelection = (): void => change(new Set());
