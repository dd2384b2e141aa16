/**
 * The command table: title, keys and scope of every command. Menus, the palette, the help and key handling
 * are generated from this table.
 */
interface Command {
  id: string;
  title: string;
  /** Keys in the notation of `event.key`, with `Mod+` for Ctrl or ⌘. A space separates the strokes of a sequence. */
  keys: string[];
  group: "Go to" | "Requests" | "Inbox" | "Sending" | "Signature" | "View";
  /** Precondition: an open request or inbox. */
  needs?: "request" | "inbox";
}

export const COMMANDS = [
  { id: "palette", title: "Find anything", keys: ["Mod+k"], group: "Go to" },
  { id: "help", title: "Keyboard shortcuts", keys: ["?"], group: "Go to" },
  { id: "go-inbox", title: "Go to first inbox", keys: ["g i"], group: "Go to" },
  { id: "go-settings", title: "Go to settings", keys: ["g s", "Mod+,"], group: "Go to" },
  { id: "go-endpoints", title: "Go to endpoints", keys: ["g e"], group: "Go to" },
  { id: "go-deliveries", title: "Go to deliveries", keys: ["g d"], group: "Go to" },
  { id: "go-replays", title: "Go to replays", keys: ["g y"], group: "Go to" },
  { id: "go-checks", title: "Go to handler checks", keys: ["g k"], group: "Go to" },
  { id: "go-scenarios", title: "Go to scenarios", keys: ["g c"], group: "Go to" },
  { id: "go-debugger", title: "Go to signature debugger", keys: ["g l"], group: "Go to" },
  { id: "go-schemas", title: "Go to schemas", keys: ["g h"], group: "Go to" },
  { id: "go-tunnels", title: "Go to tunnels", keys: ["g u"], group: "Go to" },
  { id: "go-refused", title: "Go to refused requests", keys: ["g f"], group: "Go to" },
  { id: "go-requests", title: "Go to all requests", keys: ["g a"], group: "Go to" },
  { id: "query", title: "Search", keys: ["/", "Mod+f"], group: "Requests", needs: "inbox" },
  { id: "save-query", title: "Save search", keys: ["Mod+s"], group: "Requests", needs: "inbox" },
  { id: "next", title: "Next request", keys: ["j", "ArrowDown"], group: "Requests", needs: "inbox" },
  { id: "previous", title: "Previous request", keys: ["k", "ArrowUp"], group: "Requests", needs: "inbox" },
  { id: "newest", title: "Newest request", keys: ["Home"], group: "Requests", needs: "inbox" },
  { id: "open", title: "Focus request", keys: ["Enter"], group: "Requests", needs: "request" },
  { id: "leave", title: "Back to list", keys: ["Escape"], group: "Requests", needs: "request" },
  { id: "replay", title: "Replay to last target", keys: ["r"], group: "Requests", needs: "request" },
  { id: "edit-replay", title: "Edit and replay", keys: ["e"], group: "Requests", needs: "request" },
  { id: "replay-many", title: "Replay selected or all", keys: ["b"], group: "Requests", needs: "inbox" },
  { id: "copy-curl", title: "Copy as curl", keys: ["c"], group: "Requests", needs: "request" },
  { id: "code", title: "Copy as code", keys: ["w"], group: "Requests", needs: "request" },
  { id: "copy-raw", title: "Copy as raw HTTP", keys: ["Shift+C"], group: "Requests", needs: "request" },
  { id: "copy-body", title: "Copy body", keys: ["y"], group: "Requests", needs: "request" },
  { id: "copy-headers", title: "Copy headers", keys: ["Shift+Y"], group: "Requests", needs: "request" },
  { id: "diff", title: "Compare two requests", keys: ["d"], group: "Requests", needs: "request" },
  { id: "tick", title: "Select and go to next", keys: ["x"], group: "Requests", needs: "request" },
  { id: "untick", title: "Clear selection", keys: ["Shift+X"], group: "Requests", needs: "inbox" },
  { id: "pin", title: "Pin or unpin", keys: ["p"], group: "Requests", needs: "request" },
  { id: "note", title: "Edit note", keys: ["m"], group: "Requests", needs: "request" },
  { id: "delete", title: "Delete request", keys: ["Delete", "Backspace"], group: "Requests", needs: "request" },
  { id: "test-event", title: "Send test event", keys: ["t"], group: "Inbox", needs: "inbox" },
  { id: "copy-url", title: "Copy inbox URL", keys: ["u"], group: "Inbox", needs: "inbox" },
  { id: "mark-read", title: "Mark all as read", keys: ["Shift+R"], group: "Inbox", needs: "inbox" },
  { id: "inbox-settings", title: "Inbox settings", keys: ["i"], group: "Inbox", needs: "inbox" },
  { id: "compiled_rules", title: "Response rules and forwards", keys: ["o"], group: "Inbox", needs: "inbox" },
  { id: "clear", title: "Delete unpinned requests", keys: ["Shift+Delete"], group: "Inbox", needs: "inbox" },
  { id: "import", title: "Import requests", keys: ["Mod+o"], group: "Requests" },
  { id: "export", title: "Export requests", keys: ["Mod+e"], group: "Requests", needs: "inbox" },
  { id: "new-inbox", title: "New inbox", keys: ["n"], group: "Inbox" },
  { id: "new-tunnel", title: "New tunnel", keys: ["Shift+T"], group: "Inbox" },
  { id: "copy-public-url", title: "Copy public URL", keys: ["Shift+U"], group: "Inbox", needs: "inbox" },
  { id: "new-endpoint", title: "New endpoint", keys: ["Shift+N"], group: "Sending" },
  { id: "send-event", title: "Send event", keys: ["s"], group: "Sending" },
  { id: "check-handler", title: "Check handler", keys: ["Shift+H"], group: "Sending" },
  { id: "debugger-verify", title: "Verify and explain", keys: ["Mod+Enter"], group: "Signature" },
  { id: "debugger-sign", title: "Sign", keys: ["Mod+Shift+Enter"], group: "Signature" },
  { id: "zoom-in", title: "Zoom in", keys: ["Mod++", "Mod+="], group: "View" },
  { id: "zoom-out", title: "Zoom out", keys: ["Mod+-"], group: "View" },
  { id: "zoom-reset", title: "Reset zoom", keys: ["Mod+0"], group: "View" },
  { id: "theme", title: "Switch theme", keys: ["g t"], group: "View" },
  { id: "density", title: "Switch row density", keys: ["g r"], group: "View" },
] as const satisfies readonly Command[];

