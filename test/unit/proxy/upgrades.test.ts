import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import type express from 'express'
import { expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import {
  ask,
  gatewayShapes,
  quietRegistry,
  startGateway,
  startInstance,
  type GatewayShape,
} from '../../support/gateway.js'

const [onExpress] = gatewayShapes as [GatewayShape]

async function echoing() {
  const registry = await quietRegistry()
  const { server } = await startInstance(registry, (request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += chunk)).on('end', () => response.end(`${request.method} ${body}`))
  })
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })))
  return { registry, sockets }
}

async function opened(port: number, path: string): Promise<WebSocket> {
  const client = new WebSocket(`ws://127.0.0.1:${port}${path}`)
  await once(client, 'open')
  return client
}

async function echoOf(client: WebSocket, text: string): Promise<string> {
  client.send(text)
  return String((await once(client, 'message'))[0])
}

test.each(gatewayShapes.filter(({ name }) => /express|fastify|node/.test(name)))(
  'beside WebSockets of the app’s own on $name, each gets those of its path',
  async (shape) => {
    const { registry } = await echoing()
    const { port, server } = await startGateway(registry, { shape })
    const own = new WebSocketServer({ server, path: '/own' })
    own.on('connection', (socket) => socket.send('of the app'))
    expect(await echoOf(await opened(port, '/users/ws'), 'through')).toBe('through')
    const client = new WebSocket(`ws://127.0.0.1:${port}/own`)
    expect(String((await once(client, 'message'))[0])).toBe('of the app')
    client.close()
  },
)

test('the close frame of a leave comes between two frames, and the server has closed soon after', async () => {
  const { registry, sockets } = await echoing()
  const { port, sidecar } = await startGateway(registry)
  const clients = await Promise.all([opened(port, '/users/a'), opened(port, '/users/b')])
  const closed = clients.map((client) => once(client, 'close'))
  expect(await echoOf(clients[0]!, 'x'.repeat(70_000))).toHaveLength(70_000)
  expect(sockets.clients.size).toBe(2)
  await sidecar.stop({ drain: false })
  for (const one of closed) expect((await one)[0]).toBe(1001)
})

test('an instance that breaks off takes the client along, and the other way round', async () => {
  const { registry, sockets } = await echoing()
  const { port } = await startGateway(registry)
  const cut = await opened(port, '/users/a')
  const closed = once(cut, 'close')
  for (const socket of sockets.clients) socket.terminate()
  expect((await closed)[0]).toBe(1006)

  const client = await opened(port, '/users/a')
  const [socket] = sockets.clients
  const gone = once(socket!, 'close')
  client.terminate()
  await gone
})

test('attack: an instance that switches to another protocol than was asked for is a 502', async () => {
  const registry = await quietRegistry()
  const { server } = await startInstance(registry, (_, response) => response.end())
  let says = 'h2c'
  server.on('upgrade', (_, socket) =>
    socket.end(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${says}\r\n\r\nraw`),
  )
  const { port } = await startGateway(registry)
  const headers = { connection: 'Upgrade', upgrade: 'websocket' }
  expect(await ask(port, '/users/a', { headers })).toMatchObject({ status: 502 })
  says = 'WebSocket'
  const sent = request({ port, host: '127.0.0.1', path: '/users/a', headers }).end()
  const [response, socket] = (await once(sent, 'upgrade')) as [IncomingMessage, Socket]
  socket.destroy()
  expect(response.statusCode).toBe(101)
})

test('webSockets: false passes none on', async () => {
  const { registry } = await echoing()
  const { port } = await startGateway(registry, { options: { webSockets: false } })
  const client = new WebSocket(`ws://127.0.0.1:${port}/users/a`).on('error', () => {})
  await once(client, 'unexpected-response')
})

test('an instance that refuses is heard, and so is middleware before the proxy', async () => {
  const registry = await quietRegistry()
  await startInstance(registry, (_, response) => void response.writeHead(403, { 'x-why': 'closed' }).end('no'))
  const { port } = await startGateway(registry, {
    shape: onExpress,
    before: ((app: express.Express) =>
      void app.use('/users/private', (_, response) => void response.status(402).end())) as never,
  })
  const statusOf = async (path: string) => {
    const client = new WebSocket(`ws://127.0.0.1:${port}${path}`).on('error', () => {})
    const [, response] = (await once(client, 'unexpected-response')) as [unknown, { statusCode: number }]
    return response.statusCode
  }
  expect(await statusOf('/users/x')).toBe(403)
  expect(await statusOf('/users/private')).toBe(402)
})

test.each(gatewayShapes)('an offer of h2c is served as a plain request, with its body, on $name', async (shape) => {
  const { registry } = await echoing()
  const { port } = await startGateway(registry, { shape })
  const socket = connect(port, '127.0.0.1')
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk))
  const offer = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk\r\n'
  socket.write(
    `POST /users/x HTTP/1.1\r\nHost: g\r\n${offer}Content-Type: text/plain\r\nContent-Length: 10\r\n\r\nhello`,
  )
  await expect.poll(() => socket.bytesWritten).toBeGreaterThan(0)
  socket.write('world')
  await expect.poll(() => text).toContain('POST helloworld')
  // The connection goes on.
  socket.write('GET /users/y HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n')
  await new Promise((resolve) => socket.once('close', resolve))
  expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200'])
})
