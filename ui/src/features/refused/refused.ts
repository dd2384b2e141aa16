/** Texts about refused requests, which could not be stored. */
import type { Status } from "../../api/client";
import { count } from "../../ui/format";

type Totals = Status["refusals"];

/** Descriptions of reasons whose code is not clear enough. */
const REASONS: Record<string, string> = {
  unwritable: "the data folder cannot be written",
  locked: "the database is locked",
  damaged: "the database is damaged",
  tls: "TLS on a plain HTTP port",
};

/** Returns a reason such as `disk_full` as words. */
export const reasonText = (reason: string): string => REASONS[reason] ?? reason.replaceAll("_", " ");

const time = (then: string): string =>
  new Date(then).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

/**
 * Returns the text of the alarm: the number of refused requests and the reasons, most frequent first. Null if all
 * refused requests were dismissed.
 */
export function refusedText(totals: Totals, today = new Date()): string | null {
  const all = totals.reduce((sum, { open }) => sum + open, 0);
  if (all === 0) return null;
  const reasons = new Map<string, number>();
  const undismissed = totals.filter(({ open }) => open > 0);
  for (const { reason, open } of undismissed) reasons.set(reason, (reasons.get(reason) ?? 0) + open);
  const sorted = [...reasons].sort(([, a], [, b]) => b - a);
  const why = sorted
    .map(([reason, number]) => reasonText(reason) + (sorted.length > 1 ? ` (${count(number)})` : ""))
    .join(", ");
  const since = undismissed.map((total) => total.since).sort()[0]!;
  const day =
    new Date(since).toDateString() === today.toDateString() ? "" : `${new Date(since).toLocaleDateString("en-CA")} `;
  return `${count(all)} ${all === 1 ? "request" : "requests"} refused since ${day}${time(since)}: ${why}`;
}
