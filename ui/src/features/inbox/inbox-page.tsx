import { useNavigate } from "@tanstack/react-router";
import { Copy, Globe, Inbox as InboxIcon, SlidersHorizontal, Split, Zap } from "lucide-react";
import { useCallback, useEffect, useMemo, useState, useSyncExternalStore, type ReactNode } from "react";
import { Group, Panel, Separator, useDefaultLayout } from "react-resizable-panels";

import { RulesDialog } from "./rules-dialog";
import { api } from "../../api/client";
import { ExportDialog } from "../import-export";
import { CommandMenu, firstKeys, perform, useCommands } from "../../app/commands";
import { useInboxes, useStatus, useTunnels } from "../../api/queries";
import { SearchList, RequestDetail, RequestList, InboxList, type Rows } from "../request";
import { Button, IconButton } from "../../ui/button";
import { Notice } from "../../ui/notice";
import { count, moment } from "../../ui/format";
import { attempt, offerUndo, tell, tellFailure } from "../../ui/toasts";
import { CallError, platform } from "../../platform";
import { AddTerm, QueryBar, withTerm } from "../search";
import { ReplayDialog, type Replayed } from "../replay";
import { OfflineBacklog } from "../tunnel";
import { FirstRun, NotListening } from "./first-run";
import { InboxSettings } from "./inbox-settings";

const MENU = ["copy-public-url", "answering", "replay-many", "mark-read", "import", "export", "clear"] as const;
const ALL_MENU = ["replay-many", "import", "export"] as const;

const WIDE = matchMedia("(min-width: 768px)");
const useWide = (): boolean =>
  useSyncExternalStore(
    (listener) => (WIDE.addEventListener("change", listener), () => WIDE.removeEventListener("change", listener)),
    () => WIDE.matches,
  );

/** The replay dialog of a list, and the keys that open it; R sends at once to where requests went last. */
function Replaying({ what }: { what: Replayed }) {
  const [open, setOpen] = useState<"one" | "edit" | "many">();
  const replay = async (request: string): Promise<void> => {
    try {
      await api.beginReplay({ requests: [request] });
    } catch (failure) {
      if (failure instanceof CallError && failure.code === "no_target") setOpen("one");
      else tellFailure(failure);
    }
  };
  const { request } = what;
  useCommands({
    ...(request && { replay: () => void replay(request), "edit-replay": () => setOpen("edit") }),
    "replay-many": () => setOpen("many"),
  });
  return (
    <ReplayDialog
      open={open !== undefined}
      onClose={() => setOpen(undefined)}
      what={what}
      edit={open === "edit"}
      many={open === "many"}
    />
  );
}

/** Shows a list as long as it is the one that is wanted; until it is there, what showed before stays. */
function useShown<L extends Rows>(wanted: L): L {
  useEffect(() => () => wanted.end(), [wanted]);
  useSyncExternalStore(wanted.subscribe, () => wanted.version);
  const [shown, setShown] = useState(wanted);
  if (shown !== wanted && wanted.loaded) setShown(wanted);
  return wanted.loaded ? wanted : shown;
}

export function InboxPage({ name, request, query }: { name: string; request: string | undefined; query: string }) {
  const inboxes = useInboxes();
  const known = inboxes.data?.items.some((inbox) => inbox.name === name);
  if (inboxes.data && !known) {
    return (
      <div className="p-6">
        <Notice icon={InboxIcon} tone="plain" title={`There is no inbox ${name}`}>
          It was deleted or renamed. Choose another on the left, or make one.{" "}
          <Button onClick={() => perform("new-inbox")}>New inbox</Button>
        </Notice>
      </div>
    );
  }
  return inboxes.data ? <Known key={name} name={name} request={request} query={query} /> : null;
}

