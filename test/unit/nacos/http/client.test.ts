import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startFaultProxy } from '../../../support/fault-proxy.js'
import { anInstance, openTransport, ORDERS } from '../../../support/transport.js'
import { startScriptedRegistry } from '../../../support/scripted-registry.js'

const EMPTY = { body: { hosts: [] } }

async function registry() {
  const started = await startScriptedRegistry()
  onTestFinished(() => started.close())
  return started
}

async function proxied(target: { port: number }) {
  const proxy = await startFaultProxy(target)
  onTestFinished(() => proxy.close())
  return proxy
}

test('keeps one connection for many requests', async () => {
  const server = await registry()
  server.on('GET', EMPTY)
  const proxy = await proxied(server)
  const transport = openTransport([proxy])
  for (let n = 0; n < 10; n += 1) await transport.list(ORDERS)
  expect(proxy.connections).toBe(1)
})

test('sends an idempotent request once more when a kept connection is reset under it', async () => {
  let asked = 0
  const server = createServer((request, response) => {
    asked += 1
    // The second request of a connection is the one that finds it closed.
    if (asked === 2) return void request.socket.resetAndDestroy()
    response.end('{"hosts":[]}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => new Promise<void>((resolve) => (server.close(() => resolve()), server.closeAllConnections())))
  const transport = openTransport([{ host: '127.0.0.1', port: (server.address() as AddressInfo).port }])
  await transport.list(ORDERS)
  expect(await transport.list(ORDERS)).toEqual([])
  expect(asked).toBe(3)
  expect(transport.lines).toEqual([])
})

test('a compare-and-set publish is never sent twice', async () => {
  let published = 0
  const server = await registry()
  server.on('GET', EMPTY)
  server.on('POST /nacos/v1/cs/configs', () => ((published += 1), 'reset'))
  const other = await registry()
  other.on('POST', { body: 'true' })
  const transport = openTransport([server, other])
  await transport.list(ORDERS) // leaves a kept connection
  const publish = transport.publishConfig({ namespace: '', group: 'G', dataId: 'd', content: 'x' }, 'a'.repeat(32))
  await expect(publish).rejects.toMatchObject({ code: 'SIDECAR_REGISTRY_UNAVAILABLE' })
  expect(published).toBe(1)
  expect(other.requests).toEqual([])
})

test('an answer that is too large is refused, unpacked or not', async () => {
  const server = await registry()
  const huge = 'x'.repeat(200_000)
  server.on('GET', { body: huge })
  const transport = openTransport([server], { maxResponseBytes: 100_000 })
  const key = { namespace: '', group: 'G', dataId: 'd' }
  await expect(transport.getConfig(key)).rejects.toMatchObject({ code: 'SIDECAR_REGISTRY_ANSWER' })
})

test('a large document is decoded exactly, whatever character stands where a step of the decoding ends', async () => {
  // Four bytes a character, and one byte before them: no step ends between two characters.
  const content = `\ufeffa${'😀'.repeat(600_000)}ö`
  const server = createServer((_request, response) => void response.end(content))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => new Promise<void>((resolve) => (server.close(() => resolve()), server.closeAllConnections())))
  const transport = openTransport([{ host: '127.0.0.1', port: (server.address() as AddressInfo).port }])
  const item = await transport.getConfig({ namespace: '', group: 'G', dataId: 'd' })
  expect(item!.content === content).toBe(true)
  expect(item!.md5).toBe(createHash('md5').update(content).digest('hex'))
})

test('a gzip bomb is counted unpacked', async () => {
  const bomb = gzipSync(Buffer.alloc(50_000_000))
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' })
    response.end(bomb)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => new Promise<void>((resolve) => (server.close(() => resolve()), server.closeAllConnections())))
  expect(bomb.length).toBeLessThan(100_000)
  const transport = openTransport([{ host: '127.0.0.1', port: (server.address() as AddressInfo).port }], {
    maxResponseBytes: 100_000,
  })
  await expect(transport.getConfig({ namespace: '', group: 'G', dataId: 'd' })).rejects.toMatchObject({
    code: 'SIDECAR_REGISTRY_ANSWER',
  })
})

test('a redirect is not followed', async () => {
  const target = await registry()
  const server = await registry()
  server.on('GET', { status: 302, headers: { location: `http://${target.address}/nacos/v1/ns/instance/list` } })
  await expect(openTransport([server]).list(ORDERS)).rejects.toThrow(/redirects are not followed/)
  expect(target.requests).toEqual([])
})

test('a proxy from the environment is not used', async () => {
  const server = await registry()
  server.on('GET', EMPTY)
  vi.stubEnv('HTTP_PROXY', 'http://127.0.0.1:1')
  vi.stubEnv('http_proxy', 'http://127.0.0.1:1')
  onTestFinished(() => void vi.unstubAllEnvs())
  expect(await openTransport([server]).list(ORDERS)).toEqual([])
})

test('text is UTF-8, its byte order mark included', async () => {
  const server = await registry()
  server.on('GET', {
    headers: { 'content-type': 'text/plain;charset=UTF-8', 'Config-Type': 'yaml' },
    body: '\uFEFFname: 你好 😀\r\n',
  })
  const item = await openTransport([server]).getConfig({ namespace: '', group: 'G', dataId: 'd' })
  expect(item).toEqual({
    namespace: '',
    group: 'G',
    dataId: 'd',
    content: '\uFEFFname: 你好 😀\r\n',
    type: 'yaml',
    md5: 'c42750045fb49a9a5e84d85ec502b988',
  })
})

test('parameters are encoded so that nothing can leave its place', async () => {
  const server = await registry()
  server.on('', { body: 'ok' })
  const transport = openTransport([server])
  await transport.register(anInstance({ service: 'a&b=c\r\nX: y', metadata: { zone: '杭州 +&' } }))
  const [request] = server.requests
  expect(request!.form.get('serviceName')).toBe('a&b=c\r\nX: y')
  expect(JSON.parse(request!.form.get('metadata')!)).toEqual({ zone: '杭州 +&' })
  expect(request!.headers['x']).toBeUndefined()
})

test('close ends what is under way and leaves no connection', async () => {
  const server = await registry()
  server.on('GET', EMPTY)
  server.on('PUT', () => 'never')
  const transport = openTransport([server])
  await transport.list(ORDERS)
  const beat = transport.beat(anInstance())
  transport.watchConfig({ namespace: '', group: 'G', dataId: 'd' }, '', () => {})
  await vi.waitFor(() => expect(server.seen('PUT')).toHaveLength(1))
  await Promise.all([transport.close(), expect(beat).rejects.toMatchObject({ code: 'SIDECAR_STOPPED' })])
  await vi.waitFor(async () => expect(await server.connections()).toBe(0))
  await expect(transport.list(ORDERS)).rejects.toMatchObject({ code: 'SIDECAR_STOPPED' })
})

test('a signal ends the request', async () => {
  const server = await registry()
  server.on('GET', () => 'never')
  const controller = new AbortController()
  const listing = openTransport([server]).list(ORDERS, controller.signal)
  await vi.waitFor(() => expect(server.requests).toHaveLength(1))
  controller.abort()
  await expect(listing).rejects.toMatchObject({ name: 'SidecarError', code: 'SIDECAR_REGISTRY_UNAVAILABLE' })
  await vi.waitFor(async () => expect(await server.connections()).toBe(0))
})
