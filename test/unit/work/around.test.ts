import { expect, test } from 'vitest'
import { currentWork, type Around, type Work } from 'nacos-sidecar'
import { createArounds } from '../../../src/work/arounds.js'
import { createWorkRunner } from '../../../src/work/runner.js'
import type { WorkStart } from '../../../src/work/work.js'
import { collectFigures } from '../../support/collect.js'

const never = new AbortController().signal
const EVENT: WorkStart = { kind: 'event', name: 'order-service created', signal: never, messageId: 'a', attempt: 2 }
const TICK: WorkStart = { kind: 'timer', name: 'tick', signal: never }

function start() {
  const recorder = collectFigures()
  const arounds = createArounds()
  return { recorder, arounds, runner: createWorkRunner(recorder, arounds) }
}

const error = (code: string) => expect.objectContaining({ code }) as unknown

test('set-up, result, tear-down: the first one is outermost, and what it hands on is there in the handler', async () => {
  const { runner, arounds } = start()
  const order: unknown[] = []
  const layer = (name: string): Around => {
    return async (work, next) => {
      order.push(`${name} ${work.kind} ${work.name}`)
      work.locals[name] = order.length
      order.push(await next())
      order.push(`${name} ${work.failed ? 'failed' : 'done'}`)
    }
  }
  arounds.add(layer('outer'))
  const end = arounds.add(layer('inner'), { kinds: ['event'] })
  const run = async (work: Work) => {
    expect(currentWork()).toBe(work)
    order.push({ ...work.locals })
    return 'result'
  }
  expect(await runner.operate(EVENT, run)).toBe('result')
  expect(await runner.operate(TICK, run)).toBe('result')
  expect(order).toEqual([
    ...['outer event order-service created', 'inner event order-service created', { outer: 1, inner: 2 }],
    ...['result', 'inner done', 'result', 'outer done'],
    ...['outer timer tick', { outer: 8 }, 'result', 'outer done'],
  ])
  end()
  await runner.operate(EVENT, run)
  expect(order.at(-3)).toEqual({ outer: 12 })
})

test('the error of a handler passes through; one that is caught is none further outside', async () => {
  const { runner, arounds, recorder } = start()
  const seen: unknown[] = []
  const noting: Around = async (work, next) => {
    await next().catch((reason: unknown) => seen.push(reason))
    seen.push(work.failed, work.kind !== 'request' && work.kind !== 'timer' && [work.messageId, work.attempt])
    if (work.kind === 'event') throw new Error('rolled back')
  }
  arounds.add(async (work, next) => next().finally(() => seen.push(work.failed)))
  arounds.add(noting)
  const no = new Error('no')
  await expect(runner.operate(EVENT, () => Promise.reject(no))).rejects.toThrow('rolled back')
  await runner.operate(TICK, () => Promise.reject(no))
  expect(seen).toEqual([no, true, ['a', 2], true, no, true, false, false])
  expect(recorder.stats()).toMatchObject([
    { name: 'tick', errors: 0 },
    { name: 'order-service created', errors: 1 },
  ])
})

test('fault 75: what is around work throws before next(): the work fails, and does not run', async () => {
  const { runner, arounds, recorder } = start()
  arounds.add(() => Promise.reject(new Error('no connection')))
  let ran = false
  const run = async () => void (ran = true)
  await expect(runner.operate(EVENT, run)).rejects.toThrow('no connection')
  await expect(runner.operate(TICK, run)).rejects.toThrow('no connection')
  expect(ran).toBe(false)
  expect(recorder.stats()).toMatchObject([{ errors: 1 }, { errors: 1 }])
})

test('fault 76: what is around work hangs: the timeout of the work ends it', async () => {
  const { runner, arounds } = start()
  let aborted = false
  arounds.add((work) => new Promise(() => work.signal.addEventListener('abort', () => (aborted = true))))
  const late = new Error('too slow')
  const start76 = { ...TICK, timeout: { ms: 10, error: () => late } }
  await expect(runner.operate(start76, () => Promise.resolve())).rejects.toBe(late)
  expect(aborted).toBe(true)
})

test('fault 77: what is around work never calls next(): an event or a timer is left out', async () => {
  const { runner, arounds } = start()
  const done = new Set<unknown>()
  arounds.add(
    async (work, next) => {
      if (work.kind !== 'event' || done.has(work.messageId)) return
      done.add(work.messageId)
      await next()
    },
    { kinds: ['event'] },
  )
  let runs = 0
  const run = async () => ++runs
  expect(await runner.operate(EVENT, run)).toBe(1)
  expect(await runner.operate(EVENT, run)).toBeUndefined()
  expect(await runner.operate({ ...EVENT, messageId: 'b' }, run)).toBe(2)
})

test('next() runs the work once, and it is awaited in any case', async () => {
  const { runner, arounds } = start()
  let ended = 0
  arounds.add((_work, next) => void next())
  const slow = async () => {
    await new Promise((resolve) => setImmediate(resolve))
    ended++
    throw new Error('after it')
  }
  await expect(runner.operate(TICK, slow)).rejects.toThrow('after it')
  arounds.add(async (_work, next) => {
    await next()
    await next()
  })
  await expect(runner.operate(TICK, async () => void ended++)).rejects.toEqual(error('SIDECAR_AROUND_INVALID'))
  expect(ended).toBe(2)
})

test('at most so many at once, those of all kinds together; further ones wait in order', async () => {
  const { runner, arounds } = start()
  arounds.add((_work, next) => next(), { kinds: ['event', 'timer'], concurrency: 2 })
  const began: string[] = []
  const ends = new Map<string, () => void>()
  const leaving = new AbortController()
  const run = (name: string, kind: 'event' | 'timer' | 'rpc', signal: AbortSignal = never) =>
    runner.operate({ kind, name, signal }, () => {
      began.push(name)
      return new Promise<void>((resolve) => ends.set(name, resolve))
    })
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  const all = [run('a', 'event'), run('b', 'timer'), run('c', 'event'), run('d', 'event', leaving.signal)]
  const others = [run('e', 'timer'), run('other kind', 'rpc')]
  await turn()
  expect(began).toEqual(['a', 'b', 'other kind'])
  leaving.abort(new Error('leaving'))
  await expect(all[3]).rejects.toThrow('leaving')
  ends.get('b')!()
  await turn()
  expect(began).toEqual(['a', 'b', 'other kind', 'c'])
  ends.get('a')!()
  await turn()
  expect(began).toEqual(['a', 'b', 'other kind', 'c', 'e'])
  for (const end of ends.values()) end()
  await Promise.all([all[0], all[1], all[2], ...others])
})

test.each([
  [undefined, {}],
  [() => {}, null],
  [() => {}, { kinds: [] }],
  [() => {}, { kinds: ['requests'] }],
  [() => {}, { concurrency: 0 }],
  [() => {}, { concurrency: 1, queue: -1 }],
] as const)('a wrong option is an error of the call: %s %j', (around, options) => {
  expect(() => start().arounds.add(around as Around, options as object)).toThrow(
    error('SIDECAR_AROUND_INVALID') as Error,
  )
})

test('next() after the function has ended does not begin work of which no one knows', async () => {
  const { runner, arounds } = start()
  let late: () => Promise<unknown> = async () => {}
  let runs = 0
  arounds.add((_work, next) => void (late = next))
  const run = async () => void runs++
  expect(await runner.operate(EVENT, run)).toBeUndefined()
  await expect(late()).rejects.toEqual(error('SIDECAR_AROUND_INVALID'))
  expect(runs).toBe(0)
})
