import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { killChildren, startChild } from '../support/child.js'

afterAll(killChildren)

test('where bounds are exact, a suspended machine counts for nothing, and a blocked loop in full', async () => {
  const child = startChild(new URL('../fixtures/apps/paused.ts', import.meta.url), { env: { FAULTS: 'real' } })
  const { share } = await child.message<{ share: number }>('blocked')
  expect(share).toBeGreaterThan(0.9)
  child.signal('SIGSTOP')
  await pause(400)
  child.signal('SIGCONT')
  child.send({ type: 'go' })
  const { wallMs, elapsedMs } = await child.message<{ wallMs: number; elapsedMs: number }>('suspended')
  expect(wallMs - elapsedMs).toBeGreaterThan(350)
  expect(await child.exited).toEqual({ code: 0, signal: null })
})
