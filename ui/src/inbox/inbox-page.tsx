import { useNavigate } from "@tanstack/react-router";
import { Copy, Inbox as InboxIcon, SlidersHorizontal, Zap } from "lucide-react";
import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from "react";
import { Group, Panel, Separator, useDefaultLayout } from "react-resizable-panels";

import { api } from "../api/client";
import { firstKeys, perform } from "../commands/commands";
import { CommandMenu } from "../commands/command-menu";
import { useCommands } from "../commands/use-commands";
import { useInboxes, useStatus } from "../feed/live";
import { RequestList as List } from "../feed/request-list";
import { Button, IconButton, Notice } from "../parts/controls";
import { attempt, offerUndo, tell } from "../parts/toasts";
import { platform } from "../platform";
import { RequestDetail } from "../request/detail";
import { FirstRun, NotListening } from "./first-run";
import { InboxSettings } from "./inbox-settings";
import { RequestList } from "./request-list";

const MENU = ["mark-read", "clear"] as const;

const WIDE = matchMedia("(min-width: 768px)");
const useWide = (): boolean =>
  useSyncExternalStore(
    (listener) => (WIDE.addEventListener("change", listener), () => WIDE.removeEventListener("change", listener)),
    () => WIDE.matches,
  );

function useList(inbox: string): List {
  const list = useMemo(() => new List(inbox), [inbox]);
  useEffect(() => () => list.end(), [list]);
  return list;
}

export function InboxPage({ name, request }: { name: string; request: string | undefined }) {
  const inboxes = useInboxes();
  const known = inboxes.data?.items.some((inbox) => inbox.name === name);
  if (inboxes.data && !known) {
    return (
      <div className="p-6">
        <Notice icon={InboxIcon} tone="plain" title={`There is no inbox ${name}`}>
          It was deleted or renamed. Choose another on the left, or make one. <Button onClick={() => perform("new-inbox")}>New inbox</Button>
        </Notice>
      </div>
    );
  }
  return inboxes.data ? <Known key={name} name={name} request={request} /> : null;
}

function Known({ name, request }: { name: string; request: string | undefined }) {
  const list = useList(name);
  useSyncExternalStore(list.subscribe, () => list.version);
  const inbox = useInboxes().data?.items.find((one) => one.name === name);
  const receiver = useStatus().data?.receiver;
  const [settings, setSettings] = useState(false);
  const navigate = useNavigate();
  const wide = useWide();
  const layout = useDefaultLayout({ id: "inbox", storage: localStorage });

  const url = receiver?.state === "listening" ? `${receiver.url}/${name}` : `http://${receiver?.state === "failed" ? receiver.address : "…"}/${name}`;
  const start = receiver?.state === "failed" ? <NotListening /> : <FirstRun url={url} />;
  const pick = useCallback((id: string) => void navigate({ to: "/inbox/$inbox/{-$request}", params: { inbox: name, request: id }, replace: Boolean(request) }), [navigate, name, request]);
  const leave = (): void => void navigate({ to: "/inbox/$inbox/{-$request}", params: { inbox: name, request: undefined } });
  /** After a deletion the next older request is shown, else the next newer. */
  const afterDelete = (): void => {
    const at = request ? list.indexOf(request) : -1;
    const next = at >= 0 ? (list.at(at + 1 < list.length ? at + 1 : at - 1)?.id ?? null) : null;
    if (next) pick(next);
    else leave();
  };
  const copyUrl = (): void => void attempt(platform.copyText(url).then(() => tell("Copied URL")));
  useCommands({
    "test-event": () => void attempt(api.sendTestEvent(name)),
    "copy-url": copyUrl,
    "mark-read": () => void attempt(api.markInboxRead(name)),
    "inbox-settings": () => setSettings(true),
    clear: () => void attempt(api.clearInbox(name).then((removal) => offerUndo(`${removal.requests} requests deleted`, () => api.undo(removal.id)))),
  });

  const blank = list.loaded && list.length === 0;
  const listPane = (
    <section aria-label={`Inbox ${name}`} className="flex h-full min-w-0 flex-col bg-pane">
      <header className="flex items-center gap-2 border-b border-line p-2.5">
        <div className="control flex min-w-0 flex-1 items-center gap-2 rounded-[7px] border border-line bg-background pl-3">
          <InboxIcon size={15} aria-hidden className="shrink-0 text-accent" />
          <code className="min-w-0 flex-1 truncate font-mono text-data" data-testid="url">
            {url}
          </code>
          <IconButton label="Copy URL" icon={Copy} keys={firstKeys("copy-url")} onClick={copyUrl} />
        </div>
        <IconButton label="Send a test event" icon={Zap} keys={firstKeys("test-event")} onClick={() => perform("test-event")} />
        <IconButton label="Inbox settings" icon={SlidersHorizontal} keys={firstKeys("inbox-settings")} onClick={() => setSettings(true)} />
        <CommandMenu label="More for this inbox" commands={MENU} />
      </header>
      {blank ? wide ? <p className="p-6 text-center text-ink-3">Nothing has arrived yet.</p> : start : <RequestList list={list} selected={request} onPick={pick} />}
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
    <>
      {wide ? (
        <Group {...layout} orientation="horizontal" className="h-full">
          <Panel id="list" defaultSize="42%" minSize="320px">
            {listPane}
          </Panel>
          <Separator aria-label="Width of the list" className="w-px bg-line outline-offset-0 hover:bg-accent data-[separator=active]:bg-accent" />
          <Panel id="detail" minSize="320px" className="bg-pane">
            {detailPane}
          </Panel>
        </Group>
      ) : (
        <div className="h-full bg-pane">{request ? detailPane : listPane}</div>
      )}
      {inbox && <InboxSettings inbox={inbox} open={settings} onClose={() => setSettings(false)} />}
    </>
  );
}
