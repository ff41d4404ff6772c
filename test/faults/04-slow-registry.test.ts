import { expect, onTestFinished, test } from 'vitest'
import { startFaultProxy } from '../support/fault-proxy.js'
import { anInstance, openTransport } from '../support/transport.js'
import { bound, duration, elapsed } from '../support/scale.js'
import { startScriptedRegistry } from '../support/scripted-registry.js'

const SLOW_MS = duration(30_000, 3_000)
const BEAT_TIMEOUT_MS = duration(2_000, 600)
/** What sending and reading may add. */
const MARGIN_MS = bound(300)

async function registry() {
  const server = await startScriptedRegistry()
  onTestFinished(() => server.close())
  server.on('PUT /nacos/v1/ns/instance/beat', {
    body: { clientBeatInterval: 5000, code: 10200, lightBeatEnabled: true },
  })
  return server
}

async function slowed() {
  const server = await registry()
  const proxy = await startFaultProxy(server)
  onTestFinished(() => proxy.close())
  await proxy.set('delay', SLOW_MS)
  return { server, proxy }
}

async function timed<T>(work: Promise<T>) {
  const startMs = performance.now()
  const result = await work.catch((error: unknown) => error)
  return { result, tookMs: performance.now() - startMs, ranMs: elapsed(startMs) }
}

test('fault 04: a registry 30 s slow: a beat gives up at 2 s and goes to the next address', async () => {
  const { server: slow, proxy } = await slowed()
  const well = await registry()
  const transport = openTransport([proxy, well], { beatTimeoutMs: BEAT_TIMEOUT_MS, requestTimeoutMs: SLOW_MS * 2 })

  const first = await timed(transport.beat(anInstance()))
  expect(first.result).toBe('ok')
  expect(first.tookMs).toBeGreaterThanOrEqual(BEAT_TIMEOUT_MS - 10)
  expect(first.ranMs).toBeLessThan(BEAT_TIMEOUT_MS + MARGIN_MS)
  expect(slow.requests).toHaveLength(1)
  expect(well.requests).toHaveLength(1)

  // And stays there: the next beat loses no time.
  const second = await timed(transport.beat(anInstance()))
  expect(second).toMatchObject({ result: 'ok' })
  expect(second.ranMs).toBeLessThan(MARGIN_MS)
  expect(slow.requests).toHaveLength(1)
})

test('fault 04: with one address, the beat fails at 2 s and says so', async () => {
  const { proxy } = await slowed()
  const transport = openTransport([proxy], { beatTimeoutMs: BEAT_TIMEOUT_MS, requestTimeoutMs: SLOW_MS * 2 })
  const { result, ranMs } = await timed(transport.beat(anInstance()))
  expect(result).toMatchObject({
    code: 'SIDECAR_REGISTRY_UNAVAILABLE',
    message: expect.stringContaining(`127.0.0.1:${proxy.port}: no answer within ${BEAT_TIMEOUT_MS} ms`),
  })
  expect(ranMs).toBeLessThan(BEAT_TIMEOUT_MS + MARGIN_MS)
})

test('fault 04: a black hole is no different', async () => {
  const { proxy } = await slowed()
  await proxy.set('hang')
  const well = await registry()
  const transport = openTransport([proxy, well], { beatTimeoutMs: BEAT_TIMEOUT_MS })
  const { result, ranMs } = await timed(transport.beat(anInstance()))
  expect(result).toBe('ok')
  expect(ranMs).toBeLessThan(BEAT_TIMEOUT_MS + MARGIN_MS)
})
