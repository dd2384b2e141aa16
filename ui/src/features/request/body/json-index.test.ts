import { describe, expect, test } from "vitest";

import { formatted, indexJson, keyOf, NotJson, pathOf, valueOf, visibleNodes } from "./json-index";

const index = (text: string) => indexJson(new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>);

/** Generates random JSON from a seed, so that failures are reproducible. */
function random(seed: number) {
  let state = seed;
  const next = (most: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % most;
  };
  const value = (depth: number): unknown => {
    switch (next(depth > 5 ? 5 : 7)) {
      case 0:
        return null;
      case 1:
        return next(2) === 0;
      case 2:
        return (next(1e6) - 5e5) / 16;
      case 3:
        return 'é"\\\n\u2028😀{}[],:'.slice(next(6), next(14));
      case 4:
        return next(1e6) * 1e20;
      case 5:
        return Array.from({ length: next(5) }, () => value(depth + 1));
      default:
        return Object.fromEntries(Array.from({ length: next(5) }, (_, i) => [`k${i}"\\ü`, value(depth + 1)]));
    }
  };
  return value(0);
}

describe("the index", () => {
  test("agrees with JSON.parse on valid JSON", () => {
    for (let seed = 1; seed < 400; seed++) {
      const value = random(seed);
      const text = JSON.stringify(value, null, seed % 3);
      expect(JSON.parse(formatted(index(text)))).toEqual(value);
    }
  });

  test("rejects what JSON.parse rejects", () => {
    for (const text of [
      "",
      " ",
      "{",
      "[1,]",
      "{,}",
      '{"a"}',
      '{"a":}',
      "[1 2]",
      "01",
      "1.",
      "tru",
      "nulll",
      '"\n"',
      '"',
      "[]]",
      "{a:1}",
      "'a'",
      "+1",
      "NaN",
      "[1,,2]",
      '{"a":1,}',
    ]) {
      expect(() => index(text), text).toThrow(NotJson);
      expect(() => JSON.parse(text), text).toThrow();
    }
  });

  test("preserves large numbers and duplicate keys", () => {
    const found = index('{"id": 12345678901234567890, "a": 1, "a": 2, "1e400": 1e400}');
    expect(valueOf(found, 1)).toBe("12345678901234567890");
    expect([keyOf(found, 2), keyOf(found, 3)]).toEqual(["a", "a"]);
    expect(valueOf(found, 4)).toBe("1e400");
  });

  test("formats paths in dot and bracket notation", () => {
    const found = index('{"data": {"items": [{"a b": 1}, 2]}}');
    expect(Array.from({ length: found.length }, (_, node) => pathOf(found, node))).toEqual([
      "",
      "data",
      "data.items",
      "data.items[0]",
      'data.items[0]["a b"]',
      "data.items[1]",
    ]);
  });

  test("handles ten thousand levels", () => {
    const deep = index("[".repeat(10_000) + "]".repeat(10_000));
    expect(deep.length).toBe(10_000);
    expect(formatted(deep)).toContain("[]");
    expect(visibleNodes(deep, new Uint8Array(deep.length))).toHaveLength(1);
  });

  test("lists only nodes with open ancestors", () => {
    const found = index('{"a": [1, 2], "b": {"c": 3}}');
    const open = new Uint8Array(found.length);
    open[0] = 1;
    expect([...visibleNodes(found, open)]).toEqual([0, 1, 4]);
    open[1] = 1;
    expect([...visibleNodes(found, open)]).toEqual([0, 1, 2, 3, 4]);
  });

  test("skips a byte order mark", () => {
    expect(valueOf(index("\ufeff[1]"), 1)).toBe("1");
  });

  test("indexes several documents in sequence", () => {
    const found = index('{"n": 1}\n{"n": 2}\n[3] "x" 4\n');
    expect(Array.from({ length: found.length }, (_, node) => [found.parent[node], pathOf(found, node)])).toEqual([
      [-1, ""],
      [0, "n"],
      [-1, ""],
      [2, "n"],
      [-1, ""],
      [4, "[0]"],
      [-1, ""],
      [-1, ""],
    ]);
    expect(formatted(found)).toBe('{\n  "n": 1\n}\n{\n  "n": 2\n}\n[\n  3\n]\n"x"\n4');
    for (const text of ['{"a":1}, {"b":2}', '{"a":1} rest', "1,2", '"a""b"', "truefalse"])
      expect(() => index(text), text).toThrow(NotJson);
  });
});
