import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { DevServer } from 'nacos-sidecar/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { resolveOptions } from '../../../src/dev-server/options.js'
import { devRegistry, form } from '../../support/registry.js'

const listen = (registry: DevServer, entries: string, timeoutMs: number, signal?: AbortSignal) =>
  fetch(`${registry.url}/nacos/v1/cs/configs/listener`, {
    method: 'POST',
    headers: { 'Long-Pulling-Timeout': String(timeoutMs) },
    body: new URLSearchParams({ 'Listening-Configs': entries }),
    ...(signal && { signal }),
  }).then((response) => response.text())

const entry = (dataId: string, md5 = '', tenant = '') => `${dataId}\u0002DEFAULT_GROUP\u0002${md5}\u0002${tenant}\u0001`

const timed = async <T>(work: Promise<T>) => {
  const startMs = performance.now()
  return { value: await work, tookMs: performance.now() - startMs }
}

describe('the config long poll', () => {
  it('holds for the time asked less 0.5 s, and at least 10 s', async () => {
    expect(resolveOptions({}).listener).toEqual({ shortestHoldMs: 10_000, headStartMs: 500 })
    const registry = await devRegistry({ listener: { shortestHoldMs: 200, headStartMs: 500 } })
    const [long, short] = await Promise.all([
      timed(listen(registry, entry('a'), 1_000)),
      timed(listen(registry, entry('a'), 100)),
    ])
    expect([long.value, short.value]).toEqual(['', ''])
    expect(long.tookMs).toBeGreaterThan(490)
    expect(short.tookMs).toBeGreaterThan(190)
    expect(short.tookMs).toBeLessThan(long.tookMs)
  })

  it('answers a change in the hold at once, whichever API made it, and only that one', async () => {
    const registry = await devRegistry()
    const poll = timed(listen(registry, entry('a') + entry('b', '', 'dev'), 30_000))
    setTimeout(() => registry.configs.publish({ dataId: 'b', content: 'elsewhere' }), 50)
    setTimeout(
      () =>
        void form(registry, 'POST', '/v3/admin/cs/config', {
          dataId: 'b',
          groupName: 'DEFAULT_GROUP',
          namespaceId: 'dev',
          content: 'x',
        }),
      200,
    )
    const { value, tookMs } = await poll
    expect(value).toBe('b%02DEFAULT_GROUP%02dev%01\n')
    expect(tookMs).toBeGreaterThan(190)
    expect(tookMs).toBeLessThan(15_000)
  })

  it('does not wake over the same content published again', async () => {
    const registry = await devRegistry({ listener: { shortestHoldMs: 300, headStartMs: 60_000 } })
    registry.configs.publish({ dataId: 'a', content: 'x' })
    const md5 = registry.configs.get({ dataId: 'a' })!.md5
    const poll = timed(listen(registry, entry('a', md5), 30_000))
    setTimeout(() => registry.configs.publish({ dataId: 'a', content: 'x' }), 50)
    const { value, tookMs } = await poll
    expect(value).toBe('')
    expect(tookMs).toBeGreaterThan(290)
  })

  it('ends with an empty answer when the registry stops', async () => {
    const registry = await devRegistry()
    const arrived = new Promise<void>((resolve) => {
      const onStart = () => setImmediate(resolve)
      subscribe('http.server.request.start', onStart)
      onTestFinished(() => void unsubscribe('http.server.request.start', onStart))
    })
    const poll = timed(listen(registry, entry('a'), 30_000))
    await arrived
    await registry.stop()
    const { value, tookMs } = await poll
    expect(value).toBe('')
    expect(tookMs).toBeLessThan(15_000)
  })

  it('lives through a client that goes away', async () => {
    const registry = await devRegistry()
    const gone = new AbortController()
    const poll = listen(registry, entry('a'), 30_000, gone.signal)
    setTimeout(() => gone.abort(), 50)
    await expect(poll).rejects.toThrow()
    registry.configs.publish({ dataId: 'a', content: 'x' })
    expect(await listen(registry, entry('a'), 30_000)).toBe('a%02DEFAULT_GROUP%01\n')
  })
})
