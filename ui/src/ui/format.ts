/** Formatting of sizes, ages, times and captured text. */

export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  for (const [unit, power] of [
    ["kB", 1e3],
    ["MB", 1e6],
    ["GB", 1e9],
  ] as const) {
    if (bytes < power * 1000) return `${(bytes / power).toFixed(1)} ${unit}`;
  }
  return `${(bytes / 1e12).toFixed(1)} TB`;
}

/** Formats a number by the locale of the system. */
export function count(number: number): string {
  return number.toLocaleString();
}

const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });
const DAY_OF_YEAR = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });

/** Formats the time of day of an instant, with seconds. */
export const clock = (then: string | number): string => CLOCK.format(new Date(then));

/** Formats the hour and minute of an instant. */
export const hourAndMinute = (then: string | number): string => clock(then).slice(0, 5);

/** Formats the day of an instant, with the year if it is not this one. */
export function day(then: string | number): string {
  const date = new Date(then);
  return (date.getFullYear() === new Date().getFullYear() ? DAY : DAY_OF_YEAR).format(date);
}

/** Returns a number that is equal for all instants of one local day. */
export function dayNumber(then: string): number {
  const date = new Date(then);
  return date.getFullYear() * 10_000 + date.getMonth() * 100 + date.getDate();
}

/** Formats the time since an instant, in the largest whole unit. */
export function age(then: string, now: number): string {
  const seconds = Math.max(0, Math.floor((now - Date.parse(then)) / 1000));
  if (seconds < 2) return "now";
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** Formats an instant as local date and time with milliseconds. */
export function moment(then: string): string {
  const date = new Date(then);
  const on = date.toDateString() === new Date().toDateString() ? "today" : day(then);
  return `${on} ${clock(then)}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

export function duration(ms: number): string {
  if (ms < 1) return `${Math.round(ms * 1000)} µs`;
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  return `${(ms / 1000).toFixed(1)} s`;
}

/** Escapes characters that move the cursor or reorder text, because captured text can be hostile. */
export function visible(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (character) =>
    character === "\t" ? character : `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}

/** Escapes such characters in a text of several lines. */
export const visibleLines = (text: string): string => text.split("\n").map(visible).join("\n");

/**
 * Returns true if a text contains another, ignoring case. The collator of Base UI is case-sensitive in WebKitGTK.
 */
export const contains = (text: string, part: string): boolean => text.toLowerCase().includes(part.trim().toLowerCase());
