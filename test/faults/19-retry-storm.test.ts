import { createServer, type AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { callStyles, typedCall, type CallService } from '../support/call-styles.js'
import { duration } from '../support/scale.js'
import { instance, json, startMesh, startProvider } from '../support/mesh.js'

const CALLS = duration(1_000, 200)
const PARALLEL = 32
/** A fifth more than the calls; in a storm of longer than the budget remembers, its floor is granted again. */
const mostRequests = (began: number) => CALLS * 1.2 + 10 * Math.floor((performance.now() - began) / 10_000)

/** Takes each request and hangs up. */
async function startBroken(count: () => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => (count(), socket.destroy()))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

async function storm(call: CallService): Promise<number> {
  let begun = 0
  let failed = 0
  const worker = async () => {
    while (begun++ < CALLS) await call('GET', '/x').catch(() => failed++)
  }
  await Promise.all(Array.from({ length: PARALLEL }, worker))
  return failed
}

test.each(Object.entries(callStyles))(
  'fault 19: every connection breaks, at most 20 % more requests: %s',
  async (_, open) => {
    const mesh = startMesh()
    let requests = 0
    const ports = await Promise.all([1, 2, 3].map(() => startBroken(() => requests++)))
    mesh.registry.set('orders', ...ports.map((port) => instance('orders', port)))
    const began = performance.now()
    expect(await storm(open('orders'))).toBe(CALLS)
    expect(requests).toBeGreaterThan(CALLS)
    expect(requests).toBeLessThanOrEqual(mostRequests(began))
  },
)

test.each([1, 5])('fault 19: every answer is 503 and retry is %i, at most a fifth more requests', async (retry) => {
  const mesh = startMesh()
  const providers = await Promise.all([1, 2, 3].map(() => startProvider((_, response) => json(response, {}, 503))))
  mesh.registry.set('orders', ...providers.map(({ port }) => instance('orders', port)))
  const began = performance.now()
  expect(await storm(typedCall('orders', { retry }))).toBe(CALLS)
  const requests = providers.reduce((sum, { seen }) => sum + seen.length, 0)
  expect(requests).toBeGreaterThan(CALLS)
  expect(requests).toBeLessThanOrEqual(mostRequests(began))
})

test('fault 19: a client of few calls may still repeat one', async () => {
  const mesh = startMesh()
  const broken = await startBroken(() => {})
  const sound = await startProvider()
  mesh.registry.set('orders', instance('orders', broken), instance('orders', sound.port))
  const call = typedCall('orders')
  for (let i = 0; i < 4; i++) await call('GET', '/x')
  expect(sound.seen).toHaveLength(4)
})
