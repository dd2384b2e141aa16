import { expect, test } from "vitest";

import { ancestorsOf, findNodes } from "./json-find";
import { indexJson, pathOf } from "./json-index";

const index = indexJson(new TextEncoder().encode('{"a":{"Name":"Ann"},"list":["ann","Bob",{"x":"é ANNE"}]}'));

test("finds keys and values, ignoring the case", () => {
  expect(findNodes(index, "ANN").map((node) => pathOf(index, node))).toEqual(["a.Name", "list[0]", "list[2].x"]);
  expect(findNodes(index, "name").map((node) => pathOf(index, node))).toEqual(["a.Name"]);
  expect(findNodes(index, "é anne").map((node) => pathOf(index, node))).toEqual(["list[2].x"]);
  expect(findNodes(index, "")).toEqual([]);
  expect(findNodes(index, "nobody")).toEqual([]);
});

test("names the containers of a value", () => {
  const [, , last] = findNodes(index, "ann");
  expect(ancestorsOf(index, last!).map((node) => pathOf(index, node))).toEqual(["list[2]", "list", ""]);
});
