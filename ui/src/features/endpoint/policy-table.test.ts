import { describe, expect, test } from "vitest";

import { POLICY, waits } from "./policy-table";

describe("policy values as text", () => {
  const row = (field: string) => POLICY.find((one) => one.field === field)!;

  test.each([
    ["schedule", { fixed: [60, 300, 1200, 3600, 7200] }, "1 min, 5 min, 20 min, 1 h, 2 h"],
    ["schedule", { fixed: [] }, ""],
    ["schedule", { exponential: { retries: 3, first_s: 30, factor: 2 } }, "3 from 30 s x2"],
    ["schedule", { exponential: { retries: 8, first_s: 90, factor: 1.5 } }, "8 from 90 s x1.5"],
    ["disable", "never", "never"],
    ["disable", { failed_retries: 5 }, "5 failed retries"],
    ["timeout_ms", 5000, "5000 ms"],
    ["jitter_percent", 10, "10 %"],
  ])("%s %j formats as %s and parses back", (field, value, text) => {
    expect(row(field).write!(value as never)).toBe(text);
    expect(row(field).read!(text)).toEqual(value);
  });

  test("parses delays in every unit", () => {
    expect(waits("90, 1m, 2 min,1 h, 0.5 h, 1 d")).toEqual([90, 60, 120, 3600, 1800, 86_400]);
  });

  test.each([
    ["schedule", "soon"],
    ["schedule", "1 fortnight"],
    ["disable", "5"],
    ["timeout_ms", "fast"],
    ["timeout_ms", ""],
  ])("%s rejects %s", (field, text) => expect(() => row(field).read!(text)).toThrow());
});
