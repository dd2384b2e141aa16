/** The list of requests and the progress of its search. */
import { useEffect, useState, useSyncExternalStore } from "react";

import { count, moment } from "../../ui/format";
import { RequestList, SearchList, type Rows } from "../request";

/** Returns the wanted list once it is loaded. Until then, returns the previous list. */
export function useShown<L extends Rows>(wanted: L): L {
  useEffect(() => () => wanted.end(), [wanted]);
  useSyncExternalStore(wanted.subscribe, () => wanted.version);
  const [shown, setShown] = useState(wanted);
  if (shown !== wanted && wanted.loaded) setShown(wanted);
  return wanted.loaded ? wanted : shown;
}

/** Moves the focus to the list. */
export const focusList = (): void => document.querySelector<HTMLElement>("[data-testid=requests]")?.focus();

/** Describes the progress of a search. */
function progress({ loaded, searching, complete, length, lookedTo }: SearchList): string {
  if (!loaded) return "Searching…";
  if (searching)
    return `${count(length)} so far${lookedTo ? `, searched back to ${moment(lookedTo.toISOString())}` : ""}…`;
  return complete ? `${count(length)} found` : `${count(length)}+ found`;
}

/** A list of requests, with the progress of its search if it has one. */
export function Found({
  list,
  selected,
  onPick,
}: {
  list: Rows;
  selected: string | undefined;
  onPick: (id: string) => void;
}) {
  const found = list instanceof SearchList ? list : undefined;
  return (
    <>
      {found?.error ? (
        <p className="p-6 text-center text-invalid">{found.error.message}</p>
      ) : (
        found?.query && (
          <p role="status" className="border-b border-line px-4 py-1 text-small text-ink-2" data-testid="found">
            {progress(found)}
          </p>
        )
      )}
      {found?.error ? null : found?.loaded && found.complete && found.length === 0 ? (
        <p className="p-6 text-center text-ink-2">
          {found.query ? "No stored request matches this search." : "Nothing has arrived yet."}
        </p>
      ) : (
        <RequestList list={list} selected={selected} onPick={onPick} />
      )}
    </>
  );
}
