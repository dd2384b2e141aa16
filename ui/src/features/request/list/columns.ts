/** The columns of a list of requests. They depend on the width of the list, not on that of the window. */

/** Columns that can be hidden, in their order. The event and the time are always shown. Subjects are part of the event. */
export const COLUMNS = [
  { id: "subject", name: "Subject", width: 0 },
  { id: "inbox", name: "Inbox", width: 80 },
  { id: "path", name: "Path", width: 96 },
  { id: "app", name: "App", width: 44 },
  { id: "response", name: "Response", width: 60 },
  { id: "size", name: "Size", width: 56 },
] as const;

export type ColumnId = (typeof COLUMNS)[number]["id"];

/** Columns that are shown if the event keeps its room, the most important first. The others always fit. */
const OPTIONAL = ["inbox", "response", "size", "path"] as const satisfies readonly ColumnId[];

/** Width below which the signature status is only an icon, and the time has no seconds, in px. */
const WORD_FROM = 460;
/** The same in a list of all inboxes, where the event needs the room. */
const WORD_FROM_ALL = 560;
const SECONDS_FROM = 380;

/** Width that an event needs to stay readable, and the padding and the gaps of a row, in px. */
const EVENT = 160;
const PADDING = 20;
const GAP = 8;

export interface Layout {
  shown: ReadonlySet<ColumnId>;
  /** True if the signature status is shown as a word beside its icon. */
  word: boolean;
  seconds: boolean;
  /** True if the inbox is shown beside the event, because its column does not fit. */
  withInbox: boolean;
  /** Value of `grid-template-columns`. */
  template: string;
}

/** Returns the layout of a list of this width. A list of one inbox has no column for the inbox. */
export function layoutOf(
  width: number,
  hidden: readonly string[],
  { isAll, hasSnippets }: { isAll: boolean; hasSnippets: boolean },
): Layout {
  const word = width >= (isAll ? WORD_FROM_ALL : WORD_FROM);
  const seconds = width >= SECONDS_FROM;
  const edges = ["8px", word ? "84px" : "20px", seconds ? "58px" : "38px"] as const;
  const wanted = COLUMNS.filter(
    ({ id }) =>
      !hidden.includes(id) &&
      (id !== "inbox" || isAll) &&
      // The snippet needs the room, and shows the path of what was found.
      !(hasSnippets && (id === "path" || id === "size" || id === "subject")),
  );
  const roomOf = (columns: readonly { width: number }[]): number =>
    columns.reduce(
      (left, column) => left - (column.width > 0 ? column.width + GAP : 0),
      width - PADDING - 3 * GAP - edges.reduce((sum, edge) => sum + parseInt(edge), 0),
    );
  const optional: readonly ColumnId[] = OPTIONAL;
  let fits = wanted.filter(({ id }) => !optional.includes(id));
  for (const id of optional) {
    const more = wanted.filter((column) => column.id === id);
    if (roomOf([...fits, ...more]) >= EVENT) fits = [...fits, ...more];
  }
  const shown = new Set(COLUMNS.filter((column) => fits.includes(column)).map(({ id }) => id));
  const fixed = COLUMNS.flatMap(({ id, width: own }) => (own > 0 && shown.has(id) ? [`${own}px`] : []));
  const template = [edges[0], edges[1], "minmax(0,1fr)", ...fixed, edges[2]].join(" ");
  const withInbox = isAll && !hidden.includes("inbox") && !shown.has("inbox");
  return { shown, word, seconds, withInbox, template };
}
