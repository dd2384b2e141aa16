import { defineConfig } from "vitest/config";

/** Runs the tools that `xtask` uses for screenshots and benchmarks. */
export default defineConfig({
  test: { fileParallelism: false, testTimeout: 600_000, hookTimeout: 90_000, include: ["*.tool.ts"] },
});
