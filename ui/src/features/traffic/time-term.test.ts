import { expect, test } from "vitest";

import { minutesOf, rangeOf, rangeOfMinutes, withoutTime, withTime } from "./time-term";

const at = (hour: number, minute: number, day = 21): number => new Date(2026, 10, day, hour, minute).getTime();

test("writes and reads the range of a query", () => {
  const now = at(16, 0);
  const query = withTime("event:chat.*", { from: at(15, 24), until: at(15, 39) });
  expect(query).toBe("event:chat.* time:15:24..15:39");
  expect(rangeOf(query, now)).toEqual({ from: at(15, 24), until: at(15, 39) });
  expect(withTime(query, { from: at(15, 0), until: at(15, 5) })).toBe("event:chat.* time:15:00..15:05");
  expect(withTime("a or b", { from: at(15, 0), until: at(15, 5) })).toBe("(a or b) time:15:00..15:05");
  expect(withoutTime("time:15:00..15:05 a")).toBe("a");
  expect(rangeOf("time:yesterday", now)).toBeUndefined();
});

test("reads times as the last ones", () => {
  expect(rangeOf("time:23:50..00:10", at(0, 20))).toEqual({ from: at(23, 50, 20), until: at(0, 10) });
});

test("converts minutes", () => {
  const first = at(15, 0);
  expect(rangeOfMinutes(first, 5, 2)).toEqual({ from: at(15, 2), until: at(15, 6) });
  expect(minutesOf({ from: at(15, 2), until: at(15, 6) }, first, 60)).toEqual([2, 5]);
  expect(minutesOf({ from: at(14, 0), until: at(15, 1) }, first, 60)).toEqual([0, 0]);
  expect(minutesOf({ from: at(13, 0), until: at(14, 0) }, first, 60)).toBeUndefined();
});
