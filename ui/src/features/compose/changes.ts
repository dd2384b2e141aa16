/** Differences between two drafts, in words. */
import type { Draft } from "./draft";

/** Maximum number of values of a body that are compared. */
const VALUES_MAX = 5_000;
/** Maximum length of a value in words, in characters. */
const SHOWN = 24;

type Values = Map<string, string>;

/** Adds the scalar values of a document with their paths. Returns false if there are too many. */
function collect(value: unknown, path: string, values: Values): boolean {
  if (values.size >= VALUES_MAX) return false;
  if (typeof value !== "object" || value === null) {
    values.set(path, JSON.stringify(value));
    return true;
  }
  return Object.entries(value).every(([key, one]) => collect(one, path ? `${path}.${key}` : key, values));
}

function valuesOf(body: string): Values | undefined {
  const values: Values = new Map();
  try {
    return collect(JSON.parse(body), "", values) ? values : undefined;
  } catch {
    return undefined;
  }
}

const short = (text: string): string => (text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);

/** Describes how a body differs from the one before. Undefined if it does not. */
export function bodyChange(before: string, after: string): string | undefined {
  if (before === after) return undefined;
  const [a, b] = [valuesOf(before), valuesOf(after)];
  if (!a || !b) return "body";
  const paths = [...new Set([...a.keys(), ...b.keys()])].filter((path) => a.get(path) !== b.get(path));
  const [path] = paths;
  if (path === undefined) return "layout of the body";
  if (paths.length > 1) return `${paths.length} values`;
  const name = path.split(".").at(-1);
  if (!b.has(path)) return `without ${name}`;
  return a.has(path)
    ? `${name} ${short(a.get(path)!)} to ${short(b.get(path)!)}`
    : `new ${name} ${short(b.get(path)!)}`;
}

const headersOf = ({ headers }: Draft): Values =>
  new Map(headers.filter(({ on, name }) => on && name).map(({ name, value }) => [name, value]));

/** Describes how a draft differs from the one before, or that it is the first one. */
export function changeOf(before: Draft | undefined, after: Draft): string {
  if (!before) return "first send";
  const parts: string[] = [];
  if (before.method !== after.method) parts.push(after.method);
  if (before.url !== after.url || before.endpoint !== after.endpoint) parts.push("target");
  if (before.event !== after.event) parts.push(after.event);
  if (before.reSign !== after.reSign) parts.push(`Re-sign ${after.reSign ? "on" : "off"}`);
  const [a, b] = [headersOf(before), headersOf(after)];
  const names = [...new Set([...a.keys(), ...b.keys()])].filter((name) => a.get(name) !== b.get(name));
  parts.push(...names.slice(0, 2));
  if (names.length > 2) parts.push(`${names.length - 2} more headers`);
  const body = bodyChange(before.body, after.body);
  if (body) parts.push(body);
  return parts.join(", ") || "no changes";
}
