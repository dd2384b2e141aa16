import { defineConfig } from "vitest/config";

/** Runs one window at a time, because all windows share a display and two cores. */
export default defineConfig({
  test: { fileParallelism: false, testTimeout: 90_000, hookTimeout: 90_000, include: ["*.test.ts"] },
});
