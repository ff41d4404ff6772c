import { Agent } from 'node:http'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import { killChildren } from '../support/child.js'
import { composedApp } from '../support/app-process.js'
import { devRegistry } from '../support/registry.js'
import { startFaultProxy } from '../support/fault-proxy.js'
import { load } from '../support/load.js'
import { bound, elapsed } from '../support/scale.js'

const CAP_MS = 3_000
const DRAIN_MS = 2_000
afterEach(killChildren)

async function hanging(env: Record<string, string>) {
  const registry = await devRegistry()
  const proxy = await startFaultProxy(registry)
  onTestFinished(() => proxy.close())
  const app = await composedApp({ address: `127.0.0.1:${proxy.port}` }, env)
  await proxy.set('hang')
  return app
}

test('fault 24: a deregistration that hangs: capped at 3 s, then the drain all the same', async () => {
  const app = await hanging({ DRAIN: String(DRAIN_MS) })
  const calls = load(app.port, new Agent({ keepAlive: true }))
  const began = performance.now()
  app.signal('SIGTERM')
  await app.message('draining')
  expect(performance.now() - began).toBeGreaterThan(CAP_MS - 200)
  expect(elapsed(began)).toBeLessThan(CAP_MS + bound(500))
  await calls.stop()
  expect(calls.seen.failed).toEqual([])
  expect(await app.exited).toEqual({ code: null, signal: 'SIGTERM' })
  expect(elapsed(began)).toBeLessThan(CAP_MS + DRAIN_MS + bound(1500))
  expect(app.stderr).toMatch(/cannot deregister .* no answer within \d+ ms; the registry removes it 90000 ms after/)
})

test('fault 24: on SIGINT too', async () => {
  const app = await hanging({})
  const began = performance.now()
  app.signal('SIGINT')
  expect(await app.exited).toEqual({ code: null, signal: 'SIGINT' })
  expect(elapsed(began)).toBeLessThan(CAP_MS + bound(1000))
})
