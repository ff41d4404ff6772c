import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { NOT_QUEUED, TimerQueue, type QueuedTimer } from '../../../src/util/timer-queue.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function timers(ms: number, ...names: string[]) {
  const queue = new TimerQueue(ms)
  const fired: string[] = []
  const made = names.map((name): QueuedTimer => {
    return { dueAt: NOT_QUEUED, earlier: undefined, later: undefined, onTimeout: () => void fired.push(name) }
  })
  return { queue, fired, made }
}

test('each is called when its own time is over, in order', () => {
  const { queue, fired, made } = timers(100, 'a', 'b', 'c')
  queue.start(made[0]!)
  vi.advanceTimersByTime(40)
  queue.start(made[1]!)
  queue.start(made[2]!)
  vi.advanceTimersByTime(59)
  expect(fired).toEqual([])
  vi.advanceTimersByTime(1)
  expect(fired).toEqual(['a'])
  vi.advanceTimersByTime(40)
  expect(fired).toEqual(['a', 'b', 'c'])
})

test('one that is stopped, or started over, is not called before', () => {
  const { queue, fired, made } = timers(100, 'a', 'b', 'c')
  for (const one of made) queue.start(one)
  vi.advanceTimersByTime(50)
  queue.stop(made[1]!)
  queue.stop(made[1]!)
  queue.start(made[0]!)
  vi.advanceTimersByTime(60)
  expect(fired).toEqual(['c'])
  vi.advanceTimersByTime(40)
  expect(fired).toEqual(['c', 'a'])
})

test('one that throws does not keep the others from being called', () => {
  const { queue, fired, made } = timers(100, 'a', 'b')
  made[0]!.onTimeout = () => {
    throw new Error('boom')
  }
  for (const one of made) queue.start(one)
  expect(() => vi.advanceTimersByTime(100)).toThrow('boom')
  vi.advanceTimersByTime(1)
  expect(fired).toEqual(['b'])
})

test('one that starts again when it is called is called again', () => {
  const { queue, fired, made } = timers(100, 'a')
  const [a] = made
  a!.onTimeout = () => {
    fired.push('a')
    queue.start(a!)
  }
  queue.start(a!)
  vi.advanceTimersByTime(350)
  expect(fired).toEqual(['a', 'a', 'a'])
})
