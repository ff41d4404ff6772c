import { afterEach, expect, test } from 'vitest'
import { inWords } from '../rollout/report.js'
import { kill9, pause, registryDown } from '../rollout/scenarios.js'
import { killChildren } from '../support/child.js'
import { bound } from '../support/scale.js'

/** The short form of `npm run test:rollout`; its rolling restart is fault 17. */
const SHORT = {
  rate: 250,
  calls: 0,
  restMs: 300,
  unnoticedMs: bound(250),
  push: 'off',
  sidecar: { drain: 2500, pollInterval: 2000 },
} as const

afterEach(killChildren)

test('providers killed in turn: no GET fails, and only those POSTs that were under way', async () => {
  const outcome = await kill9(SHORT)
  expect(outcome.failures.filter(({ verb }) => verb === 'get').map(inWords)).toEqual([])
  expect(outcome.totals.post.failed).toBe(outcome.cutPosts)
  expect(outcome.totals.get.sent).toBeGreaterThan(200)
})

test('a provider that stands still: every GET is answered, and in time', async () => {
  const outcome = await pause({ ...SHORT, pauseMs: 2500 })
  expect(outcome.failures.filter(({ verb }) => verb === 'get').map(inWords)).toEqual([])
  expect(outcome.beyondDeadline).toBe(0)
})

test('a rolling restart in the middle of which the registry is killed: no call fails', async () => {
  const outcome = await registryDown(SHORT)
  expect(outcome.failures.map(inWords)).toEqual([])
  expect(outcome.totals.get.sent).toBeGreaterThan(1000)
})
