import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { killChildren, startChild } from '../support/child.js'
import { tempFolder } from '../support/temp-folder.js'
import { installBeside, npmPackages } from './servers/npm-packages.js'
import { Unavailable } from './servers/unavailable.js'
import { cannotBeHad } from './support/on-server.js'

const STORY = readFileSync(fileURLToPath(new URL('runners/story.txt', import.meta.url)), 'utf8')
const NAMES = [
  ['createSidecar, defineClient, GET', 'nacos-sidecar'],
  ['startTestRegistry, fakeClient', 'nacos-sidecar/testing'],
  ['defineService', 'nacos-sidecar/service'],
  ['events', 'nacos-sidecar/events'],
] as const
const imports = NAMES.map(([names, from]) => `import { ${names} } from '${from}'`).join('\n')
const requires = NAMES.map(([names, from]) => `const { ${names} } = require('${from}')`).join('\n')

/** The runner's own imports in front of the tests, and how it is started. */
const runners = [
  {
    runner: 'node:test, ES modules',
    packages: [],
    file: 'portal.test.mjs',
    head: `import { test, before, after } from 'node:test'\nimport { equal } from 'node:assert/strict'\n${imports}`,
    start: () => ['--test', '--test-reporter', 'tap'],
  },
  {
    runner: 'node:test, CommonJS',
    packages: [],
    file: 'portal.test.cjs',
    head: `const { test, before, after } = require('node:test')\nconst { equal } = require('node:assert/strict')\n${requires}`,
    start: () => ['--test', '--test-reporter', 'tap'],
  },
  {
    runner: 'jest 30',
    packages: ['jest@30'],
    file: 'portal.test.js',
    head: `const equal = (got, wanted) => expect(got).toBe(wanted)\nconst [before, after] = [beforeAll, afterAll]\n${requires}`,
    start: (packages = '') => [join(packages, 'jest/bin/jest.js'), '--runInBand', '--verbose'],
  },
  {
    runner: 'vitest 4',
    packages: ['vitest@4', 'vite@7'],
    file: 'portal.test.mjs',
    head: `import { afterAll as after, beforeAll as before, expect, test } from 'vitest'\nconst equal = (got, wanted) => expect(got).toBe(wanted)\n${imports}`,
    start: (packages = '') => [
      join(packages, 'vitest/vitest.mjs'),
      'run',
      '--reporter=verbose',
      '--reporter=hanging-process',
    ],
  },
]

const installed = await Promise.all(
  runners.map(async (one) =>
    (one.packages.length > 0
      ? npmPackages(one.packages[0]!.replace('@', '-'), one.packages)
      : Promise.resolve(undefined)
    ).then(
      (packages) => ({ ...one, at: packages, missing: undefined }),
      (error: unknown) => ({
        ...one,
        at: undefined,
        missing: { reason: String(error), toolAbsent: error instanceof Unavailable && error.absent !== undefined },
      }),
    ),
  ),
)

afterEach(killChildren)

describe.each(installed)('the test kit in $runner', ({ at, missing, file, head, start }) => {
  if (missing) return cannotBeHad(missing)

  test('runs, leaves nothing open, and the process ends by itself', async () => {
    const folder = tempFolder({ 'package.json': '{}' })
    installBeside(folder, at)
    writeFileSync(join(folder, file), `${head}\n${STORY}`)
    const [main, ...args] = start(at)
    const env = { NODE_ENV: undefined, VITEST: undefined, NODE_OPTIONS: undefined, JEST_WORKER_ID: undefined }
    const child = startChild(main!, { args: [...args, file], cwd: folder, env })
    expect(await child.exited, child.stdout + child.stderr).toEqual({ code: 0, signal: null })
    const output = child.stdout + child.stderr
    expect(output).toContain('STORY: nothing left open')
    expect(output).toContain('fakes, overrides and timers')
    expect(output).toContain('services and their events')
    expect(output).not.toMatch(/did not exit|open handle|close timed out|something prevents/i)
  })
})
