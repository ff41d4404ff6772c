import { once } from 'node:events'
import http, {
  createServer,
  type ClientRequest,
  type IncomingMessage,
  type RequestListener,
  type RequestOptions,
} from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net'
import { buffer, text } from 'node:stream/consumers'
import { fetch as undiciFetch } from 'undici'
import { WebSocket, WebSocketServer } from 'ws'
import { runWithContext } from 'nacos-sidecar'
import { attachSidecar, sidecarAgents } from 'nacos-sidecar/agent'
import { sidecarDispatcher } from 'nacos-sidecar/undici'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { activeRuntime } from '../../../src/calls/active-runtime.js'
import { createAxios, useAxios } from '../../../src/http/axios.js'
import { createFetch } from '../../../src/http/fetch.js'
import { figuresOf, stubDns } from '../../support/client-contract.js'
import { instance, startMesh, startProvider, unavailable } from '../../support/mesh.js'
import axios from 'axios'

useAxios(axios)

/** A service with one instance that answers so. */
async function serve(listener: RequestListener, settings: object = {}) {
  const mesh = startMesh(settings)
  const server = createServer(listener)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  mesh.registry.set('user-service', instance('user-service', port))
  return { mesh, server, port }
}

const agents = () => {
  const made = sidecarAgents()
  onTestFinished(() => {
    made.http.destroy()
    made.https.destroy()
  })
  return made
}

const send = (options: RequestOptions, body?: string): ClientRequest => {
  const request = http.request('http://user-service/x', options)
  request.end(body)
  return request
}

const answerTo = async (request: ClientRequest) => ((await once(request, 'response')) as [IncomingMessage])[0]

describe('an answer is the one that the instance gave', () => {
  test('headers as they came, two cookies, the reason, trailers, the address of the instance', async () => {
    const { port } = await serve((_, response) => {
      response.writeHead(207, 'Several Things', ['Set-Cookie', 'a=1', 'set-cookie', 'b=2', 'Trailer', 'x-sum'])
      response.write('body')
      response.addTrailers({ 'x-sum': '42' })
      response.end()
    })
    const response = await answerTo(send({ agent: agents().http }))
    expect(response).toMatchObject({ statusCode: 207, statusMessage: 'Several Things', httpVersion: '1.1' })
    expect(response.rawHeaders.slice(0, 4)).toEqual(['Set-Cookie', 'a=1', 'set-cookie', 'b=2'])
    expect(response.socket).toMatchObject({ remoteAddress: '127.0.0.1', remotePort: port })
    expect(await text(response)).toBe('body')
    expect(response.trailers).toEqual({ 'x-sum': '42' })
  })

  test.each([204, 205, 304])('K9: %d is complete with its head', async (status) => {
    await serve((_, response) => void response.writeHead(status, { 'content-length': '4' }).end())
    const { http: agent } = agents()
    for (let i = 0; i < 3; i++) {
      const response = await answerTo(send({ agent }))
      expect([response.statusCode, await text(response)]).toEqual([status, ''])
    }
  })

  test('to HEAD, and after 102 and 103', async () => {
    await serve((request, response) => {
      if (request.method === 'HEAD') return void response.writeHead(200, { 'content-length': '1000' }).end()
      response.writeProcessing()
      response.writeEarlyHints({ link: '</a.css>; rel=preload' }, () => response.end('late'))
    })
    const { http: agent } = agents()
    const head = await answerTo(send({ agent, method: 'HEAD' }))
    expect([head.headers['content-length'], await text(head)]).toEqual(['1000', ''])
    const request = send({ agent })
    const told: number[] = []
    request.on('information', ({ statusCode }) => told.push(statusCode))
    expect(await text(await answerTo(request))).toBe('late')
    expect(told).toEqual([102, 103])
  })
})