export type CommandId = (typeof COMMANDS)[number]["id"];

type Run = () => void;
const running = new Map<CommandId, Run[]>();
const listeners = new Set<() => void>();

/** Registers handlers of commands. Returns a function that removes them. */
export function provide(commands: Partial<Record<CommandId, Run>>): () => void {
  const given = Object.entries(commands) as [CommandId, Run][];
  for (const [id, run] of given) running.set(id, [...(running.get(id) ?? []), run]);
  listeners.forEach((listener) => listener());
  return () => {
    for (const [id, run] of given)
      running.set(
        id,
        (running.get(id) ?? []).filter((other) => other !== run),
      );
    listeners.forEach((listener) => listener());
  };
}

export const available = (id: CommandId): boolean => Boolean(running.get(id)?.length);

export function perform(id: CommandId): boolean {
  const run = running.get(id)?.at(-1);
  run?.();
  return Boolean(run);
}

const MAC = /mac/i.test(navigator.userAgent);

/** Formats keys for display. */
export function keysText(keys: string): string {
  const names: Record<string, string> = {
    Mod: MAC ? "⌘" : "Ctrl",
    ArrowDown: "↓",
    ArrowUp: "↑",
    Escape: "Esc",
    Shift: MAC ? "⇧" : "Shift",
    Delete: "Del",
  };
  return keys
    .split(" ")
    .map((stroke) =>
      stroke
        .split(/\+(?=.)/)
        .map((key) => names[key] ?? (key.length === 1 ? key.toUpperCase() : key))
        .join(MAC ? "" : "+"),
    )
    .join(" ");
}

export const firstKeys = (id: CommandId): string => keysText(COMMANDS.find((command) => command.id === id)!.keys[0]);
