import { Copy, Globe, Inbox as InboxIcon, SlidersHorizontal, Split, Zap } from "lucide-react";

import { CommandMenu, firstKeys, perform } from "../../app/commands";
import { IconButton } from "../../ui/button";

const MENU = ["copy-public-url", "compiled_rules", "replay-many", "mark-read", "import", "export", "clear"] as const;

/** The URL and the actions of an inbox. */
export function InboxHeader({ url, isPublic, blank }: { url: string; isPublic: boolean; blank: boolean }) {
  return (
    <header className={`flex items-center gap-2 p-2.5 ${blank ? "border-b border-line" : ""}`}>
      <div className="control flex min-w-0 flex-1 items-center gap-2 rounded-[7px] border border-line bg-background pl-3">
        <InboxIcon size={15} aria-hidden className="shrink-0 text-accent" />
        <code className="min-w-0 flex-1 truncate font-mono text-data" data-testid="url">
          {url}
        </code>
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
      <IconButton
        label="Send test event"
        icon={Zap}
        keys={firstKeys("test-event")}
        onClick={() => perform("test-event")}
      />
      <IconButton
        label="Response rules and forwards"
        icon={Split}
        keys={firstKeys("compiled_rules")}
        onClick={() => perform("compiled_rules")}
      />
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
