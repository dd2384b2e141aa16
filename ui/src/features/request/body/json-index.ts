/**
 * An index over the bytes of a JSON text: the start and end of each value, in document order. A sequence of
 * documents, as in JSON Lines, becomes several values without a parent.
 *
 * `JSON.parse` loses details that an inspector must show: numbers past 2^53, duplicate keys, the order of keys that
 * look like numbers. The index keeps the bytes, allocates no object per value and uses no recursion, so it can handle
 * 12 MB or 10,000 levels.
 */

export const Kind = { object: 0, array: 1, string: 2, number: 3, literal: 4 } as const;

export interface JsonIndex {
  bytes: Uint8Array<ArrayBuffer>;
  /** Number of values. */
  length: number;
  kind: Uint8Array;
  start: Int32Array;
  /** Position after the last byte of each value. */
  end: Int32Array;
  /** Position of the opening quote of each key; -1 if the parent is not an object. */
  key: Int32Array;
  /** Index of the first value after the descendants. */
  after: Int32Array;
  /** Number of children of an object or array. */
  count: Int32Array;
  depth: Int32Array;
  parent: Int32Array;
}

export class NotJson extends Error {
  readonly at: number;
  constructor(at: number) {
    super(`not JSON at byte ${at}`);
    this.at = at;
  }
}

const QUOTE = 34,
  BACKSLASH = 92,
  COMMA = 44,
  COLON = 58,
  OPEN_OBJECT = 123,
  CLOSE_OBJECT = 125,
  OPEN_ARRAY = 91,
  CLOSE_ARRAY = 93;
const LITERALS = ["true", "false", "null"].map((word) => new TextEncoder().encode(word));

const isSpace = (byte: number | undefined): boolean => byte === 32 || byte === 10 || byte === 13 || byte === 9;

function grown<A extends Int32Array | Uint8Array>(array: A, size: number): A {
  const larger = new (array.constructor as new (size: number) => A)(size);
  larger.set(array);
  return larger;
}

/** Returns the end of the string whose opening quote is at `at`. */
function stringEnd(bytes: Uint8Array, at: number): number {
  for (let i = at + 1; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte === QUOTE) return i + 1;
    if (byte === BACKSLASH) i++;
    else if (byte < 32) throw new NotJson(i);
  }
  throw new NotJson(bytes.length);
}

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

function scalarEnd(bytes: Uint8Array, at: number): number {
  let end = at;
  while (
    end < bytes.length &&
    !isSpace(bytes[end]) &&
    bytes[end] !== COMMA &&
    bytes[end] !== CLOSE_OBJECT &&
    bytes[end] !== CLOSE_ARRAY
  )
    end++;
  return end;
}

function isLiteral(bytes: Uint8Array, start: number, end: number): boolean {
  return LITERALS.some((word) => word.length === end - start && word.every((byte, i) => bytes[start + i] === byte));
}

/** The values read so far, in the order of their start. */
class Values {
  length = 0;
  /** Index of the innermost open container; -1 at the root. */
  open = -1;
  #size: number;
  kind: Uint8Array<ArrayBuffer>;
  start: Int32Array<ArrayBuffer>;
  end: Int32Array<ArrayBuffer>;
  key: Int32Array<ArrayBuffer>;
  after: Int32Array<ArrayBuffer>;
  count: Int32Array<ArrayBuffer>;
  depth: Int32Array<ArrayBuffer>;
  parent: Int32Array<ArrayBuffer>;

  constructor(size: number) {
    this.#size = size;
    this.kind = new Uint8Array(size);
    this.start = new Int32Array(size);
    this.end = new Int32Array(size);
    this.key = new Int32Array(size);
    this.after = new Int32Array(size);
    this.count = new Int32Array(size);
    this.depth = new Int32Array(size);
    this.parent = new Int32Array(size);
  }

  #grow(): void {
    const size = (this.#size *= 2);
    this.kind = grown(this.kind, size);
    this.start = grown(this.start, size);
    this.end = grown(this.end, size);
    this.key = grown(this.key, size);
    this.after = grown(this.after, size);
    this.count = grown(this.count, size);
    this.depth = grown(this.depth, size);
    this.parent = grown(this.parent, size);
  }

