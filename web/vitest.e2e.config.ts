import { defineConfig } from 'vitest/config';

/** Tests of the real program in a real browser; see e2e/README.md. */
export default defineConfig({
  test: {
    include: ['e2e/**/*.test.ts'],
    globalSetup: 'e2e/workspace.ts',
    // Two cores: a browser and a server at a time are enough.
    fileParallelism: false,
    // How long something that never comes is waited for; nothing is measured by it.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