describe('a request is the one that the client wrote', () => {
  test('an array of headers, a body in pieces, GET with a body, Expect: 100-continue', async () => {
    const seen: unknown[] = []
    await serve((request, response) => {
      void text(request).then((body) => {
        seen.push([request.method, request.headers['x-a'], body, request.headers.host])
        response.end()
      })
    })
    const { http: agent } = agents()
    const pieces = http.request('http://user-service/x', {
      agent,
      method: 'POST',
      headers: ['X-A', '1', 'Host', 'own'],
    })
    for (const piece of ['one', '', 'two']) {
      pieces.write(piece)
      await new Promise((resolve) => setImmediate(resolve))
    }
    pieces.end()
    ;(await answerTo(pieces)).resume()
    ;(await answerTo(send({ agent, headers: { 'x-a': '2' } }, 'odd'))).resume()
    const waiting = http.request('http://user-service/x', { agent, method: 'PUT', headers: { expect: '100-continue' } })
    waiting.flushHeaders()
    await once(waiting, 'continue')
    waiting.end('after')
    ;(await answerTo(waiting)).resume()
    expect(seen).toEqual([
      ['POST', '1', 'onetwo', 'own'],
      ['GET', '2', 'odd', 'user-service'],
      ['PUT', undefined, 'after', 'user-service'],
    ])
  })

  test('attack: no header of the connection reaches the instance, and none can be smuggled', async () => {
    const raw: string[][] = []
    await serve((request, response) => {
      raw.push(request.rawHeaders)
      response.end()
    })
    const headers = { connection: 'keep-alive, x-secret', 'x-secret': 'canary', 'keep-alive': '1', te: 'trailers' }
    ;(await answerTo(send({ agent: agents().http, headers }))).resume()
    expect(raw[0]!.join()).not.toContain('canary')
    expect(() => send({ agent: agents().http, headers: { 'x-a': 'b\r\nx-c: d' } })).toThrow(/Invalid character/)
  })

  test('a slow reader holds the instance back, and gets the whole answer', async () => {
    let written = 0
    const { http: agent } = agents()
    await serve((_, response) => {
      const more = () => {
        if (++written > 64) return void response.end()
        response.write(Buffer.alloc(256 * 1024, written))
        response.once('drain', more)
      }
      more()
    })
    const response = await answerTo(send({ agent }))
    await vi.waitFor(async () => {
      const before = written
      await new Promise((resolve) => setTimeout(resolve, 20))
      expect(written).toBe(before)
    })
    expect(written).toBeLessThan(60)
    const body = await buffer(response)
    expect(body.equals(Buffer.concat(Array.from({ length: 64 }, (__, n) => Buffer.alloc(256 * 1024, n + 1))))).toBe(
      true,
    )
  })

  test('a slow instance holds the writer back', async () => {
    let reading: IncomingMessage | undefined
    await serve((request, response) => {
      reading = request
      request.on('end', () => response.end('whole'))
    })
    const request = http.request('http://user-service/x', { agent: agents().http, method: 'POST' })
    const part = Buffer.alloc(256 * 1024)
    let written = 0
    while (written++ < 64) {
      if (request.write(part)) continue
      const drained = await Promise.race([once(request, 'drain'), new Promise((resolve) => setTimeout(resolve, 200))])
      if (drained === undefined) break
    }
    expect(written).toBeLessThan(60)
    await vi.waitFor(() => expect(reading).toBeDefined())
    reading!.resume()
    request.end()
    expect(await text(await answerTo(request))).toBe('whole')
  })
})

describe('the life of a request', () => {
  test('a timeout of the client is a failure of the instance', async () => {
    const mesh = startMesh({ sidecar: { ejection: { failures: 1 } } })
    const silent = [await startProvider(() => {}), await startProvider(() => {})]
    mesh.registry.set('user-service', ...silent.map(({ port }) => instance('user-service', port)))
    const request = send({ agent: agents().http, timeout: 50 })
    request.once('timeout', () => request.destroy(Object.assign(new Error('too late'), { code: 'ETIMEDOUT' })))
    await expect(once(request, 'response')).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    await vi.waitFor(() => expect(mesh.events.map(([event]) => event)).toContain('ejected'))
    expect(figuresOf(mesh)).toMatchObject([{ count: 1 }])
  })

  test('agent.destroy ends what is in flight, and the agent goes on', async () => {
    let hold = true
    const { mesh } = await serve((_, response) => void (hold || response.end('sound')))
    const { http: agent } = agents()
    const request = send({ agent })
    await once(request, 'socket')
    setImmediate(() => agent.destroy())
    await expect(once(request, 'response')).rejects.toThrow()
    hold = false
    expect(await text(await answerTo(send({ agent })))).toBe('sound')
    expect(mesh.events).not.toContainEqual(['ejected', expect.anything()])
  })

  test('many at once, each answered with its own', async () => {
    await serve((request, response) => void request.pipe(response))
    const { http: agent } = agents()
    const answers = await Promise.all(
      Array.from({ length: 300 }, async (_, n) => text(await answerTo(send({ agent, method: 'POST' }, `body ${n}`)))),
    )
    expect(answers).toEqual(Array.from({ length: 300 }, (_, n) => `body ${n}`))
  })

  test('a request that is destroyed at once, or while the registry is asked', async () => {
    const { mesh } = await serve((_, response) => response.end())
    const { http: agent } = agents()
    const atOnce = send({ agent })
    atOnce.destroy()
    await expect(once(atOnce, 'response')).rejects.toThrow()
    let answer = () => {}
    mesh.registry.list = () => new Promise((_, reject) => (answer = () => reject(unavailable())))
    stubDns({})
    const asked = http.get('http://other-service/', { agent })
    asked.destroy(new Error('given up'))
    await new Promise((resolve) => setImmediate(resolve))
    answer()
    await expect(once(asked, 'response')).rejects.toThrow('given up')
  })

  test('an error has the code that clients of node:http retry by', async () => {
    await serve((request) => request.socket.destroy())
    const { http: agent } = agents()
    await expect(once(send({ agent, method: 'POST' }, 'x'), 'response')).rejects.toMatchObject({ code: 'ECONNRESET' })
  })

  test('a connection that the server closes as the next request comes: sent again, a POST as well if it was not sent', async () => {
    const mesh = startMesh()
    const sockets = new Set<Socket>()
    const server = createTcpServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => {})
      // It answers, and ends the connection at once, without a word of it.
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
        setImmediate(() => socket.end())
      })
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    onTestFinished(() => {
      server.close()
      for (const socket of sockets) socket.destroy()
    })
    mesh.registry.set('user-service', instance('user-service', (server.address() as AddressInfo).port))
    const { http: agent } = agents()
    for (let i = 0; i < 20; i++) expect(await text(await answerTo(send({ agent })))).toBe('ok')
  })
})

