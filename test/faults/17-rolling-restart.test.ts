import { afterEach, expect, test } from 'vitest'
import { inWords } from '../rollout/report.js'
import { rolling } from '../rollout/scenarios.js'
import { killChildren } from '../support/child.js'
import { duration, realDurations } from '../support/scale.js'

afterEach(killChildren)

// In the real run nothing is set: the promise is one of the library's defaults. `npm run test:rollout` is the whole proof.
test('fault 17: rolling restart of three providers under load: no call fails', async () => {
  const outcome = await rolling({
    rate: duration(500, 60),
    calls: 0,
    restMs: duration(1000, 300),
    push: 'off',
    ...(!realDurations && { sidecar: { drain: 2500, pollInterval: 2000 } }),
  })
  expect(outcome.failures.map(inWords)).toEqual([])
  expect(outcome.totals.get.sent).toBeGreaterThan(duration(1000, 200))
  expect(outcome.totals.post.sent).toBeGreaterThan(duration(1000, 200))
})
