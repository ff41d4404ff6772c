import { afterEach, expect, test } from 'vitest'
import { killChildren, startChild } from '../../support/child.js'

afterEach(killChildren)

test('a tick takes no longer after full collections than before', async () => {
  const child = startChild(new URL('../../fixtures/apps/ticks.ts', import.meta.url), {
    execArgv: ['--expose-gc'],
  })
  const { before, after } = await child.message<{ before: number; after: number }>('ticks')
  // Where the class is lost it is 6 to 12 times as long.
  expect(after).toBeLessThan(before * 3 + 0.05)
})
