import { once } from 'node:events'
import { Agent, createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import {
  connect as connectHttp2,
  createSecureServer as createSecureHttp2Server,
  createServer as createHttp2Server,
  type ServerHttp2Stream,
} from 'node:http2'
import { connect, type AddressInfo } from 'node:net'
import { Agent as HttpsAgent, createServer as createHttpsServer, get as getSecure } from 'node:https'
import { connect as connectTls } from 'node:tls'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { wrapServer, type GracefulServer } from '../../../src/lifecycle/graceful-server.js'
import { createAuthority } from '../../support/certificates.js'

let server: Server
let held: GracefulServer
let leaving = false
let open = () => {}
let gate: Promise<void>
const waiting: ServerResponse[] = []
const agent = new Agent({ keepAlive: true })

beforeEach(async () => {
  leaving = false
  gate = new Promise((resolve) => (open = resolve))
  server = createServer((request, response) => {
    if (request.url === '/slow') waiting.push(response)
    else response.end('ok')
  })
  await once(server.listen(0), 'listening')
  held = wrapServer(server, { leaving: () => leaving, mayClose: () => gate })
})
afterEach(async () => {
  open()
  held.unwrap()
  waiting.splice(0).forEach((response) => response.end())
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const fetched = async (path = '/'): Promise<IncomingMessage> => {
  const [response] = (await once(get({ port: (server.address() as AddressInfo).port, path, agent }), 'response')) as [
    IncomingMessage,
  ]
  response.resume()
  await once(response, 'end')
  return response
}

test('close waits for the gate and then runs as if nothing had been', async () => {
  leaving = true
  const closed = vi.fn()
  expect(server.close(closed)).toBe(server)
  await fetched()
  expect(server.listening).toBe(true)
  open()
  await vi.waitFor(() => expect(closed).toHaveBeenCalledWith())
  expect(server.listening).toBe(false)
})

test('responses carry Connection: close once keep-alive is disabled, and only then', async () => {
  expect((await fetched()).headers.connection).toBe('keep-alive')
  held.disableKeepAlive()
  held.disableKeepAlive()
  expect((await fetched()).headers.connection).toBe('close')
  held.unwrap()
  expect((await fetched()).headers.connection).toBe('keep-alive')
})

test('an answer under way already carries Connection: close too: the connection is about to be idle, and cut', async () => {
  const slow = fetched('/slow')
  await vi.waitFor(() => expect(waiting).toHaveLength(1))
  held.disableKeepAlive()
  waiting.pop()!.end('done')
  expect((await slow).headers.connection).toBe('close')
})

test('advertiseDrain: responses, also those under way, carry the drain header', async () => {
  const slow = fetched('/slow')
  await vi.waitFor(() => expect(waiting).toHaveLength(1))
  held.disableKeepAlive()
  expect((await fetched()).headers).not.toHaveProperty('x-sidecar-leaving')
  held.advertiseDrain(() => '5;me')
  waiting.pop()!.end('done')
  expect((await slow).headers).toMatchObject({ connection: 'close', 'x-sidecar-leaving': '5;me' })
  expect((await fetched()).headers).toMatchObject({ connection: 'close', 'x-sidecar-leaving': '5;me' })
})

test('over TLS as well', async () => {
  const https = createHttpsServer(await (await createAuthority()).issue(), (_, response) => waiting.push(response))
  await once(https.listen(0), 'listening')
  const hold = wrapServer(https, { leaving: () => true, mayClose: () => gate })
  const secure = new HttpsAgent({ keepAlive: true, rejectUnauthorized: false })
  const { port } = https.address() as AddressInfo
  const answered = once(getSecure({ port, agent: secure }), 'response') as Promise<[IncomingMessage]>
  await vi.waitFor(() => expect(waiting).toHaveLength(1))
  hold.disableKeepAlive()
  waiting.pop()!.end('done')
  expect((await answered)[0].headers.connection).toBe('close')

  const silent = connectTls({ port, rejectUnauthorized: false }).on('error', () => {})
  await once(silent, 'secureConnect')
  const busy = once(getSecure({ port, agent: secure }), 'response') as Promise<[IncomingMessage]>
  await vi.waitFor(() => expect(waiting).toHaveLength(1))
  const finished = hold.closeWithin(5_000)
  await once(silent, 'close')
  waiting.pop()!.end('done')
  expect((await busy)[0].statusCode).toBe(200)
  expect(await finished).toBe(0)
})

test('calls that cut connections wait too', async () => {
  const slow = fetched('/slow')
  await vi.waitFor(() => expect(waiting).toHaveLength(1))
  leaving = true
  server.close()
  server.closeAllConnections()
  await new Promise((resolve) => setTimeout(resolve, 50))
  waiting.pop()!.end('done')
  expect((await slow).statusCode).toBe(200)
})

test('before leaving, connections can be cut as ever', async () => {
  const slow = fetched('/slow')
  await vi.waitFor(() => expect(waiting).toHaveLength(1))
  server.closeAllConnections()
  await expect(slow).rejects.toThrow(/hang up/)
  waiting.pop()
})

test('closeWithin lets requests end, drops idle connections, and the app gets a successful close', async () => {
  await fetched()
  const slow = fetched('/slow')
  await vi.waitFor(() => expect(waiting).toHaveLength(1))
  leaving = true
  open()
  const finished = held.closeWithin(5000)
  const closed = vi.fn()
  server.close(closed)
  setTimeout(() => waiting.pop()!.end('done'), 50)
  expect((await slow).statusCode).toBe(200)
  const began = performance.now()
  expect(await finished).toBe(0)
  // Far less than the keep-alive time of 5 s.
  expect(performance.now() - began).toBeLessThan(4_000)
  await vi.waitFor(() => expect(closed).toHaveBeenCalledWith())
  server.close(closed)
  await vi.waitFor(() => expect(closed).toHaveBeenCalledTimes(2))
  expect(closed).toHaveBeenLastCalledWith()
})

test('a connection on which nothing was ever asked does not hold the end up, one that is busy does', async () => {
  const silent = connect((server.address() as AddressInfo).port).on('error', () => {})
  await once(silent, 'connect')
  const slow = fetched('/slow')
  await vi.waitFor(() => expect(waiting).toHaveLength(1))
  open()
  const finished = held.closeWithin(5_000)
  await once(silent, 'close')
  waiting.pop()!.end('done')
  expect((await slow).statusCode).toBe(200)
  expect(await finished).toBe(0)
})

test('closeWithin cuts what does not end in time, upgraded sockets too', async () => {
  server.on('upgrade', (_, socket) =>
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
  )
  const socket = connect((server.address() as AddressInfo).port)
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n')
  await once(socket, 'data')
  open()
  expect(await held.closeWithin(60)).toBe(1)
  await once(socket, 'close')
})

test.each(['http', 'https'])('http2 over %s: sessions get GOAWAY, and requests in flight end', async (scheme) => {
  const streams: ServerHttp2Stream[] = []
  const plain =
    scheme === 'http' ? createHttp2Server() : createSecureHttp2Server(await (await createAuthority()).issue())
  const http2 = plain.on('stream', (stream: ServerHttp2Stream) => streams.push(stream)) as unknown as Server
  await once(http2.listen(0), 'listening')
  const hold = wrapServer(http2, { leaving: () => true, mayClose: () => gate })
  const { port } = http2.address() as AddressInfo
  const client = connectHttp2(`${scheme}://localhost:${port}`, { rejectUnauthorized: false })
  const request = client.request()
  await vi.waitFor(() => expect(streams).toHaveLength(1))
  const finished = hold.closeWithin(5000)
  // Longer than a connection may be silent: this one is not.
  setTimeout(() => streams[0]!.respond({ ':status': 204 }, { endStream: true }), 1_200)
  const [headers] = (await once(request, 'response')) as [Record<string, unknown>]
  expect(headers[':status']).toBe(204)
  request.resume()
  expect(await finished).toBe(0)
  expect(client.closed || client.destroyed).toBe(true)
})

test('unwrapped, the server is as it was', () => {
  held.unwrap()
  expect(Object.hasOwn(server, 'close')).toBe(false)
  expect(Object.hasOwn(server, 'closeAllConnections')).toBe(false)
  expect(server.listeners('request')).toHaveLength(1)
})
