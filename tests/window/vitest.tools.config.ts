import { defineConfig } from "vitest/config";

/** Not tests: what xtask runs in a window to take pictures and figures. */
export default defineConfig({
  test: { fileParallelism: false, testTimeout: 600_000, hookTimeout: 90_000, include: ["*.tool.ts"] },
});
