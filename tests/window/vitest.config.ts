import { defineConfig } from "vitest/config";

/** One window at a time: they share a display and two cores. */
export default defineConfig({
  test: { fileParallelism: false, testTimeout: 90_000, hookTimeout: 90_000, include: ["*.test.ts"] },
});
