import { Link, useNavigate, useRouterState } from "@tanstack/react-router";
import {
  Braces,
  Clapperboard,
  ClipboardCheck,
  FlaskConical,
  Globe,
  Keyboard,
  Layers,
  ListChecks,
  Plus,
  Repeat,
  Send,
  Settings,
} from "lucide-react";
import type { ComponentProps, ReactNode } from "react";

import { api, type Inbox } from "../api/client";
import { useEndpoints, useInboxes, useStatus, useTunnels } from "../api/queries";
import { SavedSearches } from "../features/search";
import { TunnelSummary } from "../features/tunnel";
import { platform } from "../platform";
import { IconButton, Keys } from "../ui/button";
import { count } from "../ui/format";
import { attempt, offerUndo } from "../ui/toasts";
import { copyText } from "../ui/transfer";
import { CommandContextMenu, firstKeys, perform, type CommandItem } from "./commands";

const ENTRY =
  "control flex min-w-0 items-center gap-2.5 whitespace-nowrap rounded-[7px] px-2 text-ink-2 hover:bg-hover data-[status=active]:bg-selection data-[status=active]:font-medium data-[status=active]:text-ink @max-[68.75rem]/app:justify-center @max-[68.75rem]/app:px-0";
/** Classes of text that a narrow window hides. */
const WORDS = "@max-[68.75rem]/app:sr-only";

/** Marks an entry as current on all views below its route. */
const ANY_BELOW = { exact: false } as const;

function Mark() {
  return (
    <svg
      aria-hidden
      viewBox="4 2 15 20"
      className="h-5 w-4 shrink-0 text-accent"
      fill="none"
      stroke="currentColor"
      strokeWidth="2.2"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      <path d="M15 6v9a5 5 0 0 1-10 0v-2l3.500 3" />
      <circle cx="15" cy="4.500" r="1.500" />
    </svg>
  );
}

/** A number beside an entry, with a label for screen readers. A narrow window shows only a dot. */
function Badge({ label, color, children }: { label: string; color: string; children: ReactNode }) {
  return (
    <>
      <span className={`ml-auto text-small ${WORDS} ${color}`} aria-label={label}>
        {children}
      </span>
      <span
        aria-hidden
        className={`absolute top-1 right-1 hidden size-1.5 rounded-full bg-current @max-[68.75rem]/app:block ${color}`}
      />
    </>
  );
}

const Group = ({ children }: { children: ReactNode }) => (
  <h2 className={`mt-4 mb-0.5 pl-2 text-small font-semibold text-ink-2 ${WORDS}`}>{children}</h2>
);

const entry = (name: string): Pick<ComponentProps<typeof Link>, "className" | "title"> => ({
  className: `relative ${ENTRY}`,
  title: name,
});

export function Sidebar() {
  return (
    <nav
      aria-label="Main"
      data-pane="sidebar"
      className="flex h-full w-[200px] shrink-0 flex-col border-r border-line bg-sidebar @max-[68.75rem]/app:w-14"
    >
      <div className="flex items-center gap-2 px-4 pt-3 pb-2 @max-[68.75rem]/app:justify-center @max-[68.75rem]/app:px-0">
        <Mark />
        <span className={`text-[15px] font-semibold tracking-tight ${WORDS}`}>Hookbench</span>
        <button
          type="button"
          aria-label={`Find anything ${firstKeys("palette")}`}
          onClick={() => perform("palette")}
          className="ml-auto inline-flex items-center text-ink-2 @max-[68.75rem]/app:hidden"
        >
          <Keys keys={firstKeys("palette")} />
        </button>
      </div>
      <div className="min-h-0 flex-1 overflow-x-hidden overflow-y-auto px-2 pb-2">
        <div className="flex items-center justify-between pt-1 pl-2 @max-[68.75rem]/app:justify-center @max-[68.75rem]/app:pl-0">
          <h2 className={`text-small font-semibold text-ink-2 ${WORDS}`}>Inboxes</h2>
          <IconButton
            label="New inbox"
            icon={Plus}
            className="h-7!"
            keys={firstKeys("new-inbox")}
            onClick={() => perform("new-inbox")}
          />
        </div>
        <Inboxes />
        <SavedSearches />
        <Sending />
        <Tools />
      </div>
      <footer className="space-y-1 p-2">
        <div className="@max-[68.75rem]/app:hidden">
          <TunnelSummary />
        </div>
        <div className="flex @max-[68.75rem]/app:flex-col">
          <Link
            to="/settings"
            aria-label="Settings"
            title={`Settings ${firstKeys("go-settings")}`}
            className={`${ENTRY} aspect-square justify-center`}
          >
            <Settings size={16} aria-hidden />
          </Link>
          <IconButton label="Shortcuts" icon={Keyboard} keys={firstKeys("help")} onClick={() => perform("help")} />
        </div>
      </footer>
    </nav>
  );
}

function Inboxes() {
  const inboxes = useInboxes().data?.items;
  return (
    <ul>
      {inboxes?.map((inbox) => (
        <InboxEntry key={inbox.name} inbox={inbox} />
      ))}
      <li>
        <Link
          to="/requests/{-$request}"
          params={{ request: undefined }}
          activeOptions={ANY_BELOW}
          {...entry("All requests")}
        >
          <Layers size={15} aria-hidden className="shrink-0" /> <span className={WORDS}>All requests</span>
        </Link>
      </li>
    </ul>
  );
}

