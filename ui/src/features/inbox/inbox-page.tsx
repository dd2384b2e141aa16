import { useNavigate } from "@tanstack/react-router";
import { Inbox as InboxIcon } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import { api } from "../../api/client";
import { useInboxes, useStatus, useTunnels } from "../../api/queries";
import { perform, useCommands } from "../../app/commands";
import { platform } from "../../platform";
import { Button } from "../../ui/button";
import { Notice } from "../../ui/notice";
import { attempt, offerUndo } from "../../ui/toasts";
import { copyText } from "../../ui/transfer";
import { ExportDialog } from "../import-export";
import { InboxList, RequestDetail, SearchList, type Rows } from "../request";
import { AddTerm, FoundText, QueryBar, withTerm } from "../search";
import { TrafficStrip } from "../traffic";
import { OfflineBacklog } from "../tunnel";
import { Checklist, useChecklist } from "./checklist";
import { Detection } from "./detection";
import { FirstRun, NotListening } from "./first-run";
import { InboxHeader } from "./inbox-header";
import { InboxSettings } from "./inbox-settings";
import { ListReplay } from "./list-replay";
import { NothingChosen, Panes } from "./panes";
import { focusList, Found, useShown } from "./request-pane";
import { useWide } from "./use-wide";

interface Props {
  name: string;
  request: string | undefined;
  query: string;
}

export function InboxPage({ name, request, query }: Props) {
  const inboxes = useInboxes();
  const known = inboxes.data?.items.some((inbox) => inbox.name === name);
  if (inboxes.data && !known) {
    return (
      <div className="p-6">
        <Notice icon={InboxIcon} tone="plain" title={`Inbox ${name} not found`}>
          The inbox was deleted or renamed. Choose another one on the left, or create one.{" "}
          <Button onClick={() => perform("new-inbox")}>New inbox</Button>
        </Notice>
      </div>
    );
  }
  return inboxes.data ? <KnownInbox key={name} name={name} request={request} query={query} /> : null;
}

/** Returns the URL for senders. While the listener cannot listen, the URL has its configured address. */
function useInboxUrl(name: string): { url: string; failed: boolean } {
  const listener = useStatus().data?.listener;
  if (listener?.state === "listening") return { url: `${listener.url}/${name}`, failed: false };
  const failed = listener?.state === "failed";
  return { url: `http://${failed ? listener.address : "…"}/${name}`, failed };
}

/** Returns the exposure of the inbox. Undefined if it is not exposed. */
const useExposure = (name: string) =>
  useTunnels()
    .data?.items.flatMap(({ exposures }) => exposures)
    .find(({ inbox }) => inbox === name);

/** Returns a function that navigates to a request of the inbox. */
function useShow(name: string) {
  const navigate = useNavigate();
  return useCallback(
    (id: string | undefined, q: string, replace: boolean) =>
      void navigate({
        to: "/inbox/$inbox/{-$request}",
        params: { inbox: name, request: id },
        search: q ? { q } : {},
        replace,
      }),
    [navigate, name],
  );
}

