/** The columns of a list of requests. They depend on the width of the list, not on that of the window. */

/** Columns that can be hidden. The event and the time are always shown. */
export const COLUMNS = [
  { id: "subject", name: "Subject", width: 0, from: 0 },
  { id: "inbox", name: "Inbox", width: 112, from: 560 },
  { id: "path", name: "Path", width: 96, from: 860 },
  { id: "app", name: "App", width: 44, from: 0 },
  { id: "response", name: "Response", width: 60, from: 460 },
  { id: "size", name: "Size", width: 56, from: 600 },
] as const;

export type ColumnId = (typeof COLUMNS)[number]["id"];

/** Width below which the signature status is only an icon, and the time has no seconds, in px. */
const WORD_FROM = 460;
const SECONDS_FROM = 380;

export interface Layout {
  shown: ReadonlySet<ColumnId>;
  /** True if the signature status is shown as a word beside its icon. */
  word: boolean;
  seconds: boolean;
  /** Value of `grid-template-columns`. */
  template: string;
}

/** Returns the layout of a list of this width. A list of one inbox has no column for the inbox. */
export function layoutOf(
  width: number,
  hidden: readonly string[],
  { isAll, hasSnippets }: { isAll: boolean; hasSnippets: boolean },
): Layout {
  const fits = COLUMNS.filter(
    ({ id, from }) =>
      width >= from &&
      !hidden.includes(id) &&
      (id !== "inbox" || isAll) &&
      // The snippet needs the room, and shows the path of what was found.
      !(hasSnippets && (id === "path" || id === "size" || id === "subject")),
  );
  const word = width >= WORD_FROM;
  const seconds = width >= SECONDS_FROM;
  const fixed = fits.filter(({ width }) => width > 0).map(({ width }) => `${width}px`);
  const template = ["8px", word ? "84px" : "20px", "minmax(0,1fr)", ...fixed, seconds ? "58px" : "38px"].join(" ");
  return { shown: new Set(fits.map(({ id }) => id)), word, seconds, template };
}
