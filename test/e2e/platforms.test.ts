import { once } from 'node:events'
import { Agent } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { killChildren, type Child } from '../support/child.js'
import { composedApp } from '../support/app-process.js'
import { devRegistry } from '../support/registry.js'
import { call, load } from '../support/load.js'
import { bound, duration } from '../support/scale.js'

const DRAIN = duration(12_000, 2_000)
afterEach(killChildren)

/** What a platform does: a signal, and SIGKILL for who is still there after its patience. */
async function stopAs(app: Child, signal: NodeJS.Signals, patienceMs: number) {
  const began = performance.now()
  app.signal(signal)
  const kill = setTimeout(() => app.signal('SIGKILL'), patienceMs)
  const exit = await app.exited
  clearTimeout(kill)
  return { exit, tookMs: performance.now() - began }
}

test('PM2, as it comes: SIGINT, and SIGKILL after 1.6 s', async () => {
  const registry = await devRegistry()
  const app = await composedApp(registry, { FRAMEWORK: 'express', HANDLER: 'close' })
  const answer = call(app.port, '/slow/400', new Agent({ keepAlive: true }))
  await app.message('slow')
  const deregistered = once(registry, 'deregister')
  const { exit } = await stopAs(app, 'SIGINT', bound(1_600))
  expect(exit).toEqual({ code: 0, signal: null })
  expect((await answer).status).toBe(200)
  await deregistered
})

test('PM2, as it comes: an app that never ends is deregistered before it is killed', async () => {
  const registry = await devRegistry()
  const app = await composedApp(registry, { FRAMEWORK: 'koa' })
  call(app.port, '/slow/60000').catch(() => {})
  await app.message('slow')
  const deregistered = once(registry, 'deregister')
  const { exit } = await stopAs(app, 'SIGINT', bound(1_600))
  expect(exit).toEqual({ code: null, signal: 'SIGKILL' })
  await deregistered
})

test.each(['none', 'close'])(
  'Kubernetes: SIGTERM, and SIGKILL after 30 s; the handler of the app: %s',
  async (handler) => {
    const registry = await devRegistry()
    const app = await composedApp(registry, { FRAMEWORK: 'fastify', HANDLER: handler, DRAIN: String(DRAIN) })
    const probe = (page: string) => call(app.port, `/actuator/health/${page}`)
    expect((await probe('readiness')).status).toBe(200)
    const calls = load(app.port, new Agent({ keepAlive: true }))
    const stopped = stopAs(app, 'SIGTERM', 30_000)
    await app.message('draining')
    // The kubelet goes on probing: not ready, but alive.
    expect((await probe('readiness')).status).toBe(503)
    expect((await probe('liveness')).status).toBe(200)
    await calls.stop()
    expect(calls.seen.failed).toEqual([])
    const { exit, tookMs } = await stopped
    expect(exit).toEqual(handler === 'close' ? { code: 0, signal: null } : { code: null, signal: 'SIGTERM' })
    expect(tookMs).toBeGreaterThan(DRAIN)
    expect(tookMs).toBeLessThan(25_000)
  },
)

test('Kubernetes with a preStop sleep: registered and serving until SIGTERM comes', async () => {
  const registry = await devRegistry()
  const app = await composedApp(registry, { FRAMEWORK: 'express', DRAIN: String(DRAIN) })
  const calls = load(app.port, new Agent({ keepAlive: true }))
  await new Promise((resolve) => setTimeout(resolve, 500))
  expect(registry.services().flatMap((service) => service.instances)).toHaveLength(1)
  const stopped = stopAs(app, 'SIGTERM', 30_000 - 500)
  await app.message('draining')
  await calls.stop()
  expect(calls.seen.failed).toEqual([])
  expect((await stopped).exit).toEqual({ code: null, signal: 'SIGTERM' })
})
