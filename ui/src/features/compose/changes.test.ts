import { expect, test } from "vitest";

import { bodyChange, changeOf } from "./changes";
import { EMPTY, targetOf } from "./draft";

test("describes changes of a body", () => {
  expect(bodyChange('{"a":{"amount":26859}}', '{"a":{"amount":"26859"}}')).toBe('amount 26859 to "26859"');
  expect(bodyChange('{"a":1}', '{"a":1,"b":2}')).toBe("new b 2");
  expect(bodyChange('{"a":1,"b":2}', '{"a":1}')).toBe("without b");
  expect(bodyChange('{"a":1,"b":2}', '{"a":2,"b":3}')).toBe("2 values");
  expect(bodyChange('{"a":1}', '{ "a": 1 }')).toBe("layout of the body");
  expect(bodyChange("x", "y")).toBe("body");
  expect(bodyChange("x", "x")).toBeUndefined();
});

test("describes changes of a draft", () => {
  expect(changeOf(undefined, EMPTY)).toBe("first send");
  expect(changeOf(EMPTY, EMPTY)).toBe("no changes");
  expect(changeOf(EMPTY, { ...EMPTY, reSign: true })).toBe("Re-sign on");
  const off = { ...EMPTY, headers: EMPTY.headers.map((one) => ({ ...one, on: false })) };
  expect(changeOf(EMPTY, off)).toBe("content-type");
});

test("appends the path after the inbox name", () => {
  expect(targetOf("http://localhost:3000/hooks/", { inbox: "shop", target: "/shop/orders?a=1" })).toBe(
    "http://localhost:3000/hooks/orders?a=1",
  );
  expect(targetOf("", { inbox: "shop", target: "/shop" })).toBe("");
});
