import { expect, test } from "vitest";

import { refusedText } from "./refused";

const at = (hour: number): string => new Date(2026, 10, 29, hour, 51).toISOString();
const total = (reason: string, open: number, hour = 15) => ({
  inbox: "inbox",
  reason,
  open,
  count: open,
  since: at(hour),
  last: at(20),
});
const today = new Date(2026, 10, 29, 21);

test("summarizes refused requests in one line", () => {
  expect(refusedText([], today)).toBeNull();
  expect(refusedText([total("disk_full", 0)], today)).toBeNull();
  expect(refusedText([total("disk_full", 7)], today)).toBe("7 requests refused since 15:51: disk full");
  expect(refusedText([total("bad_header", 1)], today)).toBe("1 request refused since 15:51: bad header");
});

test("counts reasons over all inboxes since the first undismissed request", () => {
  const totals = [
    total("bad_header", 2, 9),
    total("disk_full", 1_200, 14),
    total("bad_header", 3, 16),
    total("tls", 0, 1),
  ];
  expect(refusedText(totals, today)).toBe("1,205 requests refused since 09:51: disk full (1,200), bad header (5)");
  expect(refusedText(totals, new Date(2026, 10, 30))).toContain("since 2026-11-29 09:51");
});
