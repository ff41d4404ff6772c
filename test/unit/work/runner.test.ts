import { expect, test } from 'vitest'
import { currentContext, runWithContext } from 'nacos-sidecar'
import { createWorkRunner } from '../../../src/work/runner.js'
import type { WorkSource } from '../../../src/work/work.js'
import { collectFigures } from '../../support/collect.js'

const never = new AbortController().signal

function start() {
  const recorder = collectFigures()
  return { recorder, runner: createWorkRunner(recorder) }
}

function source(name: string, told: string[], more: Partial<WorkSource> = {}): WorkSource {
  return {
    name,
    busy: false,
    start: () => void told.push(`${name} starts`),
    stop: () => void told.push(`${name} stops`),
    finish: async () => void told.push(`${name} finishes`),
    ...more,
  }
}

test('work is a figure of its kind, and runs in the context of its message alone', async () => {
  const { runner, recorder } = start()
  const event = { kind: 'event', name: 'order-service created', signal: never } as const
  const seen = await runWithContext({ token: 'of a caller' }, async () => [
    await runner.operate(event, async () => currentContext()),
    await runner.operate({ ...event, context: { traceparent: '00-1-2-01' } }, async () => currentContext()),
  ])
  expect(seen).toEqual([undefined, { traceparent: '00-1-2-01' }])
  await expect(runner.operate(event, () => Promise.reject(new TypeError('no')))).rejects.toThrow('no')
  expect(recorder.stats()).toMatchObject([{ kind: 'event', name: 'order-service created', count: 3, errors: 1 }])
})

test('work that takes too long fails with the error of its limit, and its signal aborts', async () => {
  const { runner, recorder } = start()
  const late = new Error('too slow')
  let reason: unknown
  const work = runner.operate(
    { kind: 'timer', name: 'slow', signal: never, timeout: { ms: 10, error: () => late } },
    ({ signal }) => new Promise(() => signal.addEventListener('abort', () => (reason = signal.reason))),
  )
  await expect(work).rejects.toBe(late)
  expect(reason).toBe(late)
  expect(recorder.stats()).toMatchObject([{ name: 'slow', errors: 1 }])
})

test('sources start with the sidecar or at once, and those at work are named', async () => {
  const { runner } = start()
  const told: string[] = []
  runner.add(source('timers', told, { busy: true }))
  const early = runner.add(source('early', told))
  early()
  runner.start()
  runner.add(source('events', told, { busy: true, close: async () => void told.push('events close') }))
  expect(runner.busy()).toEqual(['timers', 'events'])
  runner.stop()
  expect(() => runner.add(source('late', told))).toThrow(expect.objectContaining({ code: 'SIDECAR_STOPPED' }))
  await runner.finish(never)
  await runner.closing()!()
  expect(told).toEqual([
    ...['early stops', 'timers starts', 'events starts', 'timers stops', 'events stops'],
    ...['timers finishes', 'events finishes', 'events close'],
  ])
})
