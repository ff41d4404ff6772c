import { expect, test } from 'vitest'
import { createRequestLimiter } from '../../../src/nacos/request-limiter.js'

const never = new AbortController().signal

test('grants one request an interval, urgent ones first', async () => {
  const limiter = createRequestLimiter(60)
  const order: string[] = []
  const startMs = performance.now()
  const take = (name: string, urgent: boolean) =>
    limiter.acquire(urgent, 5_000, never).then((how) => order.push(`${name} ${how}`))
  await take('first', false)
  await Promise.all([take('poll 1', false), take('poll 2', false), take('beat', true)])
  expect(order).toEqual(['first granted', 'beat granted', 'poll 1 granted', 'poll 2 granted'])
  expect(performance.now() - startMs).toBeGreaterThanOrEqual(3 * 60 - 5)
})

test('lets all requests go once the registry answers', async () => {
  const limiter = createRequestLimiter(60_000)
  await limiter.acquire(false, 1_000, never)
  const waiting = [limiter.acquire(false, 5_000, never), limiter.acquire(true, 5_000, never)]
  limiter.releaseAll()
  expect(await Promise.all(waiting)).toEqual(['released', 'released'])
})

test('gives up after its time, and on an abort', async () => {
  const limiter = createRequestLimiter(60_000)
  await limiter.acquire(false, 1_000, never)
  expect(await limiter.acquire(true, 20, never)).toBe('late')
  const controller = new AbortController()
  const waiting = limiter.acquire(false, 5_000, controller.signal)
  controller.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
})