function KnownInbox({ name, request, query }: Props) {
  const list = useShown<Rows>(
    useMemo(() => (query ? new SearchList(name, query) : new InboxList(name)), [name, query]),
  );
  const wide = useWide();
  const { url, failed } = useInboxUrl(name);
  const exposure = useExposure(name);
  const start = failed ? <NotListening /> : <FirstRun url={url} />;
  const [isStale, setStale] = useState(false);
  const show = useShow(name);
  const pick = useCallback((id: string) => show(id, query, Boolean(request)), [show, query, request]);
  const leave = (): void => show(undefined, query, false);
  /** Opens the next older request after a deletion, else the next newer one. */
  const afterDelete = (): void => {
    const at = request ? list.indexOf(request) : -1;
    const next = at >= 0 ? (list.at(at + 1 < list.length ? at + 1 : at - 1)?.id ?? null) : null;
    if (next) pick(next);
    else leave();
  };
  const blank = !query && list.loaded && list.length === 0;
  const inbox = useInboxes().data?.items.find((one) => one.name === name);
  const withChecklist = useChecklist(inbox) && !query;
  useFirstArrival(list, blank, request, pick);
  const navigate = useNavigate();
  const everywhere = (): void =>
    void navigate({ to: "/requests/{-$request}", params: { request }, search: { q: query } });
  const found = request ? list.at(list.indexOf(request))?.snippet?.matched : undefined;
  const listPane = (
    <section aria-label={`Inbox ${name}`} className="flex h-full min-w-0 flex-col bg-pane">
      <InboxHeader
        name={name}
        url={url}
        isPublic={exposure !== undefined}
        rules={(inbox?.rules.length ?? 0) + (inbox?.forwards.length ?? 0)}
        blank={blank}
        onEverywhere={query ? everywhere : undefined}
      />
      {exposure && exposure.backlog > 0 && (
        <div className="px-2.5 pb-2.5">
          <OfflineBacklog exposure={exposure} />
        </div>
      )}
      {blank ? (
        wide ? (
          <p className="flex-1 p-6 text-center text-ink-2">Nothing has arrived yet.</p>
        ) : (
          start
        )
      ) : (
        <>
          <QueryBar
            query={query}
            onQuery={(q) => show(request, q, true)}
            inbox={name}
            onLeave={focusList}
            onFault={setStale}
          />
          <TrafficStrip inbox={name} query={query} onQuery={(q) => show(request, q, true)} />
          {inbox && !withChecklist && <Detection inbox={inbox} />}
          <Found
            list={list}
            selected={request}
            inbox={name}
            isStale={isStale}
            onPick={pick}
            onEverywhere={everywhere}
            onClear={() => show(request, "", true)}
          />
        </>
      )}
      {inbox && withChecklist && (!blank || wide) && (
        <Checklist inbox={inbox} url={url} isPublic={exposure !== undefined} />
      )}
    </section>
  );
  const detailPane = request ? (
    <RequestDetail key={request} id={request} onLeave={leave} onGone={afterDelete} />
  ) : blank ? (
    start
  ) : list.loaded ? (
    <NothingChosen />
  ) : null;
  return (
    <AddTerm value={(one, not) => show(request, withTerm(query, one, not), false)}>
      <FoundText value={found ?? ""}>
        <Panes list={listPane} detail={detailPane} opened={Boolean(request)} />
      </FoundText>
      <InboxDialogs name={name} request={request} query={query} url={url} publicUrl={exposure?.url} />
    </AddTerm>
  );
}

/** Opens the first request that arrives in an empty inbox. Later ones do not open themselves. */
function useFirstArrival(list: Rows, blank: boolean, request: string | undefined, pick: (id: string) => void): void {
  const waits = useRef(false);
  const first = list.at(0)?.id;
  useEffect(() => {
    if (blank) waits.current = true;
    else if (first && waits.current) {
      waits.current = false;
      if (!request) pick(first);
    }
  }, [blank, first, request, pick]);
}

/** The commands of an inbox, and the dialogs they open. */
function InboxDialogs({
  name,
  request,
  query,
  url,
  publicUrl,
}: Props & { url: string; publicUrl: string | undefined }) {
  const inbox = useInboxes().data?.items.find((one) => one.name === name);
  const [open, setOpen] = useState<"settings" | "export">();
  const navigate = useNavigate();
  const close = (): void => setOpen(undefined);
  const what = { query, inbox: name, request };
  const clear = async (): Promise<void> => {
    const deletion = await attempt(api.clearInbox(name));
    if (deletion) offerUndo(`${deletion.requests} requests deleted`, () => api.undo(deletion.id));
  };
  useCommands({
    "copy-public-url": () =>
      publicUrl === undefined ? void navigate({ to: "/tunnels" }) : copyText(publicUrl, "public URL"),
    "test-event": () => void attempt(api.sendTestEvent(name)),
    "copy-url": () => copyText(url, "URL"),
    "mark-read": () => void attempt(api.markInboxRead(name)),
    "inbox-settings": () => setOpen("settings"),
    rules: () => void navigate({ to: "/rules/$inbox", params: { inbox: name }, search: request ? { request } : {} }),
    "new-request": () => void navigate({ to: "/compose", search: {} }),
    "new-window": () => platform.openWindow(location.pathname + location.search),
    export: () => setOpen("export"),
    clear: () => void clear(),
  });
  return (
    <>
      <ExportDialog open={open === "export"} onClose={close} what={what} />
      <ListReplay what={what} />
      {inbox && <InboxSettings inbox={inbox} open={open === "settings"} onClose={close} />}
    </>
  );
}
