import { defineConfig } from "vitest/config";

/** Browser tests wait for what they need to see; the limits only end a test that hangs. */
export default defineConfig({
  test: {
    include: ["test/browser/**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
