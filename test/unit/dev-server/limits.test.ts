import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, it, onTestFinished, vi } from 'vitest'
import { devRegistry, form } from '../../support/registry.js'
import { rawClient } from './grpc-client.js'

const auth = { username: 'nacos', password: 'right' }

it.each([
  ['v1', '/v1/auth/login'],
  ['v3', '/v3/auth/user/login'],
])('G11: passwords cannot be tried without end (%s)', async (_api, path) => {
  let nowMs = 0
  const registry = await devRegistry({ auth, clock: () => nowMs })
  const login = (password: string) => form(registry, 'POST', path, { username: 'nacos', password })
  const statuses: number[] = []
  for (let n = 0; n < 30; n++) statuses.push((await login('wrong')).status)
  expect(statuses).toEqual([...Array<number>(20).fill(500), ...Array<number>(10).fill(429)])
  const refused = await login('right')
  expect(refused).toMatchObject({ status: 429, body: expect.stringContaining('Too many failed logins') as string })
  expect(refused.headers.get('retry-after')).toBe('1')
  nowMs += 1_001
  expect((await login('right')).status).toBe(200)
})

it('G11: no other way to try a password is left open', async () => {
  const registry = await devRegistry({ auth, clock: () => 0 })
  const asParams = (password: string) =>
    form(registry, 'GET', '/v1/ns/instance/list', { serviceName: 's', username: 'nacos', password })
  const onConsole = (password: string) =>
    fetch(`${registry.url}/_dev/api/login`, {
      method: 'POST',
      headers: { 'X-Sidecar-Console': '1' },
      body: JSON.stringify({ username: 'nacos', password }),
    })
  for (let n = 0; n < 10; n++) {
    expect((await asParams('wrong')).status).toBe(403)
    expect((await onConsole('wrong')).status).toBe(401)
  }
  expect((await asParams('right')).status).toBe(429)
  expect((await onConsole('right')).status).toBe(429)
})

it('G11: right logins are never slowed down', async () => {
  const registry = await devRegistry({ auth, clock: () => 0 })
  for (let n = 0; n < 50; n++) {
    expect((await form(registry, 'POST', '/v1/auth/login', { ...auth })).status).toBe(200)
  }
})

it.each([
  ['says nothing', Buffer.alloc(0)],
  ['speaks HTTP/2 and asks nothing', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1')],
])('G11: a gRPC connection that %s is closed', async (_what, said) => {
  const registry = await devRegistry({ grpcTimes: { setUpWithinMs: 150 } })
  const startedMs = performance.now()
  const socket = connect(registry.grpcPort!, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  const closed = once(socket, 'close')
  socket.resume()
  if (said.length > 0) socket.write(said)
  await closed
  expect(performance.now() - startedMs).toBeGreaterThan(100)
})

it('G11: a gRPC connection that is set up stays', async () => {
  const registry = await devRegistry({ grpcTimes: { setUpWithinMs: 1_000 } })
  const client = rawClient(registry)
  await client.connect()
  const [connection] = registry.grpc.connections()
  const silent = connect(registry.grpcPort!, '127.0.0.1')
  onTestFinished(() => void silent.destroy())
  silent.resume()
  // It came later: by now the time of both is over.
  await once(silent, 'close')
  expect(registry.grpc.connections()).toMatchObject([{ id: connection!.id }])
  expect((await client.request('HealthCheckRequest', {})).type).toBe('HealthCheckResponse')
})

it('G11: an HTTP connection that says nothing is closed', async () => {
  const registry = await devRegistry({ limits: { headersTimeoutMs: 200, requestTimeoutMs: 400 } })
  const socket = connect(registry.port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  socket.resume()
  await once(socket, 'connect')
  await vi.waitFor(() => expect(socket.closed).toBe(true), { timeout: 3_000 })
})