describe('connections that become another protocol', () => {
  test('a WebSocket goes through the agent, balanced and counted once', async () => {
    const { mesh, server } = await serve((_, response) => response.end())
    const sockets = new WebSocketServer({ server })
    onTestFinished(() => void sockets.close())
    sockets.on('connection', (socket) =>
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })),
    )
    const socket = new WebSocket('ws://user-service/chat', { agent: agents().http })
    await once(socket, 'open')
    const big = Buffer.alloc(1024 * 1024, 7)
    socket.send('hello')
    expect(String(((await once(socket, 'message')) as [Buffer])[0])).toBe('hello')
    socket.send(big)
    expect(((await once(socket, 'message')) as [Buffer])[0].equals(big)).toBe(true)
    socket.close()
    await once(socket, 'close')
    expect(figuresOf(mesh)).toMatchObject([{ name: 'GET user-service', count: 1, errors: 0 }])
  })

  test('a refused upgrade is an answer', async () => {
    const { server } = await serve((_, response) => response.end())
    server.on('upgrade', (_, socket) => socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno'))
    const socket = new WebSocket('ws://user-service/chat', { agent: agents().http })
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage]
    expect([response.statusCode, await text(response)]).toEqual([403, 'no'])
  })

  test('CONNECT', async () => {
    const { server } = await serve((_, response) => response.end())
    server.on('connect', (_, socket) => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      socket.pipe(socket)
    })
    const request = http.request({ host: 'user-service', method: 'CONNECT', path: 'x:1', agent: agents().http })
    request.end()
    const [, socket] = (await once(request, 'connect')) as [IncomingMessage, Socket]
    socket.write('echo')
    expect(String(((await once(socket, 'data')) as [Buffer])[0])).toBe('echo')
    socket.destroy()
  })
})

describe('an agent of the app', () => {
  test('is attached once, and keeps its own way for other hosts', async () => {
    const { mesh, port } = await serve((_, response) => response.end('ok'))
    const agent = new http.Agent({ keepAlive: true })
    onTestFinished(() => agent.destroy())
    expect(attachSidecar(attachSidecar(agent))).toBe(agent)
    expect(await text(await answerTo(send({ agent })))).toBe('ok')
    const real = await answerTo(http.get(`http://127.0.0.1:${port}/`, { agent }))
    expect(real.socket).toMatchObject({ remotePort: port, remoteAddress: '127.0.0.1' })
    expect(await text(real)).toBe('ok')
    await vi.waitFor(() => expect(Object.keys(agent.freeSockets)).toEqual([`127.0.0.1:${port}:`]))
    expect(figuresOf(mesh)).toMatchObject([{ count: 1 }])
  })

  test('without keep-alive, answers are whole', async () => {
    await serve((request, response) => void request.pipe(response))
    const agent = attachSidecar(new http.Agent())
    for (const body of ['short', 'x'.repeat(1_000_000)])
      expect(await text(await answerTo(send({ agent, method: 'POST' }, body)))).toBe(body)
  })

  test('requests to a socket path or with another port are none of ours', async () => {
    const { mesh } = await serve((_, response) => response.end())
    stubDns({ 'user-service': '127.0.0.1' })
    const { http: agent } = agents()
    for (const options of [{ socketPath: '/no/such.sock' }, { port: 1 }])
      await expect(once(http.get({ host: 'user-service', agent, ...options }), 'response')).rejects.toThrow(/connect/)
    expect(figuresOf(mesh)).toEqual([])
  })

  test('K4: http.request refuses lb:// before the agent is asked', async () => {
    startMesh()
    expect(() => http.get('lb://user-service/', { agent: agents().http })).toThrow(/Protocol "lb:" not supported/)
  })
})