function InboxEntry({ inbox: { name, unread, requests } }: { inbox: Inbox }) {
  const navigate = useNavigate();
  const listener = useStatus().data?.listener;
  const onRules = useRouterState({
    select: ({ location }) => location.pathname === `/rules/${encodeURIComponent(name)}`,
  });
  const undoable = (title: string, deletion: Promise<{ id: number; requests: number }>): void =>
    void attempt(
      deletion.then(({ id, requests }) => offerUndo(`${title}, ${count(requests)} requests`, () => api.undo(id))),
    );
  const open = async (command: "inbox-settings" | "rules"): Promise<void> => {
    await navigate({ to: "/inbox/$inbox/{-$request}", params: { inbox: name, request: undefined } });
    perform(command);
  };
  const items = (): readonly CommandItem[] => [
    ...(listener?.state === "listening"
      ? [{ title: "Copy URL", run: () => copyText(`${listener.url}/${name}`, "URL") }]
      : []),
    { title: "Open in a new window", run: () => platform.openWindow(`/inbox/${name}`) },
    "-",
    { title: "Mark all as read", run: () => void attempt(api.markInboxRead(name)) },
    {
      title: "Rules and forwards",
      run: () => void navigate({ to: "/rules/$inbox", params: { inbox: name }, search: {} }),
    },
    { title: "Settings, or rename", run: () => void open("inbox-settings") },
    "-",
    { title: "Delete unpinned requests", run: () => undoable("Requests deleted", api.clearInbox(name)) },
    { title: "Delete inbox", run: () => undoable(`Inbox ${name} deleted`, api.removeInbox(name)) },
  ];
  return (
    <CommandContextMenu label={`Actions of ${name}`} items={items} render={<li />}>
      <Link
        to="/inbox/$inbox/{-$request}"
        params={{ inbox: name, request: undefined }}
        activeOptions={ANY_BELOW}
        {...entry(name)}
        {...(onRules && { "data-status": "active" })}
      >
        <span
          aria-hidden
          className={`size-2 shrink-0 rounded-full @max-[68.75rem]/app:hidden ${requests ? "bg-accent" : "border border-ink-3"}`}
        />
        <span aria-hidden className="hidden font-semibold uppercase @max-[68.75rem]/app:block">
          {name.slice(0, 2)}
        </span>
        <span className={`min-w-0 flex-1 truncate ${WORDS}`}>{name}</span>
        {unread > 0 && (
          <Badge label={`${unread} unread`} color="text-ink-2">
            {unread > 9999 ? `${Math.floor(unread / 1000)}k` : count(unread)}
          </Badge>
        )}
      </Link>
    </CommandContextMenu>
  );
}

function Sending() {
  const off = useEndpoints().data?.items.filter(({ state }) => !state.enabled).length ?? 0;
  return (
    <>
      <Group>Sending</Group>
      <Link
        to="/endpoints/{-$endpoint}/{-$delivery}"
        params={{ endpoint: undefined, delivery: undefined }}
        activeOptions={ANY_BELOW}
        {...entry("Endpoints")}
      >
        <Send size={16} aria-hidden /> <span className={WORDS}>Endpoints</span>
        {off > 0 && (
          <Badge label={`${off} disabled`} color="text-warning">
            {off} off
          </Badge>
        )}
      </Link>
      <Link
        to="/deliveries/{-$delivery}"
        params={{ delivery: undefined }}
        activeOptions={ANY_BELOW}
        {...entry("Deliveries")}
      >
        <ListChecks size={16} aria-hidden /> <span className={WORDS}>Deliveries</span>
      </Link>
      <Link to="/replays/{-$replay}" params={{ replay: undefined }} activeOptions={ANY_BELOW} {...entry("Replays")}>
        <Repeat size={16} aria-hidden /> <span className={WORDS}>Replays</span>
      </Link>
      <Link
        to="/scenarios/{-$run}/{-$delivery}"
        params={{ run: undefined, delivery: undefined }}
        activeOptions={ANY_BELOW}
        {...entry("Scenarios")}
      >
        <Clapperboard size={16} aria-hidden /> <span className={WORDS}>Scenarios</span>
      </Link>
      <Link to="/checks/{-$check}" params={{ check: undefined }} activeOptions={ANY_BELOW} {...entry("Handler checks")}>
        <ClipboardCheck size={16} aria-hidden /> <span className={WORDS}>Handler checks</span>
      </Link>
    </>
  );
}

function Tools() {
  const exposures = useTunnels().data?.items.flatMap((tunnel) => tunnel.exposures) ?? [];
  const backlog = exposures.reduce((sum, exposure) => sum + exposure.backlog, 0);
  return (
    <>
      <Group>Tools</Group>
      <Link to="/tunnels" {...entry("Tunnels")}>
        <Globe size={16} aria-hidden /> <span className={WORDS}>Tunnels</span>
        {backlog > 0 && (
          <Badge label={`${backlog} arrived while offline`} color="text-warning">
            {count(backlog)}
          </Badge>
        )}
      </Link>
      <Link to="/debugger" {...entry("Signature debugger")}>
        <FlaskConical size={16} aria-hidden /> <span className={WORDS}>Signature debugger</span>
      </Link>
      <Link to="/schemas/{-$inbox}" params={{ inbox: undefined }} activeOptions={ANY_BELOW} {...entry("Schemas")}>
        <Braces size={16} aria-hidden /> <span className={WORDS}>Schemas</span>
      </Link>
    </>
  );
}
