/** Conversion of key strokes to commands. */
import { COMMANDS, perform, type CommandId } from "./commands";

/** Maximum time before the second stroke of a sequence, in ms. */
const SEQUENCE_MS = 1200;

export function strokeOf(event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">): string {
  if (event.altKey) return event.ctrlKey || event.metaKey ? "" : `Alt+${event.key.toLowerCase()}`;
  const mod = event.ctrlKey || event.metaKey ? "Mod+" : "";
  // `event.key` of a letter or sign already includes Shift. That of Delete and similar keys does not.
  const shift = event.shiftKey && (event.key.length > 1 || /^[A-Z]$/.test(event.key)) ? "Shift+" : "";
  return mod + shift + event.key;
}

const REPEATED = new Set<CommandId>(["next", "previous", "find-next", "find-previous", "zoom-in", "zoom-out"]);
const byKeys = new Map<string, CommandId>(COMMANDS.flatMap(({ id, keys }) => keys.map((one) => [one, id] as const)));
const firstStrokes = new Set(
  [...byKeys.keys()].filter((keys) => keys.includes(" ")).map((keys) => keys.split(" ")[0]!),
);

const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/** Returns true if the focused element handles this key itself. */
function takenBy(target: EventTarget | null, stroke: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if ((stroke === "Enter" || stroke === " ") && target.closest("button,a,[role=button],[role=switch],[role=tab]"))
    return true;
  if (stroke !== "Escape" && target.closest("button[role=combobox],[data-options]")) return true;
  return Boolean(target.closest(".cm-editor") && !stroke.startsWith("Mod+"));
}

export function listenForKeys(): () => void {
  let first = "";
  let timer: number | undefined;
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.key === "Shift" || event.key === "Control" || event.key === "Meta") return;
    const stroke = strokeOf(event);
    const modal = document.querySelector("[data-modal]");
    if (
      (typing(event.target) || modal || takenBy(event.target, stroke)) &&
      !/^(Mod|Alt)\+|^F\d/.test(stroke) &&
      !stroke.startsWith("Shift+F")
    )
      return;
    clearTimeout(timer);
    const keys = first ? `${first} ${stroke}` : stroke;
    first = "";
    const id = byKeys.get(keys);
    // In a field, Ctrl+Z undoes the typing.
    if (id === "undo" && typing(event.target)) return;
    // A held key repeats only navigation and zoom.
    if (id && event.repeat && !REPEATED.has(id)) return event.preventDefault();
    if (id && perform(id, keys)) {
      event.preventDefault();
    } else if (firstStrokes.has(stroke)) {
      first = stroke;
      timer = window.setTimeout(() => (first = ""), SEQUENCE_MS);
    }
  };
  window.addEventListener("keydown", onKeyDown);
  return () => window.removeEventListener("keydown", onKeyDown);
}
