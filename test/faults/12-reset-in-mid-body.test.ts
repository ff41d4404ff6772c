import { createServer, type AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { typedCall } from '../support/call-styles.js'
import { startFaultProxy } from '../support/fault-proxy.js'
import { instance, json, startMesh, startProvider } from '../support/mesh.js'

const LONG = 'x'.repeat(50_000)

/** Answers every request with a head and half a body, then an RST. */
async function startResetter(): Promise<{ port: number; requests: () => string[] }> {
  const requests: string[] = []
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      requests.push(bytes.toString('latin1').split(' ', 1)[0]!)
      const half = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 60000\r\n\r\n{"text":"${LONG.slice(0, 20_000)}`
      socket.write(half, () => setTimeout(() => socket.resetAndDestroy(), 20))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return { port: (server.address() as AddressInfo).port, requests: () => requests }
}

async function startCutter(): Promise<{ port: number; requests: () => string[] }> {
  const behind = await startProvider((_, response) => json(response, { text: LONG }))
  const proxy = await startFaultProxy(behind)
  onTestFinished(() => proxy.close())
  await proxy.set('truncate', 20_000)
  return { port: proxy.port, requests: () => behind.seen.map(({ method }) => method) }
}

describe.each([
  ['reset', startResetter],
  ['cut off', startCutter],
])('fault 12: a call is %s in mid-body', (_, start) => {
  async function setUp() {
    const mesh = startMesh({ sidecar: { ejection: { enabled: false } } })
    const broken = await start()
    const sound = await startProvider((__, response) => json(response, { text: LONG }))
    mesh.registry.set('orders', instance('orders', broken.port), instance('orders', sound.port))
    return { call: typedCall('orders'), broken, sound }
  }

  test.each(['GET', 'PUT', 'DELETE'] as const)('fault 12: %s is answered by another instance', async (method) => {
    const { call, broken } = await setUp()
    for (let i = 0; i < 6; i++) expect(await call(method, `/${i}`)).toEqual({ text: LONG })
    expect(broken.requests().length).toBeGreaterThanOrEqual(3)
  })

  test('fault 12: POST is not sent again', async () => {
    const { call, broken, sound } = await setUp()
    const results = await Promise.allSettled([0, 1, 2, 3, 4, 5].map((i) => call('POST', `/${i}`)))
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(3)
    expect(broken.requests().length + sound.seen.length).toBe(6)
    const failed = results.find((each): each is PromiseRejectedResult => each.status === 'rejected')!
    expect(failed.reason).toMatchObject({ code: 'SIDECAR_CALL_FAILED', method: 'POST', attempts: 1 })
  })
})
