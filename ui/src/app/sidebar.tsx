import { Link } from "@tanstack/react-router";
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
  Search,
  Send,
  Settings,
} from "lucide-react";
import type { ReactNode } from "react";

import { firstKeys, perform } from "./commands";
import { useEndpoints, useInboxes, useTunnels } from "../api/queries";
import { IconButton, Keys } from "../ui/button";
import { count } from "../ui/format";
import { SavedSearches } from "../features/search";

const ENTRY =
  "control flex whitespace-nowrap items-center gap-2.5 rounded-[7px] px-2 text-ink-2 hover:bg-hover data-[status=active]:bg-selection data-[status=active]:font-medium data-[status=active]:text-ink";

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

/** A number beside an entry, with a label for screen readers. */
function Badge({ label, color, children }: { label: string; color: string; children: ReactNode }) {
  return (
    <span className={`ml-auto text-small font-semibold ${color}`} aria-label={label}>
      {children}
    </span>
  );
}

export function Sidebar() {
  return (
    <nav
      aria-label="Main"
      className="flex h-full w-[216px] shrink-0 flex-col border-r border-line bg-sidebar p-2 max-md:w-[184px]"
    >
      <div className="mb-4 flex items-center gap-2 px-2 pt-1">
        <Mark />
        <span className="text-[15px] font-semibold tracking-tight">Hookbench</span>
        <button
          type="button"
          aria-label={`Find anything ${firstKeys("palette")}`}
          onClick={() => perform("palette")}
          className="ml-auto inline-flex items-center gap-1 rounded-md border border-line bg-control px-1.5 py-0.5 text-ink-2 max-md:hidden"
        >
          <Search size={12} aria-hidden /> <Keys keys={firstKeys("palette")} />
        </button>
      </div>
      <div className="flex items-center justify-between pl-2">
        <h2 className="text-small font-semibold text-ink-2">Inboxes</h2>
        <IconButton label="New inbox" icon={Plus} keys={firstKeys("new-inbox")} onClick={() => perform("new-inbox")} />
      </div>
      <div className="min-h-0 flex-1 overflow-auto">
        <Inboxes />
        <SavedSearches />
      </div>
      <Sending />
      <Tools />
    </nav>
  );
}

function Inboxes() {
  const inboxes = useInboxes().data?.items;
  return (
    <ul>
      {inboxes?.map(({ name, unread, requests }) => (
        <li key={name}>
          <Link
            to="/inbox/$inbox/{-$request}"
            params={{ inbox: name, request: undefined }}
            activeOptions={ANY_BELOW}
            className={ENTRY}
          >
            <span
              aria-hidden
              className={`size-2 shrink-0 rounded-full ${requests ? "bg-accent" : "border border-ink-3"}`}
            />
            <span className="min-w-0 flex-1 truncate">{name}</span>
            {unread > 0 && (
              <span className="text-small font-semibold text-accent" aria-label={`${unread} unread`}>
                {unread > 9999 ? `${Math.floor(unread / 1000)}k` : count(unread)}
              </span>
            )}
          </Link>
        </li>
      ))}
      <li>
        <Link to="/requests/{-$request}" params={{ request: undefined }} activeOptions={ANY_BELOW} className={ENTRY}>
          <Layers size={14} aria-hidden className="-ml-[3px] shrink-0" /> All requests
        </Link>
      </li>
    </ul>
  );
}

function Sending() {
  const off = useEndpoints().data?.items.filter(({ state }) => !state.enabled).length ?? 0;
  return (
    <>
      <h2 className="mt-2 pl-2 text-small font-semibold text-ink-2">Sending</h2>
      <Link
        to="/endpoints/{-$endpoint}/{-$delivery}"
        params={{ endpoint: undefined, delivery: undefined }}
        activeOptions={ANY_BELOW}
        className={ENTRY}
      >
        <Send size={16} aria-hidden /> Endpoints
        {off > 0 && (
          <Badge label={`${off} disabled`} color="text-invalid">
            {off} disabled
          </Badge>
        )}
      </Link>
      <Link to="/deliveries/{-$delivery}" params={{ delivery: undefined }} activeOptions={ANY_BELOW} className={ENTRY}>
        <ListChecks size={16} aria-hidden /> Deliveries
      </Link>
      <Link to="/replays/{-$replay}" params={{ replay: undefined }} activeOptions={ANY_BELOW} className={ENTRY}>
        <Repeat size={16} aria-hidden /> Replays
      </Link>
      <Link to="/scenarios" className={ENTRY}>
        <Clapperboard size={16} aria-hidden /> Scenarios
      </Link>
      <Link to="/checks/{-$check}" params={{ check: undefined }} activeOptions={ANY_BELOW} className={`${ENTRY} mb-2`}>
        <ClipboardCheck size={16} aria-hidden /> Handler checks
      </Link>
    </>
  );
}

function Tools() {
  const exposures = useTunnels().data?.items.flatMap((tunnel) => tunnel.exposures) ?? [];
  const backlog = exposures.reduce((sum, exposure) => sum + exposure.backlog, 0);
  return (
    <>
      <h2 className="pl-2 text-small font-semibold text-ink-2">Tools</h2>
      <Link to="/tunnels" className={ENTRY}>
        <Globe size={16} aria-hidden /> Tunnels
        {backlog > 0 && (
          <Badge label={`${backlog} arrived while offline`} color="text-warning">
            {count(backlog)}
          </Badge>
        )}
      </Link>
      <Link to="/debugger" className={ENTRY}>
        <FlaskConical size={16} aria-hidden /> Signature debugger
      </Link>
      <Link to="/schemas/{-$inbox}" params={{ inbox: undefined }} activeOptions={ANY_BELOW} className={`${ENTRY} mb-2`}>
        <Braces size={16} aria-hidden /> Schemas
      </Link>
      <button type="button" onClick={() => perform("help")} className={ENTRY}>
        <Keyboard size={16} aria-hidden /> Shortcuts
      </button>
      <Link to="/settings" className={ENTRY}>
        <Settings size={16} aria-hidden /> Settings
      </Link>
    </>
  );
}
