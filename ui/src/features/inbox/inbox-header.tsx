import { Copy, Globe, Inbox as InboxIcon, SlidersHorizontal, Split, Zap } from "lucide-react";

import { CommandMenu, firstKeys, perform } from "../../app/commands";
import { Button, IconButton } from "../../ui/button";
import { Choice } from "../../ui/choice";
import { ManagedMark } from "../project";

const MENU = [
  "copy-public-url",
  "new-request",
  "replay-many",
  "mark-read",
  "strip",
  "new-window",
  "import",
  "export",
  "clear",
] as const;

/** A URL whose last part, the name of the inbox, is never cut. */
export function InboxUrl({ url }: { url: string }) {
  const cut = url.lastIndexOf("/") + 1;
  return (
    <>
      <span className="min-w-0 truncate text-ink-2">{url.slice(0, cut)}</span>
      <strong className="min-w-0 shrink-0 font-semibold">{url.slice(cut)}</strong>
    </>
  );
}

/** The URL and the actions of an inbox. While it is searched, the place of the search. */
export function InboxHeader({
  name,
  url,
  isPublic,
  rules,
  blank,
  onEverywhere,
}: {
  name: string;
  url: string;
  isPublic: boolean;
  /** Number of rules and forwards. */
  rules: number;
  blank: boolean;
  /** Searches all inboxes instead. Undefined if nothing is searched. */
  onEverywhere: (() => void) | undefined;
}) {
  if (onEverywhere) {
    return (
      <header className="flex h-[51px] items-center gap-3 px-3">
        <h1 className="min-w-0 flex-1 truncate text-title font-semibold tracking-tight">{name}</h1>
        <Choice
          label="Search in"
          value="one"
          options={[
            ["one", "This inbox"],
            ["all", "All inboxes"],
          ]}
          onChange={onEverywhere}
        />
        <CommandMenu label="More inbox actions" commands={MENU} />
      </header>
    );
  }
  return (
    <header className={`@container/head flex items-center gap-2 p-2.5 ${blank ? "border-b border-line" : ""}`}>
      <div className="control flex min-w-0 flex-1 items-center gap-2 rounded-[7px] border border-line bg-background pl-3">
        <InboxIcon size={15} aria-hidden className="shrink-0 text-accent" />
        <code title={url} className="flex min-w-0 flex-1 font-mono text-data" data-testid="url">
          <InboxUrl url={url} />
        </code>
        <ManagedMark type="inbox" id={name} />
        <IconButton label="Copy URL" icon={Copy} keys={firstKeys("copy-url")} onClick={() => perform("copy-url")} />
      </div>
      {isPublic && (
        <IconButton
          label="Copy public URL"
          icon={Globe}
          keys={firstKeys("copy-public-url")}
          onClick={() => perform("copy-public-url")}
        />
      )}
      <Button icon={Zap} className="hidden! @[35rem]/head:inline-flex!" onClick={() => perform("test-event")}>
        Test event
      </Button>
      <span className="@[35rem]/head:hidden">
        <IconButton
          label="Send test event"
          icon={Zap}
          keys={firstKeys("test-event")}
          onClick={() => perform("test-event")}
        />
      </span>
      <Button icon={Split} className="hidden! @[35rem]/head:inline-flex!" onClick={() => perform("rules")}>
        Rules {rules > 0 && <span className="font-normal text-ink-2">{rules}</span>}
      </Button>
      <span className="@[35rem]/head:hidden">
        <IconButton
          label="Response rules and forwards"
          icon={Split}
          keys={firstKeys("rules")}
          onClick={() => perform("rules")}
        />
      </span>
      <IconButton
        label="Inbox settings"
        icon={SlidersHorizontal}
        keys={firstKeys("inbox-settings")}
        onClick={() => perform("inbox-settings")}
      />
      <CommandMenu label="More inbox actions" commands={MENU} />
    </header>
  );
}
