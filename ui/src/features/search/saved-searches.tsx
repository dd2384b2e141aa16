import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { BellRing, Bookmark, X } from "lucide-react";

import { api, type SavedSearch } from "../../api/client";
import { keys } from "../../api/keys";
import { useSavedSearches } from "../../api/queries";
import { IconButton } from "../../ui/button";
import { count } from "../../ui/format";
import { attempt, offerUndo } from "../../ui/toasts";

/** Counts the matching requests, call by call, up to 1,000. */
async function counted(saved: SavedSearch): Promise<{ requests: number; more: boolean }> {
  let requests = 0;
  let after: string | undefined;
  for (;;) {
    const {
      requests: found,
      more,
      next,
    } = await api.countRequests({ q: saved.query, inbox: saved.inbox ?? undefined, after });
    requests += found;
    if (more || !next || requests >= 1000) return { requests, more };
    after = next;
  }
}

function Count({ saved }: { saved: SavedSearch }) {
  const found = useQuery({
    queryKey: [...keys.savedSearchCounts, saved.query, saved.inbox],
    queryFn: () => counted(saved),
    staleTime: 5_000,
  }).data;
  return (
    <span className="text-small text-ink-2 @max-[68.75rem]/app:sr-only">
      {found && (found.more ? `${count(found.requests)}+` : count(found.requests))}
    </span>
  );
}

const ENTRY =
  "control flex min-w-0 flex-1 items-center gap-2.5 rounded-[7px] px-2 text-ink-2 hover:bg-hover @max-[68.75rem]/app:justify-center @max-[68.75rem]/app:px-0";

/** The saved searches in the sidebar, each with its number of matching requests. */
export function SavedSearches() {
  const saved = useSavedSearches().data?.items ?? [];
  if (saved.length === 0) return null;
  const remove = (one: SavedSearch): void =>
    void attempt(
      api
        .deleteSearch(one.name)
        .then(() =>
          offerUndo(`${one.name} deleted`, () =>
            api.saveSearch(one.name, { query: one.query, inbox: one.inbox, alert: one.alert }),
          ),
        ),
    );
  return (
    <>
      <h2 className="mt-3 pl-2 text-small font-semibold text-ink-2 @max-[68.75rem]/app:sr-only">Saved searches</h2>
      <ul>
        {saved.map((one) => (
          <li key={one.name} className="group flex items-center">
            <Link
              {...(one.inbox
                ? { to: "/inbox/$inbox/{-$request}", params: { inbox: one.inbox, request: undefined } }
                : { to: "/requests/{-$request}", params: { request: undefined } })}
              search={{ q: one.query }}
              className={ENTRY}
              title={one.name}
            >
              {one.alert ? (
                <BellRing size={14} aria-label="alert on" className="shrink-0" />
              ) : (
                <Bookmark size={14} aria-hidden className="shrink-0" />
              )}
              <span className="min-w-0 flex-1 truncate @max-[68.75rem]/app:sr-only">{one.name}</span>
              <Count saved={one} />
            </Link>
            <IconButton
              label={`Delete ${one.name}`}
              icon={X}
              className="hidden h-6! group-focus-within:inline-flex group-hover:inline-flex @max-[68.75rem]/app:hidden!"
              onClick={() => remove(one)}
            />
          </li>
        ))}
      </ul>
    </>
  );
}
