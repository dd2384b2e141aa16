/**
 * A JSON text as an index over its own bytes: which value starts and ends where, in document order. Several documents one
 * after the other, as in JSON Lines, are several values without a parent.
 *
 * `JSON.parse` would lose what an inspector has to show: numbers past 2^53, repeated keys, the order
 * of keys that look like numbers. The index keeps the bytes, costs no object per value, and knows no
 * recursion, so that neither 12 MB nor 10,000 levels matter to it.
 */

export const Kind = { object: 0, array: 1, string: 2, number: 3, literal: 4 } as const;

export interface JsonIndex {
  bytes: Uint8Array<ArrayBuffer>;
  /** Number of values. */
  length: number;
  kind: Uint8Array;
  start: Int32Array;
  /** Just after the value's last byte. */
  end: Int32Array;
  /** First byte of the key's string, quote included; -1 where the parent is no object. */
  key: Int32Array;
  /** First value after this one's descendants. */
  after: Int32Array;
  /** Children of an object or array. */
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

/** End of the string whose opening quote is at `at`. */
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

/** Indexes a JSON text, or throws where it stops being one. */
export function indexJson(bytes: Uint8Array<ArrayBuffer>): JsonIndex {
  let size = Math.max(16, bytes.length >> 4);
  let kind = new Uint8Array(size),
    start = new Int32Array(size),
    end = new Int32Array(size),
    key = new Int32Array(size);
  let after = new Int32Array(size),
    count = new Int32Array(size),
    depth = new Int32Array(size),
    parent = new Int32Array(size);
  let length = 0;
  let open = -1;
  let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  const space = (): void => {
    while (isSpace(bytes[at])) at++;
  };
  const add = (what: number, keyAt: number): void => {
    if (length === size) {
      size *= 2;
      kind = grown(kind, size);
      start = grown(start, size);
      end = grown(end, size);
      key = grown(key, size);
      after = grown(after, size);
      count = grown(count, size);
      depth = grown(depth, size);
      parent = grown(parent, size);
    }
    kind[length] = what;
    start[length] = at;
    key[length] = keyAt;
    parent[length] = open;
    depth[length] = open < 0 ? 0 : depth[open]! + 1;
    if (open >= 0) count[open]!++;
    length++;
  };
  /** Closes `open` and everything it completes is left to the loop. */
  const close = (): void => {
    end[open] = ++at;
    after[open] = length;
    open = parent[open]!;
  };
  let wantsValue = true;
  space();
  for (;;) {
    if (wantsValue) {
      let keyAt = -1;
      if (open >= 0 && kind[open] === Kind.object) {
        if (bytes[at] !== QUOTE) throw new NotJson(at);
        keyAt = at;
        at = stringEnd(bytes, at);
        space();
        if (bytes[at] !== COLON) throw new NotJson(at);
        at++;
        space();
      }
      const byte = bytes[at];
      if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        add(byte === OPEN_OBJECT ? Kind.object : Kind.array, keyAt);
        open = length - 1;
        at++;
        space();
        if (bytes[at] === (byte === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_ARRAY)) {
          close();
          wantsValue = false;
        }
        continue;
      }
      const from = at;
      if (byte === QUOTE) {
        add(Kind.string, keyAt);
        at = stringEnd(bytes, at);
      } else {
        const stop = scalarEnd(bytes, at);
        const literal = isLiteral(bytes, at, stop);
        if (!literal && !NUMBER.test(String.fromCharCode(...bytes.subarray(at, Math.min(stop, at + 10_000)))))
          throw new NotJson(at);
        add(literal ? Kind.literal : Kind.number, keyAt);
        at = stop;
      }
      if (at === from) throw new NotJson(at);
      end[length - 1] = at;
      after[length - 1] = length;
      wantsValue = false;
      continue;
    }
    space();
    if (open < 0) {
      // Another document may follow, as in JSON Lines; scalars need white space between them.
      if (at >= bytes.length) break;
      if (kind[length - 1]! > Kind.array && at === end[length - 1]) throw new NotJson(at);
      wantsValue = true;
      continue;
    }
    if (bytes[at] === COMMA) {
      at++;
      space();
      wantsValue = true;
    } else if (bytes[at] === (kind[open] === Kind.object ? CLOSE_OBJECT : CLOSE_ARRAY)) {
      close();
    } else {
      throw new NotJson(at);
    }
  }
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

const decoder = new TextDecoder();

/** Source text of a range of bytes. */
export const source = (index: JsonIndex, start: number, end: number): string =>
  decoder.decode(index.bytes.subarray(start, end));

/** A JSON string as the text it stands for; its source where its escapes do not read. */
function unquoted(text: string): string {
  try {
    return JSON.parse(text) as string;
  } catch {
    return text;
  }
}

/** The key of a value: its name in an object, its place in an array, none at the root. */
export function keyOf(index: JsonIndex, node: number): string | number | null {
  const at = index.key[node]!;
  if (at >= 0) return unquoted(source(index, at, stringEnd(index.bytes, at)));
  const parent = index.parent[node]!;
  if (parent < 0) return null;
  let place = 0;
  for (let sibling = parent + 1; sibling < node; sibling = index.after[sibling]!) place++;
  return place;
}

/** The value as text: a string without quotes, everything else as in the source. */
export function valueOf(index: JsonIndex, node: number): string {
  const text = source(index, index.start[node]!, index.end[node]!);
  return index.kind[node] === Kind.string ? unquoted(text) : text;
}

const PLAIN_KEY = /^[A-Za-z_$][\w$]*$/;

/** Path of a value, as in `data.items[0]["a b"]`. */
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

/** Keys and places that lead to a value. */
export function stepsOf(index: JsonIndex, node: number): (string | number)[] {
  const steps: (string | number)[] = [];
  for (let at = node; index.parent[at]! >= 0; at = index.parent[at]!) steps.push(keyOf(index, at) ?? "");
  return steps.reverse();
}

/** The values that show: those whose ancestors are all open. */
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

/** Indentation stops growing here, so that no line is mostly blank. */
const INDENT_MAX = 40;

/** The text laid out one value a line; every scalar as it was written. */
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
