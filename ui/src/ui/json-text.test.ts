import { expect, test } from "vitest";

import { laidOut } from "./json-text";

test("preserves every token", () => {
  expect(laidOut('{"id":9007199254740993,"a":1.10,"k":1,"k":[ ],"s":"\\u00e9 {,:","o":{},"n":[1,{"x":null}]}')).toBe(
    [
      "{",
      '  "id": 9007199254740993,',
      '  "a": 1.10,',
      '  "k": 1,',
      '  "k": [],',
      '  "s": "\\u00e9 {,:",',
      '  "o": {},',
      '  "n": [',
      "    1,",
      "    {",
      '      "x": null',
      "    }",
      "  ]",
      "}",
    ].join("\n"),
  );
});

test("returns text that is not JSON unchanged", () => {
  for (const text of ["a=b&c", "{", "", "<x/>"]) expect(laidOut(text)).toBe(text);
  expect(laidOut("1.50")).toBe("1.50");
});
