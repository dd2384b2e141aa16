import { expect, test } from "vitest";

import { bodyPath, quoted, term, withTerm } from "./terms";

test("quotes values that would be parsed differently", () => {
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

test("formats paths in the syntax of the query language", () => {
  expect(bodyPath(["data", "items", 0, "two words", 'q"'])).toBe('body.data.items[*]."two words"."q\\""');
});

test("adds a term once and negates an existing one", () => {
  const one = term("event", "push");
  expect(withTerm("", one, false)).toBe("event:push");
  expect(withTerm("event:push", one, false)).toBe("event:push");
  expect(withTerm("a -event:push b", one, false)).toBe("a event:push b");
  expect(withTerm("event:push", one, true)).toBe("-event:push");
  expect(withTerm("a or b", one, true)).toBe("(a or b) -event:push");
});
