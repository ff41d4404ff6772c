import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { ENV_CASES } from '../support/env-cases.js'
import { pythonPackages } from './servers/python-packages.js'
import { Unavailable } from './servers/unavailable.js'
import { cannotBeHad } from './support/on-server.js'

interface Answer {
  readonly values?: Readonly<Record<string, unknown>>
  readonly error?: string
}

const SCRIPT = fileURLToPath(new URL('utilmeta/env.py', import.meta.url))

/** UtilMeta's answers to the cases that test/unit/env holds ours to. */
function answersOf(packages: string): readonly Answer[] {
  const input = JSON.stringify(ENV_CASES.map(({ fields, variables = {}, file }) => ({ fields, variables, file })))
  const { stdout, stderr, status } = spawnSync('python3', [SCRIPT], {
    input,
    encoding: 'utf8',
    env: { ...process.env, PYTHONPATH: packages },
  })
  if (status !== 0) throw new Error(`python3 ended with ${status}: ${stderr}`)
  return JSON.parse(stdout) as Answer[]
}

const packages = await pythonPackages('utilmeta', '2.8.1').catch((error: unknown) => error as Error)

describe('env: UtilMeta 2.8.1', () => {
  if (packages instanceof Error) {
    const toolAbsent = packages instanceof Unavailable && packages.absent !== undefined
    return cannotBeHad({ reason: packages.message, toolAbsent })
  }
  const answers = answersOf(packages)
  test.each(ENV_CASES.map((one, index) => ({ ...one, answer: answers[index]! })))(
    '$name',
    ({ expected, answer, notUtilMeta }) => {
      const same = () => {
        if (expected instanceof RegExp) expect(answer.error).toEqual(expect.any(String))
        else expect(answer.values).toEqual(JSON.parse(JSON.stringify(expected, (_, value: unknown) => value ?? null)))
      }
      // A case that differs says why; one that no longer does must say so no more.
      if (notUtilMeta === undefined) same()
      else expect(same).toThrow()
    },
  )
})
