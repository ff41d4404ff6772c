import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { killChildren, type Child, type ChildExit } from '../support/child.js'
import { composedApp, FRAMEWORKS, type ComposedApp } from '../support/app-process.js'
import { devRegistry } from '../support/registry.js'
import { call, load } from '../support/load.js'
import { bound, duration, elapsed } from '../support/scale.js'

const DRAIN = duration(12_000, 4_000)
/** Callers with old lists go on for so long; the rest of the drain is for what they have under way then. */
const CALLS_MS = duration(7_200, 1_800)
const namespaces = spawnSync('unshare', ['-r', '-p', '-f', 'true']).status === 0
afterEach(killChildren)

/** SIGTERM with callers that go on for as long as their lists may be old: none of them notices. */
async function leaves(app: ComposedApp, terminate: () => void, exit: ChildExit): Promise<void> {
  const { port } = app
  const loads = [load(port, new Agent({ keepAlive: true })), load(port, new Agent({ keepAlive: false }))]
  const long = call(port, `/slow/${DRAIN + 500}`, new Agent({ keepAlive: true }))
  // Judged below; where something else fails first, its end must not be a second failure.
  long.catch(() => {})
  await app.message('slow')

  const began = performance.now()
  terminate()
  await app.message('deregistered')
  expect(elapsed(began)).toBeLessThan(bound(3000))
  expect((await call(port, '/actuator/health/liveness')).status).toBe(200)
  await app.message('draining')
  expect(await call(port, '/echo')).toMatchObject({ told: true, leaving: true })

  await sleep(CALLS_MS)
  await Promise.all(loads.map((one) => one.stop()))
  for (const { seen } of loads) {
    expect(seen.failed).toEqual([])
    expect(seen.ok).toBeGreaterThan(3)
  }
  expect(loads[0]!.seen.told).toBeGreaterThan(1)
  expect((await long).status).toBe(200)
  expect(await app.exited).toEqual(exit)
  const took = performance.now() - began
  expect(took).toBeGreaterThan(DRAIN)
  expect(took).toBeLessThan(25_000)
}

// All frameworks at the same time: with the real drain, one after the other would take minutes.
test.each([
  { handler: 'none', exit: { code: null, signal: 'SIGTERM' } as const },
  { handler: 'close', exit: { code: 0, signal: null } },
])('fault 21: SIGTERM under load, on every framework, its own handler: $handler', async ({ handler, exit }) => {
  const registry = await devRegistry()
  await Promise.all(
    FRAMEWORKS.map(async (framework) => {
      const env = { FRAMEWORK: framework, NAME: framework, DRAIN: String(DRAIN), HANDLER: handler }
      const app = await composedApp(registry, env)
      const deregistered = once(registry, 'deregister')
      await leaves(app, () => app.signal('SIGTERM'), exit)
      await deregistered
    }),
  )
  expect(registry.services().flatMap((service) => service.instances)).toEqual([])
})

test.skipIf(!namespaces).each([
  { handler: 'none', exit: { code: 143, signal: null } },
  { handler: 'close', exit: { code: 0, signal: null } },
])('fault 21: SIGTERM under load, as PID 1, its own handler: $handler', async ({ handler, exit }) => {
  const registry = await devRegistry()
  const env = { FRAMEWORK: 'express', DRAIN: String(DRAIN), HANDLER: handler }
  const wrapper = ['unshare', '-r', '-p', '-f', '--mount-proc', '--kill-child']
  const app = await composedApp(registry, env, { wrapper })
  await leaves(app, () => process.kill(innerPid(app), 'SIGTERM'), exit)
})

/** The only child of `unshare`: node, as PID 1 of its namespace. */
function innerPid({ pid }: Child): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'))
}
