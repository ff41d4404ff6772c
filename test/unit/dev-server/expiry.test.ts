import { once } from 'node:events'
import type { DevServer } from 'nacos-sidecar/testing'
import { describe, expect, it, vi } from 'vitest'
import { checkEveryMs } from '../../../src/dev-server/instance.js'
import { devRegistry, form } from '../../support/registry.js'

const instance = { ip: '10.0.0.1', port: 8080, serviceName: 'orders' }
const register = (registry: DevServer, more: Record<string, string | number> = {}) =>
  form(registry, 'POST', '/v1/ns/instance', { ...instance, ...more })
const beat = (registry: DevServer) => form(registry, 'PUT', '/v1/ns/instance/beat', instance)
const only = (registry: DevServer) => registry.services()[0]?.instances[0]

describe('expiry', () => {
  it('turns an instance unhealthy after 15 s of silence and removes it after 30 s', async () => {
    let nowMs = 0
    const registry = await devRegistry({ clock: () => nowMs, tickMs: 5 })
    await register(registry)
    nowMs = 15_000
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(only(registry)?.healthy).toBe(true)
    nowMs = 15_001
    await vi.waitFor(() => expect(only(registry)?.healthy).toBe(false))
    const gone = once(registry, 'expire')
    nowMs = 30_001
    const [event] = (await gone) as [{ instance: { service: string } }]
    expect(event.instance.service).toBe('orders')
    expect(
      JSON.parse((await form(registry, 'GET', '/v1/ns/instance/list', { serviceName: 'orders' })).body).hosts,
    ).toEqual([])
    expect(JSON.parse((await beat(registry)).body).code).toBe(20404)
  })

  it('is put off by each heartbeat, and a heartbeat heals', async () => {
    let nowMs = 0
    const registry = await devRegistry({ clock: () => nowMs, tickMs: 5 })
    await register(registry)
    for (let step = 0; step < 4; step++) {
      nowMs += 14_000
      await beat(registry)
    }
    expect(only(registry)?.healthy).toBe(true)
    nowMs += 16_000
    await vi.waitFor(() => expect(only(registry)?.healthy).toBe(false))
    await beat(registry)
    expect(only(registry)?.healthy).toBe(true)
  })

  it('follows the preserved metadata, in real time and sharply', async () => {
    const registry = await devRegistry()
    // Registered first: the check planned for it (5 s) must not delay the short one.
    await register(registry, { port: 1 })
    const startMs = performance.now()
    const expiry = once(registry, 'expire')
    await register(registry, {
      metadata:
        '{"preserved.heart.beat.interval":"100","preserved.heart.beat.timeout":"300","preserved.ip.delete.timeout":"600"}',
    })
    const [{ instance: expired }] = (await expiry) as [{ instance: { port: number } }]
    const tookMs = performance.now() - startMs
    expect(expired.port).toBe(8080)
    expect(tookMs).toBeGreaterThan(550)
    expect(tookMs).toBeLessThan(4_500)
    expect(registry.services()[0]!.instances).toHaveLength(1)
  })

  it('looks as often as the shortest timeout wants, never more seldom than Nacos', () => {
    expect(checkEveryMs({ intervalMs: 5_000, timeoutMs: 15_000, deleteMs: 30_000 })).toBe(5_000)
    expect(checkEveryMs({ intervalMs: 10_000, timeoutMs: 90_000, deleteMs: 90_000 })).toBe(5_000)
    expect(checkEveryMs({ intervalMs: 1_000, timeoutMs: 3_000, deleteMs: 6_000 })).toBe(1_000)
    expect(checkEveryMs({ intervalMs: 1, timeoutMs: 1, deleteMs: 1 })).toBe(20)
  })

  it('leaves persistent instances alone', async () => {
    let nowMs = 0
    const registry = await devRegistry({ clock: () => nowMs, tickMs: 5 })
    await register(registry, { ephemeral: 'false' })
    await register(registry, { serviceName: 'mortal' })
    nowMs = 1e9
    await once(registry, 'expire')
    expect(
      registry.services().map(({ service, instances }) => [service, instances.map(({ healthy }) => healthy)]),
    ).toContainEqual(['orders', [true]])
  })

  it('keeps an operator’s enabled=false over re-registration, and forgets it a minute after the instance is gone', async () => {
    let nowMs = 0
    const registry = await devRegistry({ clock: () => nowMs, tickMs: 5 })
    await register(registry)
    await form(registry, 'PUT', '/v1/ns/instance', {
      ...instance,
      enabled: 'false',
      weight: 3,
      metadata: 'by=operator',
    })
    await register(registry)
    expect(only(registry)).toMatchObject({ enabled: false, weight: 3, metadata: { by: 'operator' } })
    await form(registry, 'DELETE', '/v1/ns/instance', instance)
    await register(registry)
    expect(only(registry)?.enabled).toBe(false)
    await form(registry, 'DELETE', '/v1/ns/instance', instance)
    nowMs += 60_001
    await vi.waitFor(() => expect(registry.services()).toEqual([]))
    await register(registry)
    expect(only(registry)).toMatchObject({ enabled: true, weight: 1 })
  })
})
