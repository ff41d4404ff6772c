import { expect, test } from 'vitest'
import { createLimiter } from '../../../src/util/limiter.js'

test('runs no more than its bound, in order, whatever fails', async () => {
  const limit = createLimiter(2)
  const started: number[] = []
  let running = 0
  let most = 0
  const results = await Promise.allSettled(
    Array.from({ length: 7 }, (_, i) =>
      limit(async () => {
        started.push(i)
        most = Math.max(most, ++running)
        await new Promise((resolve) => setImmediate(resolve))
        running--
        if (i % 3 === 0) throw new Error(String(i))
        return i
      }),
    ),
  )
  expect(most).toBe(2)
  expect(started).toEqual([0, 1, 2, 3, 4, 5, 6])
  expect(results.map((each) => each.status === 'fulfilled')).toEqual([false, true, true, false, true, true, false])
  expect(await limit(async () => 'still works')).toBe('still works')
})
