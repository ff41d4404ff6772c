import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { SideBySide } from './test/support/runner/side-by-side.js'

const root = (path: string) => fileURLToPath(new URL(path, import.meta.url))

const alias = [
  { find: /^nacos-sidecar$/, replacement: root('./src/index.ts') },
  { find: /^nacos-sidecar\/dev-server$/, replacement: root('./src/dev-server/index.ts') },
  // src/events.ts has the events of a sidecar.
  { find: /^nacos-sidecar\/events$/, replacement: root('./src/event-bus.ts') },
  { find: /^nacos-sidecar\/([\w-]+)$/, replacement: root('./src/$1.ts') },
]

// Registries and apps under test live in child processes, so a blocked loop or a SIGSTOP hits one side only.
const shared = {
  pool: 'forks' as const,
  // A worker loads a module once, not once a file: what a file leaves in one, or on the process, it takes away.
  isolate: false,
  // For what hangs; a bound on time is an assertion of the test's own.
  testTimeout: 120_000,
  hookTimeout: 60_000,
  // A failure says what it saw, not `Array(1)`.
  chaiConfig: { truncateThreshold: 600 },
  // `expect.poll`, as `vi.waitFor`: it says that something hangs, not how quick it has to be.
  expect: { poll: { timeout: 15_000 } },
  setupFiles: [root('./test/support/runner/wait-for.ts'), root('./test/support/runner/exit-code.ts')],
  // A list of an earlier run must not find its way into a test by way of a port that is used again.
  env: { SIDECAR_SNAPSHOT_DIR: 'off' },
}

const realDurations = process.env['FAULTS'] === 'real'

const IN_PROCESS = ['test/{unit,contract,attacks,fuzz}/**/*.test.ts', 'examples/orders/*.test.ts']
const processes = {
  // One file a row of the fault table; `npm run test:faults` runs them with the real durations.
  include: ['test/{faults,e2e}/**/*.test.ts'],
  // Child processes run the built package, as a user's process would.
  globalSetup: ['test/support/runner/build.ts'],
  ...(realDurations && { testTimeout: 240_000 }),
}

// A worker keeps its modules only within a project: a run of everything has one for both kinds.
const byKind = process.argv.some((argument) => argument.startsWith('--project'))
const kinds = byKind
  ? [
      { name: 'in-process', include: IN_PROCESS },
      { name: 'processes', ...processes },
    ]
  : [{ name: 'tests', ...processes, include: [...IN_PROCESS, ...processes.include] }]

export default defineConfig({
  test: {
    // The suite waits (for beats, leases, drains) more than it computes: more workers than cores. Bounds that hold to
    // the letter want a core each.
    maxWorkers: realDurations ? 2 : 6,
    globalSetup: ['test/support/runner/temp.ts'],
    sequence: { sequencer: SideBySide },
    projects: [
      ...kinds.map((kind) => ({ resolve: { alias }, test: { ...shared, ...kind } })),
      {
        resolve: { alias },
        esbuild: { tsconfigRaw: { compilerOptions: { experimentalDecorators: true, useDefineForClassFields: true } } },
        test: { ...shared, name: 'legacy-decorators', include: ['test/legacy/**/*.test.ts'] },
      },
    ],
  },
})
