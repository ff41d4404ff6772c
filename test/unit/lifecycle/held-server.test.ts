import { once } from 'node:events'
import { Agent, createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2'
import { connect, type AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { holdServer, type HeldServer } from '../../../src/lifecycle/held-server.js'

let server: Server
let held: HeldServer
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
  held = holdServer(server, { leaving: () => leaving, mayClose: () => gate })
})
afterEach(async () => {
  open()
  held.release()
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

test('answers carry Connection: close once clients are turned away, and only then', async () => {
  expect((await fetched()).headers.connection).toBe('keep-alive')
  held.turnAway()
  held.turnAway()
  expect((await fetched()).headers.connection).toBe('close')
  held.release()
  expect((await fetched()).headers.connection).toBe('keep-alive')
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

test('finish lets requests end, drops idle connections, and the app hears of a good close', async () => {
  await fetched()
  const slow = fetched('/slow')
  await vi.waitFor(() => expect(waiting).toHaveLength(1))
  leaving = true
  open()
  const finished = held.finish(5000)
  const closed = vi.fn()
  server.close(closed)
  setTimeout(() => waiting.pop()!.end('done'), 50)
  expect((await slow).statusCode).toBe(200)
  const began = performance.now()
  expect(await finished).toBe(0)
  // Far less than the keep-alive time of 5 s.
  expect(performance.now() - began).toBeLessThan(500)
  await vi.waitFor(() => expect(closed).toHaveBeenCalledWith())
  server.close(closed)
  await vi.waitFor(() => expect(closed).toHaveBeenCalledTimes(2))
  expect(closed).toHaveBeenLastCalledWith()
})

test('finish cuts what does not end in time, upgraded sockets too', async () => {
  server.on('upgrade', (_, socket) =>
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
  )
  const socket = connect((server.address() as AddressInfo).port)
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n')
  await once(socket, 'data')
  open()
  expect(await held.finish(60)).toBe(1)
  await once(socket, 'close')
})

test('http2: sessions are told to go, and requests in flight end', async () => {
  const streams: ServerHttp2Stream[] = []
  const http2 = createHttp2Server().on('stream', (stream) => streams.push(stream)) as unknown as Server
  await once(http2.listen(0), 'listening')
  const hold = holdServer(http2, { leaving: () => true, mayClose: () => gate })
  const client = connectHttp2(`http://localhost:${(http2.address() as AddressInfo).port}`)
  const request = client.request()
  await vi.waitFor(() => expect(streams).toHaveLength(1))
  const finished = hold.finish(5000)
  setTimeout(() => streams[0]!.respond({ ':status': 204 }, { endStream: true }), 50)
  const [headers] = (await once(request, 'response')) as [Record<string, unknown>]
  expect(headers[':status']).toBe(204)
  request.resume()
  expect(await finished).toBe(0)
  expect(client.closed || client.destroyed).toBe(true)
})

test('released, the server is as it was', () => {
  held.release()
  expect(Object.hasOwn(server, 'close')).toBe(false)
  expect(Object.hasOwn(server, 'closeAllConnections')).toBe(false)
  expect(server.listeners('request')).toHaveLength(1)
})
