import { expect, test } from "vitest";

import { eventBody } from "./event-payload";

const TYPED = '{"id":9007199254740993, "price":1.10,\n "key":1, "key":2}';

test("a payload leaves as it was typed", () => {
  expect(eventBody(TYPED, "{}")).toEqual({ body: TYPED, fill: true });
  expect(eventBody(TYPED, undefined)).toEqual({ body: TYPED, fill: true });
});

test("the vendor's sample leaves as the vendor writes it", () => {
  expect(eventBody(TYPED, TYPED)).toEqual({});
});

test("what is not JSON is not sent", () => {
  expect(() => eventBody('{"id":}', undefined)).toThrow(/^The payload is not JSON: /);
});