  /** Adds a value that starts at `at`, with the key at `keyAt`. */
  add(kind: number, at: number, keyAt: number): void {
    if (this.length === this.#size) this.#grow();
    const { length, open } = this;
    this.kind[length] = kind;
    this.start[length] = at;
    this.key[length] = keyAt;
    this.parent[length] = open;
    this.depth[length] = open < 0 ? 0 : this.depth[open]! + 1;
    if (open >= 0) this.count[open]!++;
    this.length++;
  }

  /** Ends the last value, a scalar, at `end`. */
  endScalar(end: number): void {
    this.end[this.length - 1] = end;
    this.after[this.length - 1] = this.length;
  }

  /** Ends the innermost container at `end`. */
  close(end: number): void {
    this.end[this.open] = end;
    this.after[this.open] = this.length;
    this.open = this.parent[this.open]!;
  }

  index(bytes: Uint8Array<ArrayBuffer>): JsonIndex {
    const { length, kind, start, end, key, after, count, depth, parent } = this;
    return {
      bytes,
      length,
      kind: kind.slice(0, length),
      start: start.slice(0, length),
      end: end.slice(0, length),
      key: key.slice(0, length),
      after: after.slice(0, length),
      count: count.slice(0, length),
      depth: depth.slice(0, length),
      parent: parent.slice(0, length),
    };
  }
}

/** Returns the position after any white space. */
function skipSpace(bytes: Uint8Array, at: number): number {
  let next = at;
  while (isSpace(bytes[next])) next++;
  return next;
}

/** Returns the position of the value after the key at `at`. */
function skipKey(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== QUOTE) throw new NotJson(at);
  const colon = skipSpace(bytes, stringEnd(bytes, at));
  if (bytes[colon] !== COLON) throw new NotJson(colon);
  return skipSpace(bytes, colon + 1);
}

/** Maximum length of a number in bytes. */
const NUMBER_MAX = 10_000;

/** Adds the scalar at `at` and returns its end. */
function addScalar(values: Values, bytes: Uint8Array, at: number, keyAt: number): number {
  if (bytes[at] === QUOTE) {
    values.add(Kind.string, at, keyAt);
    return stringEnd(bytes, at);
  }
  const end = scalarEnd(bytes, at);
  const literal = isLiteral(bytes, at, end);
  if (!literal && !NUMBER.test(String.fromCharCode(...bytes.subarray(at, Math.min(end, at + NUMBER_MAX)))))
    throw new NotJson(at);
  values.add(literal ? Kind.literal : Kind.number, at, keyAt);
  return end;
}

const closerOf = (kind: number | undefined): number => (kind === Kind.object ? CLOSE_OBJECT : CLOSE_ARRAY);

/** Reads one value, or the start of a container that is not empty, and returns the position after it. */
function readValue(values: Values, bytes: Uint8Array, from: number): number {
  const inObject = values.open >= 0 && values.kind[values.open] === Kind.object;
  const at = inObject ? skipKey(bytes, from) : from;
  const keyAt = inObject ? from : -1;
  const byte = bytes[at];
  if (byte !== OPEN_OBJECT && byte !== OPEN_ARRAY) {
    const end = addScalar(values, bytes, at, keyAt);
    values.endScalar(end);
    return end;
  }
  const kind = byte === OPEN_OBJECT ? Kind.object : Kind.array;
  values.add(kind, at, keyAt);
  values.open = values.length - 1;
  const inside = skipSpace(bytes, at + 1);
  if (bytes[inside] !== closerOf(kind)) return inside;
  values.close(inside + 1);
  return inside + 1;
}

/** Indexes a JSON text. Throws `NotJson` with the position of the first error. */
export function indexJson(bytes: Uint8Array<ArrayBuffer>): JsonIndex {
  const values = new Values(Math.max(16, bytes.length >> 4));
  const mark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  let at = skipSpace(bytes, mark);
  for (;;) {
    const last = values.length;
    at = readValue(values, bytes, at);
    // The first value of a container that was just opened is next.
    if (values.open === last) continue;
    at = skipSpace(bytes, at);
    while (values.open >= 0 && bytes[at] === closerOf(values.kind[values.open])) {
      values.close(at + 1);
      at = skipSpace(bytes, at + 1);
    }
    if (values.open >= 0) {
      if (bytes[at] !== COMMA) throw new NotJson(at);
      at = skipSpace(bytes, at + 1);
    } else {
      // Another document may follow, as in JSON Lines; scalars need white space between them.
      if (at >= bytes.length) return values.index(bytes);
      const end = values.end[values.length - 1];
      if (values.kind[values.length - 1]! > Kind.array && at === end) throw new NotJson(at);
    }
  }
}

const decoder = new TextDecoder();

/** Returns the source text of a range of bytes. */
export const source = (index: JsonIndex, start: number, end: number): string =>
  decoder.decode(index.bytes.subarray(start, end));

