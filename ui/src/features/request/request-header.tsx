import { Menu } from "@base-ui/react/menu";
import {
  ArrowDown,
  ArrowLeft,
  ArrowUp,
  ChevronDown,
  GitCompare,
  NotebookPen,
  PencilLine,
  Pin,
  Repeat,
  Terminal,
} from "lucide-react";
import type { RefObject } from "react";

import type { Detail } from "../../api/client";
import { useInboxes, useEndpoints, useProviders } from "../../api/queries";
import { CommandItems, CommandMenu, firstKeys, perform, type CommandId } from "../../app/commands";
import { Button, IconButton, Keys } from "../../ui/button";
import { moment, size, visible } from "../../ui/format";
import { hostOf } from "./outcome";

const MORE = ["diff", "note", "export", "report", "delete"] as const;
const COPY = ["copy-curl", "code", "copy-raw", "copy-body", "copy-headers"] as const;
const REPLAYS = ["replay", "resign-replay", "replay-to"] as const;

/** The header of a request with its summary and actions. */
export function RequestHeader({
  detail,
  heading,
  onLeave,
}: {
  detail: Detail;
  heading: RefObject<HTMLHeadingElement | null>;
  onLeave: () => void;
}) {
  const { event_type, event_id, method, target, provider, source, note, version } = detail;
  const name = useProviders().data?.items.find(({ id }) => id === provider)?.name ?? provider;
  const facts = [
    size(detail.body_bytes),
    moment(detail.arrived_at),
    ...(version === "HTTP/1.1" ? [] : [version]),
    ...(source ? [`imported from ${visible(source)}`] : []),
    ...(event_id ? [visible(event_id)] : []),
  ];
  return (
    <header className="px-4 pt-3">
      <div className="flex items-center gap-2">
        <span className="-ml-2 @[55rem]/app:hidden">
          <IconButton label="Back to list" icon={ArrowLeft} onClick={onLeave} />
        </span>
        <h1
          ref={heading}
          tabIndex={-1}
          data-pane="detail"
          className="min-w-0 truncate text-title font-semibold tracking-tight"
        >
          {event_type ? visible(event_type) : `${visible(method)} ${visible(target)}`}
        </h1>
        {name && <span className="shrink-0 font-medium text-accent">{name}</span>}
        <span className="ml-auto flex shrink-0">
          <IconButton
            label="Previous request"
            icon={ArrowUp}
            keys={firstKeys("previous")}
            onClick={() => perform("previous")}
          />
          <IconButton label="Next request" icon={ArrowDown} keys={firstKeys("next")} onClick={() => perform("next")} />
        </span>
      </div>
      <p className="truncate text-small text-ink-2" title={detail.remote_address && `from ${detail.remote_address}`}>
        {event_type && (
          <span className="font-mono">
            {visible(method)} {visible(target.slice(0, 300))}
            {" · "}
          </span>
        )}
        {facts.join(" · ")}
      </p>
      <Actions detail={detail} />
      {note && <p className="mt-2 rounded-md bg-selection px-3 py-1 whitespace-pre-wrap">{note}</p>}
    </header>
  );
}

/** Returns the name of the last replay target of the inbox, or of its first forward. */
function useTarget(inbox: string): string | undefined {
  const own = useInboxes().data?.items.find(({ name }) => name === inbox);
  const endpoints = useEndpoints().data?.items;
  const last = own?.replayed_to;
  if (last && "endpoint" in last) {
    const endpoint = endpoints?.find(({ id }) => id === last.endpoint);
    return endpoint && (endpoint.name || hostOf(endpoint.url));
  }
  const url = last && "url" in last ? last.url : own?.forwards.find(({ enabled }) => enabled !== false)?.to;
  return url && hostOf(url);
}

function Actions({ detail: { pinned, inbox } }: { detail: Detail }) {
  const target = useTarget(inbox);
  return (
    <div className="mt-2 flex items-center gap-2 @max-[38rem]/detail:[&_kbd]:hidden">
      <span className="flex min-w-[118px]">
        <Button
          look="primary"
          icon={Repeat}
          className="min-w-0 rounded-r-none!"
          onClick={() => perform("replay")}
          keys={firstKeys("replay")}
        >
          {target ? "Replay" : "Replay…"}
          {target && (
            <span className="truncate font-normal opacity-90 @max-[35rem]/detail:hidden">to {visible(target)}</span>
          )}
        </Button>
        <SplitMenu label="Other replays" commands={REPLAYS} />
      </span>
      <Button icon={PencilLine} onClick={() => perform("edit-replay")} keys={firstKeys("edit-replay")}>
        Edit
      </Button>
      <CopyMenu />
      <span className="ml-auto flex">
        <IconButton
          label="Compare"
          icon={GitCompare}
          className="@max-[38.75rem]/detail:hidden"
          keys={firstKeys("diff")}
          onClick={() => perform("diff")}
        />
        <IconButton
          label="Edit note"
          icon={NotebookPen}
          className="@max-[38.75rem]/detail:hidden"
          keys={firstKeys("note")}
          onClick={() => perform("note")}
        />
        <IconButton
          label={pinned ? "Unpin" : "Pin"}
          icon={Pin}
          pressed={pinned}
          keys={firstKeys("pin")}
          onClick={() => perform("pin")}
        />
        <CommandMenu label="More request actions" commands={MORE} />
      </span>
    </div>
  );
}

/** The right part of a split button, which opens a menu. */
function SplitMenu({ label, commands }: { label: string; commands: readonly CommandId[] }) {
  return (
    <Menu.Root>
      <Menu.Trigger
        aria-label={label}
        className="control inline-flex items-center rounded-r-[7px] border-l border-accent-ink/30 bg-accent px-1.5 text-accent-ink hover:brightness-110"
      >
        <ChevronDown size={15} aria-hidden />
      </Menu.Trigger>
      <CommandItems commands={commands} />
    </Menu.Root>
  );
}

function CopyMenu() {
  return (
    <Menu.Root>
      <Menu.Trigger className="control inline-flex items-center gap-2 rounded-[7px] border border-line bg-control px-3 font-medium whitespace-nowrap hover:bg-hover">
        <Terminal size={15} aria-hidden />
        Copy as
        <Keys keys={firstKeys("copy-curl")} />
        <ChevronDown size={14} aria-hidden className="text-ink-3" />
      </Menu.Trigger>
      <CommandItems commands={COPY} />
    </Menu.Root>
  );
}
