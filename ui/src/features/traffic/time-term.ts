/** The term `time:a..b` in a query, which the traffic strip writes and reads. */

/** A time range in ms since the epoch. The end does not belong to it. */
export interface Range {
  from: number;
  until: number;
}

const TERM = /(^|\s)time:(\d\d:\d\d)\.\.(\d\d:\d\d)(?=\s|$)/;

const MINUTE = 60_000;

/** Returns the query without its time range. */
export const withoutTime = (query: string): string => query.replace(TERM, " ").replace(/\s+/g, " ").trim();

/** Returns the hour and minute of a time, as in a query. */
function clock(at: number): string {
  const date = new Date(at);
  return `${String(date.getHours()).padStart(2, "0")}:${String(date.getMinutes()).padStart(2, "0")}`;
}

/** Returns the query with this time range instead of the one it has. */
export function withTime(query: string, { from, until }: Range): string {
  const rest = withoutTime(query);
  // The range belongs to all branches of an `or`.
  const bound = /(^|\s)or\s/i.test(rest) ? `(${rest})` : rest;
  return `${bound} time:${clock(from)}..${clock(until)}`.trim();
}

/** Returns the last time with this hour and minute up to `now`. */
function lastAt(text: string, now: number): number {
  const at = new Date(now);
  const [hour, minute] = text.split(":").map(Number);
  at.setHours(hour!, minute, 0, 0);
  if (at.getTime() > now) at.setDate(at.getDate() - 1);
  return at.getTime();
}

/** Returns the time range of a query, read as the engine reads it. Undefined if it has none. */
export function rangeOf(query: string, now: number): Range | undefined {
  const [, , first, last] = TERM.exec(query) ?? [];
  if (!first || !last) return undefined;
  const from = lastAt(first, now);
  const until = new Date(from);
  const [hour, minute] = last.split(":").map(Number);
  until.setHours(hour!, minute, 0, 0);
  if (until.getTime() < from) until.setDate(until.getDate() + 1);
  return { from, until: until.getTime() };
}

/** Returns the range from one minute to another, both included, in any order. `first` is the time of the first one. */
export const rangeOfMinutes = (first: number, a: number, b: number): Range => ({
  from: first + Math.min(a, b) * MINUTE,
  until: first + (Math.max(a, b) + 1) * MINUTE,
});

/** Returns the first and the last minute of a range, limited to the minutes that are shown. */
export function minutesOf({ from, until }: Range, first: number, minutes: number): [number, number] | undefined {
  const a = Math.floor((from - first) / MINUTE);
  const b = Math.ceil((until - first) / MINUTE) - 1;
  if (b < 0 || a >= minutes || b < a) return undefined;
  return [Math.max(0, a), Math.min(minutes - 1, b)];
}
