import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const root = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** `npm run test:real`: the contract suite and interop on servers that are not ours. See docs/real-servers.md. */
export default defineConfig({
  resolve: {
    alias: [
      { find: /^nacos-sidecar$/, replacement: root('./src/index.ts') },
      { find: /^nacos-sidecar\/dev-server$/, replacement: root('./src/dev-server/index.ts') },
      // src/events.ts has the events of a sidecar.
      { find: /^nacos-sidecar\/events$/, replacement: root('./src/event-bus.ts') },
      { find: /^nacos-sidecar\/([\w-]+)$/, replacement: root('./src/$1.ts') },
    ],
  },
  test: {
    name: 'real',
    include: ['test/real/**/*.test.ts'],
    exclude: [
      process.env['NACOS_SERVER'] ? 'test/real/contract/{rnacos,nacos}.test.ts' : 'test/real/contract/given.test.ts',
    ],
    pool: 'forks',
    env: { SIDECAR_SNAPSHOT_DIR: 'off' },
    // Child processes run the built package.
    globalSetup: ['test/support/runner/temp.ts', 'test/support/runner/build.ts', 'test/real/support/setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // A failure says what it saw, not `Array(1)`.
    chaiConfig: { truncateThreshold: 600 },
    expect: { poll: { timeout: 15_000 } },
    // Two servers work at the same time; more would only make their clocks unreliable.
    maxWorkers: 2,
    reporters: ['default', root('./test/support/reporters/skip-reasons.ts')],
  },
})