function Known({ name, request, query }: { name: string; request: string | undefined; query: string }) {
  const list = useShown<Rows>(
    useMemo(() => (query ? new SearchList(name, query) : new InboxList(name)), [name, query]),
  );
  const inbox = useInboxes().data?.items.find((one) => one.name === name);
  const receiver = useStatus().data?.receiver;
  const [settings, setSettings] = useState(false);
  const [answering, setAnswering] = useState(false);
  const [exporting, setExporting] = useState(false);
  const navigate = useNavigate();
  const wide = useWide();

  const url =
    receiver?.state === "listening"
      ? `${receiver.url}/${name}`
      : `http://${receiver?.state === "failed" ? receiver.address : "…"}/${name}`;
  const start = receiver?.state === "failed" ? <NotListening /> : <FirstRun url={url} />;
  const show = useCallback(
    (id: string | undefined, q: string, replace: boolean) =>
      void navigate({
        to: "/inbox/$inbox/{-$request}",
        params: { inbox: name, request: id },
        search: q ? { q } : {},
        replace,
      }),
    [navigate, name],
  );
  const pick = useCallback((id: string) => show(id, query, Boolean(request)), [show, query, request]);
  const leave = (): void => show(undefined, query, false);
  /** After a deletion the next older request is shown, else the next newer. */
  const afterDelete = (): void => {
    const at = request ? list.indexOf(request) : -1;
    const next = at >= 0 ? (list.at(at + 1 < list.length ? at + 1 : at - 1)?.id ?? null) : null;
    if (next) pick(next);
    else leave();
  };
  const copyUrl = (): void => void attempt(platform.copyText(url).then(() => tell("Copied URL")));
  const exposure = useTunnels()
    .data?.items.flatMap(({ exposures }) => exposures)
    .find((one) => one.inbox === name);
  const copyPublic = (): void => {
    if (exposure) void attempt(platform.copyText(exposure.url).then(() => tell("Copied public URL")));
    else void navigate({ to: "/tunnels" });
  };
  useCommands({
    "copy-public-url": copyPublic,
    "test-event": () => void attempt(api.sendTestEvent(name)),
    "copy-url": copyUrl,
    "mark-read": () => void attempt(api.markInboxRead(name)),
    "inbox-settings": () => setSettings(true),
    answering: () => setAnswering(true),
    export: () => setExporting(true),
    clear: () =>
      void attempt(
        api
          .clearInbox(name)
          .then((removal) => offerUndo(`${removal.requests} requests deleted`, () => api.undo(removal.id))),
      ),
  });

  const blank = !query && list.loaded && list.length === 0;
  const listPane = (
    <section aria-label={`Inbox ${name}`} className="flex h-full min-w-0 flex-col bg-pane">
      <header className={`flex items-center gap-2 p-2.5 ${blank ? "border-b border-line" : ""}`}>
        <div className="control flex min-w-0 flex-1 items-center gap-2 rounded-[7px] border border-line bg-background pl-3">
          <InboxIcon size={15} aria-hidden className="shrink-0 text-accent" />
          <code className="min-w-0 flex-1 truncate font-mono text-data" data-testid="url">
            {url}
          </code>
          <IconButton label="Copy URL" icon={Copy} keys={firstKeys("copy-url")} onClick={copyUrl} />
        </div>
        {exposure && (
          <IconButton
            label="Copy the public URL"
            icon={Globe}
            keys={firstKeys("copy-public-url")}
            onClick={copyPublic}
          />
        )}
        <IconButton
          label="Send a test event"
          icon={Zap}
          keys={firstKeys("test-event")}
          onClick={() => perform("test-event")}
        />
        <IconButton
          label="Rules and forwards"
          icon={Split}
          keys={firstKeys("answering")}
          onClick={() => setAnswering(true)}
        />
        <IconButton
          label="Inbox settings"
          icon={SlidersHorizontal}
          keys={firstKeys("inbox-settings")}
          onClick={() => setSettings(true)}
        />
        <CommandMenu label="More for this inbox" commands={MENU} />
      </header>
      {exposure && exposure.away > 0 && (
        <div className="px-2.5 pb-2.5">
          <OfflineBacklog exposure={exposure} />
        </div>
      )}
      {!blank && (
        <QueryBar query={query} onQuery={(q) => show(request, q, true)} inbox={name} onLeave={() => focusList()} />
      )}
      {blank ? (
        wide ? (
          <p className="p-6 text-center text-ink-3">Nothing has arrived yet.</p>
        ) : (
          start
        )
      ) : (
        <Found list={list} selected={request} onPick={pick} />
      )}
    </section>
  );
  const detailPane = request ? (
    <RequestDetail key={request} id={request} onLeave={leave} onGone={afterDelete} />
  ) : blank ? (
    start
  ) : !list.loaded ? null : (
    <div className="flex h-full items-center justify-center p-8 text-ink-2">Choose a request to look into it.</div>
  );
  return (
    <AddTerm value={(one, not) => show(request, withTerm(query, one, not), false)}>
      <Panes list={listPane} detail={detailPane} opened={Boolean(request)} />
      <ExportDialog open={exporting} onClose={() => setExporting(false)} what={{ query, inbox: name, request }} />
      <Replaying what={{ query, inbox: name, request }} />
      {inbox && <RulesDialog inbox={inbox} open={answering} onClose={() => setAnswering(false)} />}
      {inbox && <InboxSettings inbox={inbox} open={settings} onClose={() => setSettings(false)} />}
    </AddTerm>
  );
}

