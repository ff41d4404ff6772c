import { afterEach, expect, test } from 'vitest'
import { inWords } from '../rollout/report.js'
import { rolling } from '../rollout/scenarios.js'
import { killChildren } from '../support/child.js'
import { onServer } from './support/on-server.js'

afterEach(killChildren)

// The sidecar finds out by itself which API a server speaks: once for each server is enough.
for (const id of ['given', 'rnacos', 'nacos'] as const)
  onServer(
    id,
    ({ server, auth }) => {
      test(
        'a rolling restart of three providers, with library defaults: no call fails',
        { timeout: 240_000 },
        async () => {
          const outcome = await rolling({
            rate: 200,
            calls: 0,
            push: 'auto',
            registry: server,
            ...(auth && { login: auth }),
          })
          expect(outcome.failures.map(inWords)).toEqual([])
          expect(outcome.totals.get.sent).toBeGreaterThan(2000)
        },
      )
    },
    { once: true },
  )
