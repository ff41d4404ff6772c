import { describe, expect, test } from 'vitest'
import { reasonNotToDrain } from '../../../src/lifecycle/drain.js'
import { findPm2, leaveTimeoutUnder } from '../../../src/lifecycle/pm2.js'
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

describe('under PM2', () => {
  const PM2 = '/app/node_modules/pm2/lib/'
  const env = { pm_id: '0', kill_timeout: '60000', wait_ready: 'true', pm_exec_path: '/app/dist/main.js' }

  test('it is known by the process that it starts, not by variables that a child inherits', () => {
    for (const script of [`${PM2}ProcessContainer.js`, `${PM2}ProcessContainerFork.js`, '/app/dist/main.js'])
      expect(findPm2(env, script)).toEqual({ killTimeoutMs: 60_000, waitsForReady: true })
    expect(findPm2({ pm_id: '3' }, `${PM2}ProcessContainer.js`)).toEqual({ waitsForReady: false })
    expect(findPm2(env, '/app/dist/migrate.js')).toBeUndefined()
    expect(findPm2({}, '/app/dist/main.js')).toBeUndefined()
  })

  test('SIGINT drains within kill_timeout, where that is set', () => {
    const pm2 = findPm2(env, '/app/dist/main.js')
    expect(reasonNotToDrain('SIGINT', {}, false, undefined, pm2)).toBeUndefined()
    expect(reasonNotToDrain('SIGINT', {}, true, undefined, pm2)).toContain('terminal')
    expect(reasonNotToDrain('SIGHUP', {}, false, undefined, pm2)).toContain('SIGHUP')
    expect(reasonNotToDrain('SIGINT', {}, false, undefined, { waitsForReady: true })).toContain('SIGINT')
    expect(leaveTimeoutUnder(pm2, undefined)).toBe(59_000)
    expect(leaveTimeoutUnder(pm2, 10_000)).toBe(10_000)
    expect(leaveTimeoutUnder({ killTimeoutMs: 1_600, waitsForReady: false }, undefined)).toBe(1_200)
    expect(leaveTimeoutUnder({ waitsForReady: false }, undefined)).toBeUndefined()
  })
})
