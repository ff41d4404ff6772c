import { expect, onTestFinished, test } from 'vitest'
import { setTimeout as pause } from 'node:timers/promises'
import { startChild } from '../support/child.js'
import { quietSidecar } from '../support/member.js'
import { duration } from '../support/scale.js'

const POLL_MS = duration(10_000, 2_500)
const SERVICES = duration(1_000, 400)
/** What the HTTP client keeps per node, and one for the config watch. */
const MOST_SOCKETS = 17

test('fault 44: 1,000 services watched: bounded sockets, jittered polls', async () => {
  const registry = startChild(new URL('../fixtures/apps/big-registry.ts', import.meta.url), {
    env: { INSTANCES: '10' },
  })
  onTestFinished(() => registry.kill().then(() => {}))
  const { port } = await registry.message<{ port: number }>('listening')
  const sidecar = quietSidecar(`127.0.0.1:${port}`, { 'sidecar.poll-interval': POLL_MS })

  let known = 0
  const names = Array.from({ length: SERVICES }, (_, n) => `service-${n}`)
  for (const name of names) sidecar.discovery.watch(name, ({ added }) => (known += added.length))
  await Promise.all(names.map((name) => sidecar.discovery.instances(name)))
  expect(known).toBe(SERVICES * 10)

  const startMs = performance.now()
  let report = { most: 0, times: [] as number[] }
  for (let round = 0; report.times.length < SERVICES * 2.5; round++) {
    await pause(POLL_MS / 10)
    registry.send({ report: `report ${round}` })
    report = await registry.message(`report ${round}`)
  }
  const { most, times } = report
  expect(most).toBeLessThanOrEqual(MOST_SOCKETS)
  // No service is asked for more often than its jittered interval says.
  const rounds = (performance.now() - startMs) / (POLL_MS * 0.9)
  // Beside the rounds: the first question of each, one when there turns out to be no push, and a round begun.
  expect(times.length).toBeLessThan(SERVICES * (rounds + 3))

  // The second round is spread over a fifth of the interval or more: no burst.
  const second = times.slice(SERVICES, SERVICES * 2)
  expect(second.at(-1)! - second[0]!).toBeGreaterThan(POLL_MS * 0.15)
  expect(sidecar.status().services.every(({ failures }) => failures === 0)).toBe(true)
})
