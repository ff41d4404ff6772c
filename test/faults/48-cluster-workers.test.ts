import { once } from 'node:events'
import { Agent } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DevServer } from 'nacos-sidecar/testing'
import { afterEach, expect, test, vi } from 'vitest'
import { killChildren, type Child } from '../support/child.js'
import { composedApp } from '../support/app-process.js'
import { devRegistry } from '../support/registry.js'
import { call, load } from '../support/load.js'
import { duration } from '../support/scale.js'

const DRAIN = duration(12_000, 2_000)
const BEAT = 400
const SHORT_LEASE = { heartBeatInterval: BEAT, heartBeatTimeout: 3 * BEAT, ipDeleteTimeout: 5 * BEAT }
afterEach(killChildren)

const listed = (registry: DevServer) => registry.services().flatMap((service) => service.instances)

async function startWorkers(count: number, env: Record<string, string> = {}, lease: object = SHORT_LEASE) {
  const registry = await devRegistry({ tickMs: 100 })
  const settings = { cloud: { nacos: { serverAddr: registry.address, discovery: { ip: '127.0.0.1', ...lease } } } }
  const app = await composedApp(registry, {
    WORKERS: String(count),
    DRAIN: String(DRAIN),
    SETTINGS: JSON.stringify(settings),
    ...env,
  })
  const pids = await vi.waitFor(() => {
    const seen = app.messages.filter(({ type }) => type === 'registered').map(({ pid }) => pid as number)
    expect(seen).toHaveLength(count)
    return seen
  }, 15_000)
  const deregistrations: number[] = []
  registry.on('deregister', () => deregistrations.push(Date.now()))
  return { registry, app, pids, deregistrations }
}

const gone = (app: Child, pid: number) =>
  vi.waitFor(
    () => expect(app.messages.some(({ type, worker }) => type === 'workerExit' && worker === pid)).toBe(true),
    DRAIN + 10_000,
  )

test('fault 48: four workers are one registration, which outlives any of them; the last one deregisters', async () => {
  const { registry, app, pids, deregistrations } = await startWorkers(4, { FRAMEWORK: 'express' })
  expect(listed(registry)).toMatchObject([{ ip: '127.0.0.1', port: app.port, healthy: true }])
  const kept = load(app.port, new Agent({ keepAlive: true }))
  const fresh = load(app.port, new Agent({ keepAlive: false }))
  await vi.waitFor(() => expect(kept.seen.ok).toBeGreaterThan(0))
  // The worker with the connection stops first.
  const { pid: first } = JSON.parse(kept.seen.last) as { pid: number }
  const [second, third, last] = pids.filter((pid) => pid !== first) as [number, number, number]

  process.kill(first, 'SIGTERM')
  await gone(app, first)
  process.kill(second, 'SIGTERM')
  await gone(app, second)
  await Promise.all([kept.stop(), fresh.stop()])
  for (const { seen } of [kept, fresh]) expect(seen).toMatchObject({ failed: [], leaving: 0 })
  expect(kept.seen.told).toBeGreaterThan(0)

  process.kill(third, 'SIGKILL')
  await gone(app, third)
  // The one that is left keeps it alive for longer than the registry would wait.
  await sleep(8 * BEAT)
  expect(listed(registry)).toMatchObject([{ port: app.port, healthy: true }])
  expect(deregistrations).toEqual([])
  expect((await call(app.port, '/echo')).status).toBe(200)

  const deregistered = once(registry, 'deregister')
  process.kill(last, 'SIGTERM')
  await deregistered
  // It alone serves out the drain: callers still have the address.
  await vi.waitFor(async () => expect(await call(app.port, '/echo')).toMatchObject({ status: 200, leaving: true }))
  await gone(app, last)
  expect(listed(registry)).toEqual([])
})

test('fault 48: all workers signalled at once', async () => {
  const drainMs = duration(12_000, 4_000)
  const { registry, app, deregistrations } = await startWorkers(3, { DRAIN: String(drainMs) }, {})
  const calls = load(app.port, new Agent({ keepAlive: true }))
  const deregistered = once(registry, 'deregister')
  app.signal('SIGTERM')
  await deregistered
  await sleep(drainMs * 0.6)
  await calls.stop()
  expect(calls.seen.failed).toEqual([])
  expect(await app.exited).toEqual({ code: 0, signal: null })
  expect(listed(registry)).toEqual([])
  expect(deregistrations.length).toBeGreaterThan(0)
})

test('fault 48: a worker that crashes leaves the others registered; the last one to crash deregisters', async () => {
  // The library's own lease: only a request can remove the instance in the time of a test.
  const { registry, app, pids, deregistrations } = await startWorkers(2, {}, {})
  for (let at = 0; at < pids.length; at++) {
    // The worker that gets the call throws.
    const last = at === pids.length - 1
    const deregistered = last && once(registry, 'deregister')
    call(app.port, '/do?throw').catch(() => {})
    await vi.waitFor(
      () => expect(app.messages.filter(({ type }) => type === 'workerExit')).toHaveLength(at + 1),
      10_000,
    )
    if (deregistered) await deregistered
    else expect(deregistrations).toEqual([])
  }
  expect(listed(registry)).toEqual([])
})

test('fault 48: a worker that comes while the last one leaves stays registered', async () => {
  const { registry, app, pids } = await startWorkers(2, { DRAIN: '300' })
  for (const pid of pids.slice(1)) {
    process.kill(pid, 'SIGKILL')
    await gone(app, pid)
  }
  app.send({ fork: true })
  process.kill(pids[0]!, 'SIGTERM')
  await gone(app, pids[0]!)
  await vi.waitFor(() => expect(app.messages.filter(({ type }) => type === 'registered')).toHaveLength(3), 10_000)
  await sleep(3 * BEAT)
  expect(listed(registry)).toMatchObject([{ healthy: true }])
})
