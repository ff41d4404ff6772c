import { afterAll, beforeAll, expect, test } from 'vitest'
import { inWords } from '../rollout/report.js'
import { kill9, pause, registryDown } from '../rollout/scenarios.js'
import { setStage, type Stage } from '../rollout/stage.js'
import { killChildren } from '../support/child.js'
import { bound, duration } from '../support/scale.js'

/** The short form of `npm run test:rollout`; its rolling restart is fault 17. */
const SHORT = {
  rate: duration(500, 60),
  calls: 0,
  restMs: 300,
  unnoticedMs: bound(250),
  push: 'off',
} as const

let stage: Stage
beforeAll(async () => void (stage = await setStage({ sidecar: { drain: 2500, pollInterval: 2000 } })))
afterAll(killChildren)

test('providers killed in turn: no GET fails, and only those POSTs that were under way', async () => {
  const outcome = await kill9({ ...SHORT, stage, providers: duration(3, 1) })
  expect(outcome.failures.filter(({ verb }) => verb === 'get').map(inWords)).toEqual([])
  expect(outcome.totals.post.failed).toBe(outcome.cutPosts)
  expect(outcome.totals.get.sent).toBeGreaterThan(20)
})

test('a provider that stands still: every GET is answered, and in time', async () => {
  const outcome = await pause({ ...SHORT, stage, pauseMs: 4000, readTimeoutMs: 2500, deadlineMs: 15_000 })
  expect(outcome.failures.filter(({ verb }) => verb === 'get').map(inWords)).toEqual([])
  expect(outcome.beyondDeadline).toBe(0)
})

test('a rolling restart in the middle of which the registry is killed: no call fails', async () => {
  const outcome = await registryDown({ ...SHORT, stage, providers: duration(3, 2) })
  expect(outcome.failures.map(inWords)).toEqual([])
  expect(outcome.totals.get.sent).toBeGreaterThan(duration(1_000, 150))
})
