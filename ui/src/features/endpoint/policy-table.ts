/** The values of a delivery policy: labels, and conversion from and to text. */
import { duration } from "../../ui/format";

interface Schedule {
  fixed?: number[];
  exponential?: { first_s: number; factor: number; retries: number };
}
type Disable = "never" | Record<string, number>;

const UNITS = [
  ["h", 3600],
  ["min", 60],
  ["s", 1],
] as const;

/** Formats seconds in their largest whole unit. */
function wait(seconds: number): string {
  const [unit, scale] = UNITS.find(([, scale]) => seconds >= scale && seconds % scale === 0) ?? UNITS[2];
  return `${seconds / scale} ${unit}`;
}

/** Parses delays such as `1 min, 5 min, 2 h`. Numbers without a unit are seconds. */
export function waits(text: string): number[] {
  const parts = text
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);
  return parts.map((part) => {
    const [, number, unit = "s"] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/.exec(part) ?? [];
    const scale = { s: 1, "": 1, m: 60, min: 60, h: 3600, d: 86_400 }[unit];
    if (number === undefined || scale === undefined) throw new Error(`Invalid delay: ${part}. Use 30 s, 5 min or 2 h.`);
    return Math.round(Number(number) * scale);
  });
}

/** Parses a number. */
function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || Number.isNaN(value)) throw new Error(`Invalid number: ${text || "(empty)"}.`);
  return value;
}

/** Parses a timeout such as `500 ms` or `5 s`, into ms. */
function milliseconds(text: string): number {
  const [, value, unit = "ms"] = /^(\d+(?:\.\d+)?)\s*(ms|s)?$/.exec(text.trim()) ?? [];
  if (value === undefined) throw new Error(`Invalid timeout: ${text || "(empty)"}. Use 500 ms or 5 s.`);
  return Math.round(Number(value) * (unit === "s" ? 1000 : 1));
}

export interface PolicyRow {
  field: string;
  name: string;
  words: (value: never) => string;
  /** Options of the value. A value with neither options nor a parser cannot be changed. */
  choices?: readonly (readonly [string, string])[];
  write?: (value: never) => string;
  read?: (text: string) => unknown;
  hint?: string;
}

const BOOLEAN = (yes: string, no: string) =>
  [
    ["true", yes],
    ["false", no],
  ] as const;

/** The values of a policy in display order. */
export const POLICY: readonly PolicyRow[] = [
  {
    field: "success",
    name: "Success codes",
    words: (value: string) => (value === "200" ? "only 200" : "any 2xx"),
    choices: [
      ["2xx", "any 2xx"],
      ["200", "only 200"],
    ],
  },
  {
    field: "timeout_ms",
    name: "Timeout",
    words: (value: number) => duration(value),
    write: (value: number) => `${value} ms`,
    read: milliseconds,
    hint: "ms, or s",
  },
  {
    field: "connect_timeout_ms",
    name: "Connect timeout",
    words: (value: number) => duration(value),
    write: (value: number) => `${value} ms`,
    read: milliseconds,
    hint: "ms, or s",
  },
  {
    field: "schedule",
    name: "Retry schedule",
    words: (value: Schedule) =>
      value.fixed
        ? value.fixed.map(wait).join(", ") || "none"
        : `${value.exponential!.retries}, from ${wait(value.exponential!.first_s)}, each ×${value.exponential!.factor}`,
    write: (value: Schedule) =>
      value.fixed
        ? value.fixed.map(wait).join(", ")
        : `${value.exponential!.retries} from ${wait(value.exponential!.first_s)} x${value.exponential!.factor}`,
    read: (text) => {
      const [, retries, first, factor] = /^(\d+)\s+from\s+(.+?)\s*[x×]\s*(\d+(?:\.\d+)?)$/.exec(text.trim()) ?? [];
      return retries === undefined
        ? { fixed: waits(text) }
        : { exponential: { retries: Number(retries), first_s: waits(first!)[0] ?? 0, factor: Number(factor) } };
    },
    hint: "1 min, 5 min, 2 h; or 5 from 30 s x2; empty for none",
  },
  {
    field: "retry_on",
    name: "Retry on",
    words: (value: string) => (value === "all" ? "every failure" : "5xx, timeouts and connection failures"),
    choices: [
      ["all", "every failure"],
      ["server_errors", "5xx and no response"],
    ],
  },
  {
    field: "jitter_percent",
    name: "Jitter",
    words: (value: number) => (value ? `${value} %` : "none"),
    write: (value: number) => `${value} %`,
    read: (text) => number(text.replace("%", "")),
    hint: "%",
  },
  {
    field: "retry_after",
    name: "Retry-After",
    words: (value: boolean) => (value ? "honored" : "ignored"),
    choices: BOOLEAN("honored", "ignored"),
  },
  { field: "redirects", name: "Redirects", words: () => "count as failures" },
  {
    field: "disable",
    name: "Auto-disable",
    words: (value: Disable) =>
      value === "never"
        ? "never"
        : Object.entries(value)
            .map(([what, times]) => `after ${times} ${what.replaceAll("_", " ")}`)
            .join(),
    write: (value: Disable) =>
      value === "never"
        ? "never"
        : Object.entries(value)
            .map(([what, times]) => `${times} ${what.replaceAll("_", " ")}`)
            .join(),
    read: (text) => {
      if (text.trim() === "never") return "never";
      const [, times, what] = /^(\d+)\s+(failed retries|failed attempts|exhausted deliveries)$/.exec(text.trim()) ?? [];
      if (times === undefined)
        throw new Error(
          `Invalid value: ${text}. Use never, 5 failed retries, 5 failed attempts or 5 exhausted deliveries.`,
        );
      return { [what!.replaceAll(" ", "_")]: Number(times) };
    },
    hint: "never; 5 failed retries (of one delivery); 5 failed attempts or 5 exhausted deliveries (in a row)",
  },
  {
    field: "gone",
    name: "410 Gone",
    words: (value: string) => (value === "disable" ? "disables the endpoint" : "counts as a failure"),
    choices: [
      ["disable", "disable"],
      ["failure", "count as failure"],
    ],
  },
  {
    field: "https",
    name: "HTTPS",
    words: String,
    choices: [
      ["required", "required"],
      ["advised", "advised"],
    ],
  },
  {
    field: "endpoints_max",
    name: "Endpoint limit",
    words: (value: number) => (value ? `at most ${value} per account` : "none"),
    write: String,
    read: number,
    hint: "per account; 0 for no limit",
  },
  {
    field: "unique_url",
    name: "Unique URL",
    words: (value: boolean) => (value ? "once per account" : "not required"),
    choices: BOOLEAN("once per account", "not required"),
  },
];
