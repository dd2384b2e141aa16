/** The list of requests and the progress of its search. */
import { useEffect, useState, useSyncExternalStore } from "react";

import { useInboxes, useStatus } from "../../api/queries";
import { perform } from "../../app/commands";
import { Button } from "../../ui/button";
import { count } from "../../ui/format";
import { addToSelection, RequestList, SearchList, type Rows } from "../request";
import { useMatches } from "../search";

/** Maximum number of requests that a click selects. */
const SELECTED_MAX = 500;

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

/** A list of requests, with the number of matches if it is a search. */
export function Found({
  list,
  selected,
  inbox,
  isStale,
  onPick,
  onEverywhere,
  onClear,
}: {
  list: Rows;
  /** True if the query bar has an invalid query, so that the list belongs to an earlier one. */
  isStale: boolean;
  selected: string | undefined;
  /** Undefined for a list of all inboxes. */
  inbox: string | undefined;
  onPick: (id: string) => void;
  /** Searches all inboxes instead. */
  onEverywhere?: () => void;
  onClear: () => void;
}) {
  const found = list instanceof SearchList ? list : undefined;
  const isEmpty = found?.loaded && found.complete && found.length === 0;
  return (
    <>
      {found?.query && !found.error && !isStale && <Progress list={found} inbox={inbox} />}
      {found?.error ? (
        <p className="p-6 text-center text-invalid">{found.error.message}</p>
      ) : isEmpty ? (
        <div className="p-8 text-center text-ink-2">
          <p className="mb-3">{found.query ? "No stored request matches this search." : "Nothing has arrived yet."}</p>
          {found.query && (
            <span className="inline-flex gap-2">
              {onEverywhere && <Button onClick={onEverywhere}>Search all inboxes</Button>}
              <Button onClick={onClear}>Clear search</Button>
            </span>
          )}
        </div>
      ) : (
        <div className={`flex min-h-[152px] flex-1 flex-col ${isStale ? "opacity-50" : ""}`}>
          <RequestList list={list} selected={selected} isAll={inbox === undefined} onPick={onPick} />
        </div>
      )}
    </>
  );
}

/** The number of matches of all requests, the place of the open one, and actions on all matches. */
function Progress({ list, inbox }: { list: SearchList; inbox: string | undefined }) {
  const { matches, isExact } = useMatches(list.query, inbox);
  const inboxes = useInboxes().data?.items;
  const stored = useStatus().data?.requests;
  const all = inbox === undefined ? stored : inboxes?.find(({ name }) => name === inbox)?.requests;
  const number = list.complete ? list.length + list.unseen : matches;
  const exact = list.complete || isExact;
  const loaded = Math.min(list.length, SELECTED_MAX);
  const select = (): void =>
    addToSelection(Array.from({ length: loaded }, (_, place) => list.at(place)?.id).filter((id) => id !== undefined));
  return (
    <p
      role="status"
      className="flex h-7 shrink-0 items-center gap-3 border-b border-line px-3 text-small text-ink-2"
      data-testid="found"
    >
      <span>
        <strong className="font-semibold text-ink">
          {count(number)}
          {!exact && "+"}
        </strong>
        {all !== undefined && ` of ${count(all)}`}
        {!exact && " …"}
      </span>
      <span className="ml-auto flex gap-3 whitespace-nowrap">
        {number > 0 && (
          <>
            <button type="button" className="font-medium text-accent" onClick={() => perform("replay-many")}>
              Replay all
            </button>
            <button type="button" className="font-medium text-accent" onClick={select}>
              Select {count(loaded)}
            </button>
          </>
        )}
        <button type="button" className="font-medium text-accent" onClick={() => perform("save-query")}>
          Save search
        </button>
      </span>
    </p>
  );
}