describe('lb://', () => {
  const balanced: Record<string, () => (url: string | URL) => Promise<number>> = {
    fetch: () => {
      const fetch = createFetch(activeRuntime)
      return async (url) => (await fetch(url)).status
    },
    'fetch of a Request': () => {
      const fetch = createFetch(activeRuntime)
      return async (url) => (await fetch(new Request(url))).status
    },
    axios: () => {
      const client = createAxios()
      return async (url) => (await client.get(String(url))).status
    },
    'undici, as the origin': () => {
      const dispatcher = sidecarDispatcher()
      onTestFinished(() => dispatcher.close())
      return async (url) => {
        const { statusCode, body } = await dispatcher.request({ origin: String(url), path: '/', method: 'GET' })
        await body.dump()
        return statusCode
      }
    },
  }

  test.each(Object.entries(balanced))('K4: %s: always a service; dots and capitals stay', async (name, open) => {
    const mesh = startMesh()
    const looked = stubDns({})
    const provider = await startProvider()
    for (const service of ['user-service', 'demo.api', 'AUTH-Service', 'Demo.API'])
      mesh.registry.set(service, instance(service, provider.port))
    const call = open()
    for (const service of ['user-service', 'demo.api', 'AUTH-Service', 'Demo.API'])
      expect(await call(`lb://${service}`)).toBe(200)
    expect(mesh.registry.asked.map(({ service }) => service)).toEqual([
      'user-service',
      'demo.api',
      'AUTH-Service',
      'Demo.API',
    ])
    await expect(call('lb://no-service')).rejects.toThrow()
    expect(looked).toEqual([])
    if (name !== 'undici, as the origin')
      for (const wrong of ['lb://user-service:8080/', 'lb:user-service'])
        await expect(call(wrong)).rejects.toMatchObject({ code: 'SIDECAR_CALL_INVALID' })
  })
})

test.each([
  ['fetch', (url: string) => createFetch(activeRuntime)(url)],
  ['axios', (url: string) => createAxios().get(url)],
])('attack: %s tells no password of an lb:// URL', async (_, call) => {
  startMesh()
  const error = await call('lb://user:canary@user-service/x?token=canary').catch((thrown: unknown) => thrown as Error)
  expect(error).toMatchObject({ code: 'SIDECAR_CALL_INVALID' })
  expect((error as Error).message).not.toContain('canary')
})

describe('attack: redirects', () => {
  const context = { token: 'canary' }

  test('K4: from another host to a service: sidecar.fetch does not find it, nor send the token', async () => {
    const mesh = startMesh()
    const looked = stubDns({})
    const victim = await startProvider()
    mesh.registry.set('user-service', instance('user-service', victim.port))
    const outside = await startProvider(
      (_, response) => void response.writeHead(302, { location: 'http://user-service/admin' }).end(),
    )
    const fetch = createFetch(activeRuntime)
    await (await fetch('http://user-service/known')).text()
    await expect(runWithContext(context, () => fetch(outside.origin))).rejects.toThrow('fetch failed')
    expect(victim.seen.map(({ url }) => url)).toEqual(['/known'])
    expect(looked).toEqual(['user-service'])
  })

  test('K4: from a service with capitals in its name to another service', async () => {
    const mesh = startMesh()
    const next = await startProvider()
    const first = await startProvider(
      (_, response) => void response.writeHead(302, { location: 'http://next-service/y' }).end(),
    )
    mesh.registry.set('AUTH-Service', instance('AUTH-Service', first.port))
    mesh.registry.set('next-service', instance('next-service', next.port))
    const response = await createFetch(activeRuntime)('http://AUTH-Service/x')
    expect([response.status, next.seen.map(({ url }) => url)]).toEqual([200, ['/y']])
  })

  test('K4: from a service to another host: the token stays behind, in every client that follows', async () => {
    const mesh = startMesh({ sidecar: { forwardHeaders: ['x-tenant-id'] } })
    const outside = await startProvider()
    const first = await startProvider((_, response) => void response.writeHead(302, { location: outside.origin }).end())
    mesh.registry.set('user-service', instance('user-service', first.port))
    const dispatcher = sidecarDispatcher()
    onTestFinished(() => dispatcher.close())
    await runWithContext({ ...context, headers: { 'x-tenant-id': 'acme' } }, () =>
      undiciFetch('http://user-service/', { dispatcher }),
    )
    expect(first.seen[0]!.headers).toMatchObject({ authorization: 'Bearer canary', 'x-tenant-id': 'acme' })
    expect(JSON.stringify(outside.seen)).not.toMatch(/canary|acme/)
    expect(outside.seen).toHaveLength(1)
  })
})
