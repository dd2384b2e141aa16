import { expect, test } from "vitest";

import { eventBody } from "./event-payload";

const TYPED = '{"id":9007199254740993, "price":1.10,\n "key":1, "key":2}';

test("sends a payload as typed", () => {
  expect(eventBody(TYPED, "{}")).toEqual({ body: TYPED, fill: true });
  expect(eventBody(TYPED, undefined)).toEqual({ body: TYPED, fill: true });
});

test("omits the payload if it equals the sample", () => {
  expect(eventBody(TYPED, TYPED)).toEqual({});
});

test("rejects a payload that is not JSON", () => {
  expect(() => eventBody('{"id":}', undefined)).toThrow(/^The payload is not JSON: /);
});
