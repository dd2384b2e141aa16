import { expect, test } from "vitest";

import { bodyPath, quoted, term, withTerm } from "./terms";

test("values are quoted where they would read as something else", () => {
  expect(["a", "a b", 'say "x"', "*", "/a/", ">5", "", "a\\ b"].map(quoted)).toEqual([
    "a",
    '"a b"',
    '"say \\"x\\""',
    '"*"',
    '"/a/"',
    '">5"',
    '""',
    '"a\\\\ b"',
  ]);
});

test("paths are written as the language reads them", () => {
  expect(bodyPath(["data", "items", 0, "odd key", 'q"'])).toBe('body.data.items[*]."odd key"."q\\""');
});

test("a term is added once, and turned round", () => {
  const one = term("event", "push");
  expect(withTerm("", one, false)).toBe("event:push");
  expect(withTerm("event:push", one, false)).toBe("event:push");
  expect(withTerm("a -event:push b", one, false)).toBe("a event:push b");
  expect(withTerm("event:push", one, true)).toBe("-event:push");
  expect(withTerm("a or b", one, true)).toBe("(a or b) -event:push");
});
