/** The values of a policy: how each is said, and how it is written and read where a person sets it. */
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

/** Seconds in their largest whole unit. */
function wait(seconds: number): string {
  const [unit, scale] = UNITS.find(([, scale]) => seconds >= scale && seconds % scale === 0) ?? UNITS[2];
  return `${seconds / scale} ${unit}`;
}

/** Parses waits such as `1 min, 5 min, 2 h`; plain numbers are seconds. */
export function waits(text: string): number[] {
  const parts = text
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);
  return parts.map((part) => {
    const [, number, unit = "s"] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/.exec(part) ?? [];
    const scale = { s: 1, "": 1, m: 60, min: 60, h: 3600, d: 86_400 }[unit];
    if (number === undefined || scale === undefined) throw new Error(`${part} is no wait; write 30 s, 5 min or 2 h.`);
    return Math.round(Number(number) * scale);
  });
}

/** A written number. */
function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || Number.isNaN(value)) throw new Error(`${text || "Nothing"} is no number.`);
  return value;
}

/** A time-out in ms; `5 s` is five seconds. */
function milliseconds(text: string): number {
  const [, value, unit = "ms"] = /^(\d+(?:\.\d+)?)\s*(ms|s)?$/.exec(text.trim()) ?? [];
  if (value === undefined) throw new Error(`${text || "Nothing"} is no time-out; write 500 ms or 5 s.`);
  return Math.round(Number(value) * (unit === "s" ? 1000 : 1));
}

export interface PolicyRow {
  field: string;
  name: string;
  words: (value: never) => string;
  /** Choices, or how a written value is read; neither where it cannot be set. */
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

/** A policy's values, in the order a person asks for them. */
export const POLICY: readonly PolicyRow[] = [
  {
    field: "success",
    name: "Success",
    words: (value: string) => (value === "200" ? "exactly 200" : "any 2xx"),
    choices: [
      ["2xx", "any 2xx"],
      ["200", "exactly 200"],
    ],
  },
  {
    field: "timeout_ms",
    name: "Time-out",
    words: (value: number) => duration(value),
    write: (value: number) => `${value} ms`,
    read: milliseconds,
    hint: "ms, or s",
  },
  {
    field: "connect_timeout_ms",
    name: "To connect",
    words: (value: number) => duration(value),
    write: (value: number) => `${value} ms`,
    read: milliseconds,
    hint: "ms, or s",
  },
  {
    field: "schedule",
    name: "Retries",
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
    name: "Tried again",
    words: (value: string) => (value === "all" ? "every failure" : "5xx, time-outs and connections that fail"),
    choices: [
      ["all", "every failure"],
      ["server_errors", "5xx and no answer"],
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
    words: (value: boolean) => (value ? "kept" : "not looked at"),
    choices: BOOLEAN("kept", "not looked at"),
  },
  { field: "redirects", name: "Redirects", words: () => "a failure" },
  {
    field: "disable",
    name: "Switched off",
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
          `${text} says not when; write never, 5 failed retries, 5 failed attempts or 5 exhausted deliveries.`,
        );
      return { [what!.replaceAll(" ", "_")]: Number(times) };
    },
    hint: "never; 5 failed retries (of one delivery); 5 failed attempts or 5 exhausted deliveries (in a row)",
  },
  {
    field: "gone",
    name: "410",
    words: (value: string) => (value === "disable" ? "switches it off at once" : "a failure like any other"),
    choices: [
      ["disable", "switches it off"],
      ["failure", "a failure"],
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
    name: "Endpoints",
    words: (value: number) => (value ? `at most ${value} in its scope` : "any number"),
    write: String,
    read: number,
    hint: "in its scope; 0 is no limit",
  },
  {
    field: "unique_url",
    name: "Its URL",
    words: (value: boolean) => (value ? "once in its scope" : "any number of times"),
    choices: BOOLEAN("once in its scope", "any number of times"),
  },
];
