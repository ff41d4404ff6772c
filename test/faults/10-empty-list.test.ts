import { expect, onTestFinished, test, vi } from 'vitest'
import { startFaultProxy } from '../support/fault-proxy.js'
import { devRegistry, form } from '../support/registry.js'
import { TWO_ORDERS } from '../support/transport.js'
import { alerts, quietSidecar } from '../support/member.js'
import { duration } from '../support/scale.js'
import { startScriptedRegistry } from '../support/scripted-registry.js'

const HOLD_MS = duration(30_000, 500)
const settings = {
  'sidecar.poll-interval': duration(10_000, 40),
  'sidecar.empty-protection': HOLD_MS,
  'cloud.nacos.config.enabled': false,
}
/** Long enough for the hold and the polls around it. */
const withinHold = { timeout: HOLD_MS + duration(25_000, 5_000), interval: 5 }

async function scripted() {
  const registry = await startScriptedRegistry()
  onTestFinished(() => registry.close())
  const says = (hosts: readonly unknown[]) =>
    registry.on('GET /nacos/v1/ns/instance/list', { body: { ...TWO_ORDERS, hosts } })
  says(TWO_ORDERS.hosts)
  const sidecar = quietSidecar(registry.address, settings)
  const count = async () => (await sidecar.discovery.instances('orders')).length
  expect(await count()).toBe(2)
  return { registry, says, sidecar, count }
}

test('fault 10: empty list: held, confirmed by a further request, then applied', async () => {
  const { registry, says, sidecar, count } = await scripted()
  const removed: number[] = []
  sidecar.discovery.watch('orders', (change) => removed.push(change.removed.length))
  const emptyAtMs = performance.now()
  says([])
  await vi.waitFor(() => expect(sidecar.status().services[0]!.heldEmpty).toBe(true), withinHold)
  expect(await count()).toBe(2)
  await vi.waitFor(async () => expect(await count()).toBe(0), withinHold)
  expect(performance.now() - emptyAtMs).toBeGreaterThan(HOLD_MS - 50)
  expect(registry.requests.at(-1)!.atMs).toBeGreaterThan(emptyAtMs + HOLD_MS - 50)
  expect(removed).toEqual([0, 2])
  expect(alerts(sidecar)).toEqual([expect.stringContaining('the last 2 stay in use until that is confirmed')])
})

test('fault 10: empty list: one that was a mistake of the registry is never seen', async () => {
  const { says, sidecar, count } = await scripted()
  const changes: unknown[] = []
  sidecar.discovery.watch('orders', (change) => changes.push(change))
  says([])
  await vi.waitFor(() => expect(sidecar.status().services[0]!.heldEmpty).toBe(true), withinHold)
  says(TWO_ORDERS.hosts)
  await vi.waitFor(() => expect(sidecar.status().services[0]!.heldEmpty).toBe(false), withinHold)
  expect(await count()).toBe(2)
  expect(changes).toHaveLength(1)
})

test('fault 10: empty list: a transport failure never means empty, in the hold neither', async () => {
  const { registry, says, sidecar, count } = await scripted()
  const proxy = await startFaultProxy(registry)
  onTestFinished(() => proxy.close())
  const behind = quietSidecar(`127.0.0.1:${proxy.port}`, { ...settings, 'cloud.nacos.request-timeout': 1_500 })
  expect(await behind.discovery.instances('orders')).toHaveLength(2)
  says([])
  await vi.waitFor(() => expect(behind.status().services[0]!.heldEmpty).toBe(true), withinHold)
  await proxy.set('hang')
  await vi.waitFor(() => expect(behind.status().services[0]!.failures).toBeGreaterThan(0), withinHold)
  // The other one, with a registry it can ask, has it confirmed meanwhile.
  await vi.waitFor(async () => expect(await count()).toBe(0), withinHold)
  expect(await behind.discovery.instances('orders')).toHaveLength(2)
  await proxy.set('pass')
  await vi.waitFor(async () => expect(await behind.discovery.instances('orders')).toHaveLength(0), withinHold)
  expect(sidecar.status().services[0]!.failures).toBe(0)
})

test('fault 10: empty list: the last instance that leaves is gone after the hold', async () => {
  const registry = await devRegistry()
  const fields = { serviceName: 'orders', ip: '10.0.0.7', port: 9001 }
  await form(registry, 'POST', '/v1/ns/instance', fields)
  const sidecar = quietSidecar(`127.0.0.1:${registry.port}`, settings)
  await vi.waitFor(async () => expect(await sidecar.discovery.instances('orders')).toHaveLength(1), withinHold)
  await form(registry, 'DELETE', '/v1/ns/instance', fields)
  await vi.waitFor(() => expect(sidecar.status().services[0]!.heldEmpty).toBe(true), withinHold)
  await vi.waitFor(async () => expect(await sidecar.discovery.instances('orders')).toHaveLength(0), withinHold)
})