/** Decodes a JSON string. Returns the source if its escapes are invalid. */
function unquoted(text: string): string {
  try {
    return JSON.parse(text) as string;
  } catch {
    return text;
  }
}

/** Returns the key of a value: its name in an object, its index in an array, null at the root. */
export function keyOf(index: JsonIndex, node: number): string | number | null {
  const at = index.key[node]!;
  if (at >= 0) return unquoted(source(index, at, stringEnd(index.bytes, at)));
  const parent = index.parent[node]!;
  if (parent < 0) return null;
  let place = 0;
  for (let sibling = parent + 1; sibling < node; sibling = index.after[sibling]!) place++;
  return place;
}

/** Returns a value as text: a string without quotes, any other value as in the source. */
export function valueOf(index: JsonIndex, node: number): string {
  const text = source(index, index.start[node]!, index.end[node]!);
  return index.kind[node] === Kind.string ? unquoted(text) : text;
}

const PLAIN_KEY = /^[A-Za-z_$][\w$]*$/;

/** Returns the path of a value, such as `data.items[0]["a b"]`. */
export function pathOf(index: JsonIndex, node: number): string {
  const steps: string[] = [];
  for (let at = node; index.parent[at]! >= 0; at = index.parent[at]!) {
    const key = keyOf(index, at);
    steps.push(
      typeof key === "number" ? `[${key}]` : PLAIN_KEY.test(String(key)) ? `.${key}` : `[${JSON.stringify(key)}]`,
    );
  }
  return steps.reverse().join("").replace(/^\./, "");
}

/** Returns the keys and indexes that lead to a value. */
export function stepsOf(index: JsonIndex, node: number): (string | number)[] {
  const steps: (string | number)[] = [];
  for (let at = node; index.parent[at]! >= 0; at = index.parent[at]!) steps.push(keyOf(index, at) ?? "");
  return steps.reverse();
}

/** Returns the visible values: those whose ancestors are all open. */
export function visibleNodes(index: JsonIndex, isOpen: Uint8Array): Int32Array {
  const shown = new Int32Array(index.length);
  let count = 0;
  for (let node = 0; node < index.length;) {
    shown[count++] = node;
    const container = index.kind[node]! <= Kind.array;
    node = container && !isOpen[node] ? index.after[node]! : node + 1;
  }
  return shown.slice(0, count);
}

/** Returns the index of one value and the values in it. */
export function part(index: JsonIndex, node: number): JsonIndex {
  const end = index.after[node]!;
  const depth = index.depth[node]!;
  const moved = (array: Int32Array, by: number): Int32Array<ArrayBuffer> =>
    Int32Array.from(array.subarray(node, end), (value) => value - by);
  const key = moved(index.key, 0);
  key[0] = -1;
  const parent = moved(index.parent, node);
  parent[0] = -1;
  return {
    bytes: index.bytes,
    length: end - node,
    kind: index.kind.slice(node, end),
    start: moved(index.start, 0),
    end: moved(index.end, 0),
    key,
    after: moved(index.after, node),
    count: moved(index.count, 0),
    depth: moved(index.depth, depth),
    parent,
  };
}

/** Maximum depth of indentation. Deeper lines are not indented further. */
const INDENT_MAX = 40;

/** Returns the text with one value per line. Scalars stay as in the source. */
export function formatted(index: JsonIndex): string {
  const lines: string[] = [];
  const closers: { after: number; text: string; depth: number }[] = [];
  const pad = (depth: number): string => "  ".repeat(Math.min(depth, INDENT_MAX));
  for (let node = 0; node < index.length; node++) {
    const keyAt = index.key[node]!;
    const key = keyAt >= 0 ? `${source(index, keyAt, stringEnd(index.bytes, keyAt))}: ` : "";
    const depth = index.depth[node]!;
    const container = index.kind[node]! <= Kind.array;
    const [open, close] = index.kind[node] === Kind.object ? ["{", "}"] : ["[", "]"];
    const text = !container
      ? source(index, index.start[node]!, index.end[node]!)
      : index.count[node] === 0
        ? open + close
        : open;
    lines.push(pad(depth) + key + text);
    if (container && index.count[node]! > 0) closers.push({ after: index.after[node]!, text: close, depth });
    const next = node + 1;
    let closed = false;
    while (closers.length && closers.at(-1)!.after === next) {
      const closer = closers.pop()!;
      lines.push(pad(closer.depth) + closer.text);
      closed = true;
    }
    if (next < index.length && index.depth[next]! > 0 && (closed || !container || index.count[node] === 0))
      lines[lines.length - 1] += ",";
  }
  return lines.join("\n");
}