/** Requests of every inbox. */
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
  useCommands({ export: () => setExporting(true) });
  return (
    <AddTerm value={(one, not) => show(request, withTerm(query, one, not), false)}>
      <ExportDialog open={exporting} onClose={() => setExporting(false)} what={{ query, inbox: undefined, request }} />
      <Replaying what={{ query, inbox: undefined, request }} />
      <Panes
        opened={Boolean(request)}
        list={
          <section aria-label="All requests" className="flex h-full min-w-0 flex-col bg-pane">
            <header className="flex h-[51px] items-center px-4">
              <h1 className="flex-1 text-title font-semibold tracking-tight">All requests</h1>
              <CommandMenu label="More for these requests" commands={ALL_MENU} />
            </header>
            <QueryBar
              query={query}
              onQuery={(q) => show(request, q, true)}
              inbox={undefined}
              onLeave={() => focusList()}
            />
            <Found list={list} selected={request} onPick={pick} />
          </section>
        }
        detail={
          request ? (
            <RequestDetail key={request} id={request} onLeave={leave} onGone={leave} />
          ) : (
            <div className="flex h-full items-center justify-center p-8 text-ink-2">
              Choose a request to look into it.
            </div>
          )
        }
      />
    </AddTerm>
  );
}

const focusList = (): void => document.querySelector<HTMLElement>("[data-testid=requests]")?.focus();

/** A list, and how its search goes where there is one. */
function Found({ list, selected, onPick }: { list: Rows; selected: string | undefined; onPick: (id: string) => void }) {
  const found = list instanceof SearchList ? list : undefined;
  const back = found?.lookedTo;
  return (
    <>
      {found?.error ? (
        <p className="p-6 text-center text-invalid">{found.error.message}</p>
      ) : (
        found?.query && (
          <p role="status" className="border-b border-line px-4 py-1 text-small text-ink-2" data-testid="found">
            {!found.loaded
              ? "Searching…"
              : found.searching
                ? `${count(found.length)} so far${back ? `, searched back to ${moment(back.toISOString())}` : ""}…`
                : found.complete
                  ? `${count(found.length)} found`
                  : `${count(found.length)} and more`}
          </p>
        )
      )}
      {found?.error ? null : found?.loaded && found.complete && found.length === 0 ? (
        <p className="p-6 text-center text-ink-2">
          {found.query ? "Nothing stored matches this query." : "Nothing has arrived yet."}
        </p>
      ) : (
        <RequestList list={list} selected={selected} onPick={onPick} />
      )}
    </>
  );
}

/** List and detail side by side, or one of them where there is no room. */
function Panes({ list, detail, opened }: { list: ReactNode; detail: ReactNode; opened: boolean }) {
  const layout = useDefaultLayout({ id: "inbox", storage: localStorage });
  if (!useWide()) return <div className="h-full bg-pane">{opened ? detail : list}</div>;
  return (
    <Group {...layout} orientation="horizontal" className="h-full">
      <Panel id="list" defaultSize="42%" minSize="320px">
        {list}
      </Panel>
      <Separator
        aria-label="Width of the list"
        className="w-px bg-line outline-offset-0 hover:bg-accent data-[separator=active]:bg-accent"
      />
      <Panel id="detail" minSize="320px" className="bg-pane">
        {detail}
      </Panel>
    </Group>
  );
}
