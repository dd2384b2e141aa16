/** Search for text in an indexed JSON body. */
import type { JsonIndex } from "./json-index";

/** Maximum number of matches that are listed. */
export const MATCHES_MAX = 10_000;

const lower = (byte: number): number => (byte >= 65 && byte <= 90 ? byte + 32 : byte);

/** Returns the last value that begins, with its key, at or before a position. */
function nodeAt(index: JsonIndex, position: number): number {
  const beginOf = (node: number): number => (index.key[node]! >= 0 ? index.key[node]! : index.start[node]!);
  let [low, high] = [0, index.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (beginOf(middle) <= position) low = middle;
    else high = middle - 1;
  }
  return low;
}

/**
 * Returns the values whose key or text contains a text, in order and each once. The case of ASCII letters is ignored.
 * The body is searched as sent, so an escaped character is not found by the character itself.
 */
export function findNodes(index: JsonIndex, text: string): number[] {
  const needle = new TextEncoder().encode(text).map(lower);
  const { bytes } = index;
  const nodes: number[] = [];
  if (needle.length === 0) return nodes;
  const [first] = needle;
  for (let at = 0; at <= bytes.length - needle.length && nodes.length < MATCHES_MAX; at++) {
    if (lower(bytes[at]!) !== first) continue;
    let length = 1;
    while (length < needle.length && lower(bytes[at + length]!) === needle[length]) length++;
    if (length < needle.length) continue;
    const node = nodeAt(index, at);
    if (nodes.at(-1) !== node) nodes.push(node);
    at += needle.length - 1;
  }
  return nodes;
}

/** Returns the containers that must be open for a value to be visible. */
export function ancestorsOf(index: JsonIndex, node: number): number[] {
  const ancestors: number[] = [];
  for (let at = index.parent[node]!; at >= 0; at = index.parent[at]!) ancestors.push(at);
  return ancestors;
}
