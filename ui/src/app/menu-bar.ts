/** The menu bar of the desktop window, made from the command table. */
import { platform, type PlatformMenu } from "../platform";
import { perform, titleOf, type CommandId } from "./commands";
import { COMMANDS } from "./commands";

const MENUS: readonly (readonly [title: string, items: readonly (CommandId | "-")[]])[] = [
  [
    "File",
    ["new-inbox", "new-request", "new-endpoint", "new-tunnel", "-", "new-window", "-", "import", "export", "report"],
  ],
  ["Edit", ["undo", "-", "copy-curl", "copy-body", "copy-raw", "-", "note", "pin", "read", "tick", "-", "delete"]],
  [
    "View",
    [
      "tab-body",
      "tab-headers",
      "tab-query",
      "tab-signature",
      "tab-response",
      "tab-timeline",
      "tab-raw",
      "-",
      "strip",
      "expand-all",
      "collapse-all",
      "find",
      "-",
      "zoom-in",
      "zoom-out",
      "zoom-reset",
      "-",
      "theme",
      "density",
    ],
  ],
  [
    "Go",
    [
      "palette",
      "-",
      "go-inbox",
      "go-requests",
      "go-endpoints",
      "go-deliveries",
      "go-replays",
      "go-scenarios",
      "go-checks",
      "go-tunnels",
      "go-debugger",
      "go-schemas",
      "-",
      "go-settings",
    ],
  ],
  [
    "Request",
    ["replay", "resign-replay", "edit-replay", "replay-to", "replay-many", "-", "diff", "code", "test-event"],
  ],
  ["Help", ["help"]],
];

/** Commands whose keys a text field or an editor needs, so that the menu bar must not take them. */
const FIELD: ReadonlySet<CommandId> = new Set(["undo", "find"]);

/** Returns the keys of a command in the notation of the menu bar. Only chords with Ctrl or ⌘ can be shown there. */
function acceleratorOf(id: CommandId): string | undefined {
  const keys = COMMANDS.find((command) => command.id === id)!.keys.find((one) => one.startsWith("Mod+"));
  if (!keys || FIELD.has(id)) return undefined;
  const key = keys.slice(4);
  return `CmdOrCtrl+${key === "+" ? "Plus" : key === "-" ? "-" : key.toUpperCase()}`;
}

const menuOf = ([title, items]: (typeof MENUS)[number]): PlatformMenu => ({
  title,
  items: items.map((id) => (id === "-" ? id : { id, title: titleOf(id), accelerator: acceleratorOf(id) })),
});

/** Shows the menu bar, if the platform has one. */
export function showMenuBar(): void {
  platform.setMenu?.(MENUS.map(menuOf), (id) => void perform(id as CommandId));
}
