import { defineConfig } from 'vitest/config'

/** `npm run test:package`: the packed tarball, installed as a user would. */
export default defineConfig({
  test: {
    name: 'package',
    include: ['test/package/**/*.test.ts'],
    pool: 'forks',
    globalSetup: ['test/support/runner/temp.ts'],
    env: { SIDECAR_SNAPSHOT_DIR: 'off' },
    testTimeout: 120_000,
    reporters: ['default', './test/support/reporters/skip-reasons.ts'],
  },
})
