import { expect, test } from "vitest";

import type { Rule } from "../../api/client";
import { unreachable } from "./unreachable";

const rule = (when: string, change: Partial<Rule> = {}): Rule => ({ when, responses: [], ...change });

test("finds rules that are never reached", () => {
  expect(unreachable([rule("method:put"), rule(""), rule("method:get"), rule("")])).toEqual([
    [2, 1],
    [3, 1],
  ]);
  expect(unreachable([rule("method:put"), rule(" method:put ")])).toEqual([[1, 0]]);
  expect(unreachable([rule("", { at_end: "next_rule" }), rule("")])).toEqual([]);
  expect(unreachable([rule("", { enabled: false }), rule("")])).toEqual([]);
});
