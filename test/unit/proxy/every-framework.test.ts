import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { ask, gatewayShapes, quietRegistry, startGateway, startInstance } from '../../support/gateway.js'

/** Answers with what has come. */
function echo(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const { method, url, headers } = request
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ method, url, headers, body: Buffer.concat(chunks).toString() }))
  })
}
const told = (text: string) =>
  JSON.parse(text) as { method: string; url: string; headers: Record<string, string>; body: string }

describe.each(gatewayShapes)('$name', (shape) => {
  test('passes a request on: path below the mount, query, body, headers both ways', async () => {
    const registry = await quietRegistry()
    const { port: instance } = await startInstance(registry, (request, response) => {
      response.statusMessage = 'As It Is'
      response.setHeader('Set-Cookie', ['a=1; Path=/', 'b=2'])
      response.setHeader('X-Own', 'kept')
      response.setHeader('Connection', 'keep-alive, x-hop')
      response.setHeader('X-Hop', 'of one connection')
      echo(request, response)
    })
    const { port } = await startGateway(registry, { shape })
    const answer = await ask(
      port,
      '/users/7?x=a%2Fb',
      {
        method: 'POST',
        headers: { 'content-type': 'text/plain', 'x-mine': 'yes', connection: 'close, x-mine', te: 'gzip' },
      },
      'hello',
    )
    expect(answer).toMatchObject({ status: 200, statusText: 'As It Is' })
    expect(answer.headers['set-cookie']).toEqual(['a=1; Path=/', 'b=2'])
    expect(answer.headers).toMatchObject({ 'x-own': 'kept', via: '1.1 nacos-sidecar' })
    expect(answer.headers).not.toHaveProperty('x-hop')
    const { headers, ...rest } = told(answer.text)
    expect(rest).toEqual({ method: 'POST', url: '/7?x=a%2Fb', body: 'hello' })
    expect(headers).toMatchObject({
      host: `127.0.0.1:${instance}`,
      'content-length': '5',
      via: '1.1 nacos-sidecar',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': `127.0.0.1:${port}`,
      'x-forwarded-prefix': '/users',
      forwarded: `for=127.0.0.1;host="127.0.0.1:${port}";proto=http`,
    })
    for (const name of ['x-mine', 'te']) expect(headers).not.toHaveProperty(name)
  })

  test('JSON, forms, unknown types and chunked bodies go as they came', async () => {
    const registry = await quietRegistry()
    await startInstance(registry, echo)
    const { port } = await startGateway(registry, { shape })
    for (const [type, body] of [
      ['application/json', '{ "n": 12345678901234567890 }'],
      ['application/x-www-form-urlencoded', 'a=1&a=2'],
      ['application/x-unheard-of', 'text'],
    ] as const) {
      const chunked = await ask(
        port,
        '/users/x',
        { method: 'PUT', headers: { 'content-type': type, 'transfer-encoding': 'chunked' } },
        body,
      )
      expect(told(chunked.text)).toMatchObject({
        method: 'PUT',
        body,
        headers: { 'transfer-encoding': 'chunked', 'content-type': type },
      })
    }
    expect(told((await ask(port, '/users', { method: 'DELETE' })).text)).toMatchObject({
      method: 'DELETE',
      url: '/',
      body: '',
    })
  })

  test('HEAD, 204 and 304 have no body, and the length they say', async () => {
    const registry = await quietRegistry()
    await startInstance(registry, ({ method, url }, response) => {
      if (method === 'HEAD') return void response.setHeader('content-length', 1234).end()
      if (url === '/304') return void response.writeHead(304, { etag: '"x"', 'content-length': 99 }).end()
      response.writeHead(204).end()
    })
    const { port } = await startGateway(registry, { shape })
    expect(await ask(port, '/users/x', { method: 'HEAD' })).toMatchObject({
      status: 200,
      text: '',
      headers: { 'content-length': '1234' },
    })
    expect(await ask(port, '/users/304')).toMatchObject({ status: 304, text: '', headers: { etag: '"x"' } })
    const none = await ask(port, '/users/204')
    expect(none).toMatchObject({ status: 204, text: '' })
    expect(none.headers).not.toHaveProperty('content-length')
  })

  test('events are flushed one by one, and a client that goes away ends the request at the instance', async () => {
    const registry = await quietRegistry()
    let gone: Promise<unknown> | undefined
    let next = () => {}
    await startInstance(registry, (_, response) => {
      gone = once(response, 'close')
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      let n = 0
      next = () => void response.write(`data: ${++n}\n\n`)
      response.flushHeaders()
    })
    const { port } = await startGateway(registry, { shape })
    const sent = httpRequest({ port, host: '127.0.0.1', path: '/users/events' }).end()
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    for (const n of [1, 2, 3]) {
      next()
      const [chunk] = (await once(response, 'data')) as [Buffer]
      expect(chunk.toString()).toBe(`data: ${n}\n\n`)
    }
    response.on('error', () => {})
    sent.destroy()
    await gone
  })

  test('trailers come through; an instance that dies in the middle cuts the response', async () => {
    const registry = await quietRegistry()
    await startInstance(registry, ({ url }, response) => {
      if (url === '/trailers') {
        response.writeHead(200, { trailer: 'x-sum' }).write('part')
        response.addTrailers({ 'x-sum': '42' })
        return void response.end()
      }
      if (url === '/length') response.setHeader('content-length', 100)
      response.write('part')
      void turn().then(() => response.destroy())
    })
    const { port } = await startGateway(registry, { shape })
    expect((await ask(port, '/users/trailers')).trailers).toEqual({ 'x-sum': '42' })
    await expect(ask(port, '/users/length')).rejects.toThrow('aborted')
    await expect(ask(port, '/users/chunks')).rejects.toThrow('aborted')
  })

  test('no instance is 503, one that refuses 502, in the shape of the guard’s refusals', async () => {
    const registry = await quietRegistry()
    const { port } = await startGateway(registry, { shape })
    const none = await ask(port, '/users/7')
    expect(none).toMatchObject({
      status: 503,
      headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
    })
    expect(JSON.parse(none.text)).toEqual({
      code: 503,
      error: 'SIDECAR_NO_INSTANCE',
      message: 'The service is not available, try again later',
    })
  })

  test('what is not below the mount is the app’s', async () => {
    const registry = await quietRegistry()
    await startInstance(registry, echo)
    const { port } = await startGateway(registry, { shape })
    for (const path of ['/usersx', '/other', '/']) expect((await ask(port, path)).status).toBe(404)
  })

  test('a WebSocket goes through, both ways, with its subprotocol and close code', async () => {
    const registry = await quietRegistry()
    const { server } = await startInstance(registry, echo)
    const sockets = new WebSocketServer({ server, handleProtocols: () => 'chat' })
    let seen: IncomingMessage | undefined
    sockets.on('connection', (socket, request) => {
      seen = request
      socket.send('welcome')
      socket.on('message', (data, binary) => socket.send(data, { binary }))
      socket.on('close', (code) => closed(code))
    })
    let closed = (_: number) => {}
    const { port } = await startGateway(registry, { shape })
    const client = new WebSocket(`ws://127.0.0.1:${port}/users/chat?room=1`, ['chat'])
    const [first] = (await once(client, 'message')) as [Buffer]
    expect([first.toString(), client.protocol, seen!.url]).toEqual(['welcome', 'chat', '/chat?room=1'])
    expect(seen!.headers).toMatchObject({ 'x-forwarded-for': '127.0.0.1', 'x-forwarded-prefix': '/users' })
    const large = Buffer.alloc(300_000, 7)
    client.send(large)
    expect(((await once(client, 'message'))[0] as Buffer).equals(large)).toBe(true)
    const code = new Promise<number>((resolve) => (closed = resolve))
    client.close(4001, 'enough')
    expect(await code).toBe(4001)
    const refused = new WebSocket(`ws://127.0.0.1:${port}/elsewhere`).on('error', () => {})
    expect(((await once(refused, 'unexpected-response'))[1] as IncomingMessage).statusCode).toBe(404)
  })

  test('the guard stands before it, for WebSockets too', async () => {
    const registry = await quietRegistry()
    const { server } = await startInstance(registry, echo)
    new WebSocketServer({ server }).on('connection', (socket, { headers }) =>
      socket.send(headers.authorization ?? 'none'),
    )
    const { port } = await startGateway(registry, {
      shape,
      settings: { 'auth.enabled': true },
      verify: (token) => token === 'good' || 401,
    })
    expect((await ask(port, '/users/7')).status).toBe(401)
    const passed = await ask(port, '/users/7?token=good')
    expect(told(passed.text).headers.authorization).toBe('Bearer good')
    const open = (query: string) => new WebSocket(`ws://127.0.0.1:${port}/users/ws${query}`).on('error', () => {})
    for (const query of ['', '?token=bad'])
      expect(((await once(open(query), 'unexpected-response'))[1] as IncomingMessage).statusCode).toBe(401)
    expect(String((await once(open('?token=good'), 'message'))[0])).toBe('Bearer good')
  })
})
