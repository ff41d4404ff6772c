import { expect, test } from 'vitest'
import { reasonNotToDrain } from '../../../src/lifecycle/drain.js'
import { runSteps } from '../../../src/lifecycle/steps.js'
import { collectLog } from '../../support/collect.js'

test('steps run in order; one that fails or hangs stops nothing', async () => {
  const log = collectLog()
  const ran: string[] = []
  const step = (name: string, run: () => unknown = () => {}) => ({
    name,
    deadlineMs: 30,
    run: () => (ran.push(name), run()),
  })
  const fail = () => {
    throw new Error('no')
  }
  await runSteps([step('a', fail), step('b', () => new Promise(() => {})), step('c')], { logger: log })
  expect(ran).toEqual(['a', 'b', 'c'])
  expect(log.lines).toEqual(['warn leaving: a failed: no', 'warn leaving: b failed: not done within 30 ms'])
})

test('which signals wait for a drain', () => {
  expect(reasonNotToDrain('SIGTERM', {}, false)).toBeUndefined()
  expect(reasonNotToDrain(undefined, {}, true)).toBeUndefined()
  expect(reasonNotToDrain('SIGINT', {}, false)).toContain('SIGINT')
  expect(reasonNotToDrain('SIGTERM', {}, true)).toContain('terminal')
  expect(reasonNotToDrain('SIGTERM', { WATCH_REPORT_DEPENDENCIES: '1' }, false)).toContain('--watch')
})
