/**
 * The command table: title, keys and scope of every command. Menus, the palette, the help and key handling
 * are generated from this table.
 */
interface Command {
  id: string;
  title: string;
  /** Keys in the notation of `event.key`, with `Mod+` for Ctrl or ⌘. A space separates the strokes of a sequence. */
  keys: string[];
  /** Keys as shown, if there are too many to list. */
  shownKeys?: string;
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
  {
    id: "go-nth-inbox",
    title: "Go to inbox 1 to 9",
    keys: ["Mod+1", "Mod+2", "Mod+3", "Mod+4", "Mod+5", "Mod+6", "Mod+7", "Mod+8", "Mod+9"],
    shownKeys: "Mod+1 … 9",
    group: "Go to",
  },
  { id: "next-pane", title: "Next pane", keys: ["F6"], group: "Go to" },
  { id: "previous-pane", title: "Previous pane", keys: ["Shift+F6"], group: "Go to" },
  { id: "query", title: "Search", keys: ["/"], group: "Requests", needs: "inbox" },
  { id: "save-query", title: "Save search", keys: ["Mod+s"], group: "Requests", needs: "inbox" },
  { id: "next", title: "Next request", keys: ["j", "ArrowDown"], group: "Requests", needs: "inbox" },
  { id: "previous", title: "Previous request", keys: ["k", "ArrowUp"], group: "Requests", needs: "inbox" },
  { id: "newest", title: "Newest request", keys: ["Home"], group: "Requests", needs: "inbox" },
  { id: "open", title: "Focus request", keys: ["Enter"], group: "Requests", needs: "request" },
  { id: "leave", title: "Back to list", keys: ["Escape"], group: "Requests", needs: "request" },
  { id: "find", title: "Find in body", keys: ["Mod+f"], group: "Requests", needs: "request" },
  { id: "find-next", title: "Next match in body", keys: ["F3"], group: "Requests", needs: "request" },
  { id: "find-previous", title: "Previous match in body", keys: ["Shift+F3"], group: "Requests", needs: "request" },
  { id: "expand-all", title: "Expand all of the body", keys: ["+"], group: "Requests", needs: "request" },
  { id: "collapse-all", title: "Collapse all of the body", keys: ["-"], group: "Requests", needs: "request" },
  { id: "tab-body", title: "Show body", keys: ["1"], group: "Requests", needs: "request" },
  { id: "tab-headers", title: "Show headers", keys: ["2"], group: "Requests", needs: "request" },
  { id: "tab-query", title: "Show query string", keys: ["3"], group: "Requests", needs: "request" },
  { id: "tab-signature", title: "Show signature", keys: ["4"], group: "Requests", needs: "request" },
  { id: "tab-response", title: "Show response", keys: ["5"], group: "Requests", needs: "request" },
  { id: "tab-timeline", title: "Show timeline", keys: ["6"], group: "Requests", needs: "request" },
  { id: "tab-raw", title: "Show raw message", keys: ["7"], group: "Requests", needs: "request" },
  { id: "tab-previous", title: "Previous tab", keys: ["["], group: "Requests", needs: "request" },
  { id: "tab-next", title: "Next tab", keys: ["]"], group: "Requests", needs: "request" },
  { id: "replay", title: "Replay to last target", keys: ["r"], group: "Requests", needs: "request" },
  { id: "resign-replay", title: "Re-sign and replay", keys: ["Shift+R"], group: "Requests", needs: "request" },
  { id: "replay-to", title: "Replay to another target", keys: ["Shift+B"], group: "Requests", needs: "request" },
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
  { id: "read", title: "Mark as read", keys: ["v"], group: "Requests", needs: "request" },
  { id: "report", title: "Report for a ticket", keys: ["Shift+E"], group: "Requests", needs: "request" },
  { id: "delete", title: "Delete request", keys: ["Delete", "Backspace"], group: "Requests", needs: "request" },
  { id: "test-event", title: "Send test event", keys: ["t"], group: "Inbox", needs: "inbox" },
  { id: "copy-url", title: "Copy inbox URL", keys: ["u"], group: "Inbox", needs: "inbox" },
  { id: "mark-read", title: "Mark all as read", keys: ["Shift+M"], group: "Inbox", needs: "inbox" },
  { id: "inbox-settings", title: "Inbox settings", keys: ["i"], group: "Inbox", needs: "inbox" },
  { id: "rules", title: "Response rules and forwards", keys: ["o"], group: "Inbox", needs: "inbox" },
  { id: "add-rule", title: "Add a rule or a forward", keys: ["a"], group: "Inbox" },
  { id: "clear", title: "Delete unpinned requests", keys: ["Shift+Delete"], group: "Inbox", needs: "inbox" },
  { id: "import", title: "Import requests", keys: ["Mod+o"], group: "Requests" },
  { id: "export", title: "Export requests", keys: ["Mod+e"], group: "Requests", needs: "inbox" },
  { id: "new-inbox", title: "New inbox", keys: ["n"], group: "Inbox" },
  { id: "new-tunnel", title: "New tunnel", keys: ["Shift+T"], group: "Inbox" },
  { id: "copy-public-url", title: "Copy public URL", keys: ["Shift+U"], group: "Inbox", needs: "inbox" },
  { id: "new-endpoint", title: "New endpoint", keys: ["Shift+N"], group: "Sending" },
  { id: "send-event", title: "Send event", keys: ["s"], group: "Sending" },
  { id: "new-request", title: "New request", keys: ["Shift+S"], group: "Sending" },
  { id: "send", title: "Send what is composed", keys: ["Mod+Enter"], group: "Sending" },
  { id: "send-newer", title: "Newer send", keys: ["Alt+arrowup"], shownKeys: "Alt+ArrowUp", group: "Sending" },
  { id: "send-older", title: "Older send", keys: ["Alt+arrowdown"], shownKeys: "Alt+ArrowDown", group: "Sending" },
  { id: "format-body", title: "Format the composed body", keys: ["Mod+Shift+F"], group: "Sending" },
  { id: "check-handler", title: "Check handler", keys: ["Shift+H"], group: "Sending" },
  { id: "debugger-verify", title: "Verify and explain", keys: ["Alt+v"], group: "Signature" },
  { id: "debugger-sign", title: "Sign", keys: ["Alt+s"], group: "Signature" },
  { id: "undo", title: "Undo", keys: ["Mod+z"], group: "View" },
  { id: "new-window", title: "Open in a new window", keys: ["Shift+W"], group: "View" },
  { id: "strip", title: "Show or hide the traffic strip", keys: ["g p"], group: "View" },
  { id: "zoom-in", title: "Zoom in", keys: ["Mod++", "Mod+="], group: "View" },
  { id: "zoom-out", title: "Zoom out", keys: ["Mod+-"], group: "View" },
  { id: "zoom-reset", title: "Reset zoom", keys: ["Mod+0"], group: "View" },
  { id: "theme", title: "Switch theme", keys: ["g t"], group: "View" },
  { id: "density", title: "Switch row density", keys: ["g r"], group: "View" },
] as const satisfies readonly Command[];

export type CommandId = (typeof COMMANDS)[number]["id"];

/** Handler of a command. `keys` are the pressed keys; undefined if it was chosen in a menu. */
type Run = (keys?: string) => void;
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

export function perform(id: CommandId, keys?: string): boolean {
  const run = running.get(id)?.at(-1);
  run?.(keys);
  return Boolean(run);
}

/** Calls `listener` when handlers are added or removed. Returns a function that ends it. */
export function onAvailable(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const commandOf = (id: CommandId): Command => COMMANDS.find((command) => command.id === id)!;

/** Returns the title of a command. */
export const titleOf = (id: CommandId): string => commandOf(id).title;

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

/** Returns the keys of a command as shown in menus and on buttons. */
export function firstKeys(id: CommandId): string {
  const { keys, shownKeys } = commandOf(id);
  return keysText(shownKeys ?? keys[0]!);
}

/** Returns all keys of a command as shown in the help. */
export function allKeys(id: CommandId): string[] {
  const { keys, shownKeys } = commandOf(id);
  return (shownKeys ? [shownKeys] : keys).map(keysText);
}
