import { useNavigate } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";

import { CommandMenu, useCommands } from "../../app/commands";
import { platform } from "../../platform";
import { ExportDialog } from "../import-export";
import { RequestDetail, SearchList } from "../request";
import { AddTerm, FoundText, QueryBar, withTerm } from "../search";
import { TrafficStrip } from "../traffic";
import { ListReplay } from "./list-replay";
import { NothingChosen, Panes } from "./panes";
import { focusList, Found, useShown } from "./request-pane";

const MENU = ["replay-many", "import", "export"] as const;

/** The page of the requests of all inboxes. */
export function AllRequestsPage({ request, query }: { request: string | undefined; query: string }) {
  const list = useShown(useMemo(() => new SearchList(undefined, query), [query]));
  const navigate = useNavigate();
  const show = useCallback(
    (id: string | undefined, q: string, replace: boolean) =>
      void navigate({ to: "/requests/{-$request}", params: { request: id }, search: q ? { q } : {}, replace }),
    [navigate],
  );
  const pick = useCallback((id: string) => show(id, query, Boolean(request)), [show, query, request]);
  const leave = (): void => show(undefined, query, false);
  const [exporting, setExporting] = useState(false);
  const [isStale, setStale] = useState(false);
  useCommands({
    export: () => setExporting(true),
    "new-window": () => platform.openWindow(location.pathname + location.search),
  });
  const found = request ? list.at(list.indexOf(request))?.snippet?.matched : undefined;
  const what = { query, inbox: undefined, request };
  return (
    <AddTerm value={(one, not) => show(request, withTerm(query, one, not), false)}>
      <ExportDialog open={exporting} onClose={() => setExporting(false)} what={what} />
      <ListReplay what={what} />
      <FoundText value={found ?? ""}>
        <Panes
          opened={Boolean(request)}
          list={
            <section aria-label="All requests" className="flex h-full min-w-0 flex-col bg-pane">
              <header className="flex h-[51px] items-center px-4">
                <h1 className="flex-1 text-title font-semibold tracking-tight">All requests</h1>
                <CommandMenu label="More list actions" commands={MENU} />
              </header>
              <QueryBar
                query={query}
                onQuery={(q) => show(request, q, true)}
                inbox={undefined}
                onLeave={focusList}
                onFault={setStale}
              />
              <TrafficStrip inbox={undefined} query={query} onQuery={(q) => show(request, q, true)} />
              <Found
                list={list}
                selected={request}
                inbox={undefined}
                isStale={isStale}
                onPick={pick}
                onClear={() => show(request, "", true)}
              />
            </section>
          }
          detail={
            request ? <RequestDetail key={request} id={request} onLeave={leave} onGone={leave} /> : <NothingChosen />
          }
        />
      </FoundText>
    </AddTerm>
  );
}
