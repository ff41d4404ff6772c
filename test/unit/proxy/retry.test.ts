import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createNetServer, type AddressInfo } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { ask, quietRegistry, registerPort, startGateway, startInstance } from '../../support/gateway.js'
import { ownPort } from '../../support/own-port.js'

type Listener = (request: IncomingMessage, response: ServerResponse) => void

/** Two instances, of which the first does as it is told; `counts`: the requests each of them got. */
async function two(weak: Listener, options: Parameters<typeof startGateway>[1] = {}) {
  const registry = await quietRegistry()
  const counts = [0, 0]
  await startInstance(registry, (request, response) => {
    counts[0]!++
    weak(request, response)
  })
  await startInstance(registry, (request, response) => {
    counts[1]!++
    request.resume().on('end', () => response.end('sound'))
  })
  return { ...(await startGateway(registry, options)), counts, registry }
}

const noEjection = { 'sidecar.ejection.failures': 1_000 }

test.each(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])(
  'a %s without a body goes to another instance when one breaks off before its response',
  async (method) => {
    const { port, counts } = await two(({ socket }) => socket.destroy(), { settings: noEjection })
    for (let n = 0; n < 6; n++) expect((await ask(port, '/users/x', { method })).status).toBe(200)
    expect(counts[1]).toBe(6)
    expect(counts[0]).toBeGreaterThan(0)
  },
)

test.each([502, 503, 504])('a GET goes to another instance after a %d; a POST gets it', async (status) => {
  const { port, counts } = await two((_, response) => void response.writeHead(status).end('no'), {
    settings: noEjection,
  })
  for (let n = 0; n < 6; n++) expect(await ask(port, '/users/x')).toMatchObject({ status: 200, text: 'sound' })
  const before = counts[0]! + counts[1]!
  const statuses = []
  for (let n = 0; n < 4; n++) statuses.push((await ask(port, '/users/x', { method: 'POST' }, 'once')).status)
  expect(statuses.sort()).toEqual([200, 200, status, status])
  expect(counts[0]! + counts[1]! - before).toBe(4)
})

test('a 500 is the service’s own response', async () => {
  const { port } = await two((_, response) => void response.writeHead(500).end('bug'), { settings: noEjection })
  const answers = [await ask(port, '/users/x'), await ask(port, '/users/x')]
  expect(answers.map(({ text }) => text).sort()).toEqual(['bug', 'sound'])
})

test('no instance left: the last 503 is the client’s to see', async () => {
  const registry = await quietRegistry()
  await startInstance(registry, (_, response) => void response.writeHead(503, { 'retry-after': '3' }).end('busy'))
  const { port } = await startGateway(registry)
  expect(await ask(port, '/users/x')).toMatchObject({ status: 503, text: 'busy', headers: { 'retry-after': '3' } })
})

test.each(['POST', 'PATCH', 'PUT'])('a %s with a body is never sent twice', async (method) => {
  const { port, counts } = await two((request) => void request.once('data', () => request.socket.destroy()), {
    settings: noEjection,
  })
  const statuses = []
  for (let n = 0; n < 6; n++) statuses.push((await ask(port, '/users/x', { method }, 'a body')).status)
  expect(statuses.filter((status) => status === 502)).toHaveLength(3)
  expect(counts).toEqual([3, 3])
})

test('an instance that no connection can be made to costs no request, whatever its method', async () => {
  const registry = await quietRegistry()
  await registerPort(registry, await ownPort())
  const bodies: string[] = []
  await startInstance(registry, (request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += chunk)).on('end', () => (bodies.push(body), response.end()))
  })
  const { port } = await startGateway(registry)
  for (let n = 0; n < 4; n++) expect((await ask(port, '/users/x', { method: 'POST' }, `body ${n}`)).status).toBe(200)
  expect(bodies).toEqual(['body 0', 'body 1', 'body 2', 'body 3'])
})

test('an instance that keeps failing is ejected, and the call is in stats() and in the events', async () => {
  const { port, counts, sidecar } = await two(({ socket }) => socket.destroy(), {
    settings: { 'sidecar.ejection.failures': 2 },
  })
  const ejected = once(sidecar, 'ejected')
  for (let n = 0; n < 8; n++) await ask(port, '/users/x')
  await ejected
  expect(counts).toEqual([2, 8])
  const { operations } = sidecar.stats()
  const call = operations.find(({ kind, name }) => kind === 'client' && name === 'GET user-service')
  expect(call).toMatchObject({ count: 8, errors: 0 })
})

test('all refuse: 502; none answers in time: 504, and the instance hears of it', async () => {
  const registry = await quietRegistry()
  await registerPort(registry, await ownPort())
  const { port } = await startGateway(registry)
  const refused = await ask(port, '/users/x')
  expect([refused.status, JSON.parse(refused.text)]).toMatchObject([502, { code: 502, error: 'SIDECAR_CALL_FAILED' }])
  expect(refused.text).not.toContain('127.0.0.1')

  const slow = await quietRegistry()
  let closed: Promise<unknown> | undefined
  await startInstance(slow, (_, response) => void (closed = once(response, 'close')))
  const late = await ask((await startGateway(slow, { options: { timeoutMs: 60 } })).port, '/users/x')
  expect([late.status, JSON.parse(late.text)]).toMatchObject([504, { error: 'SIDECAR_CALL_TIMEOUT' }])
  await closed
})

test('what is no HTTP is a 502, and so is a transfer coding that is not understood', async () => {
  const registry = await quietRegistry()
  let says = 'SSH-2.0\r\n'
  const server = createNetServer((socket) => void socket.once('data', () => socket.end(says)).on('error', () => {}))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void server.close())
  await registerPort(registry, (server.address() as AddressInfo).port)
  const { port } = await startGateway(registry, { settings: noEjection })
  for (const answer of [
    says,
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!',
  ]) {
    says = answer
    expect((await ask(port, '/users/x', { method: 'POST' })).status).toBe(502)
  }
})

test('a reason phrase that is no ASCII is left out, and the response comes', async () => {
  const registry = await quietRegistry()
  await startInstance(registry, ({ url }, response) =>
    response.writeHead(Number(url!.slice(1)), url === '/299' ? 'Für Sie' : 'Fine').end('here'),
  )
  const { port } = await startGateway(registry, { settings: noEjection })
  expect(await ask(port, '/users/299')).toMatchObject({ status: 299, text: 'here' })
  expect(await ask(port, '/users/298')).toMatchObject({ status: 298, statusText: 'Fine', text: 'here' })
})

test('a silence within a response cuts it; an event stream may be silent', async () => {
  const registry = await quietRegistry()
  await startInstance(registry, ({ url }, response) => {
    if (url === '/events') response.setHeader('content-type', 'text/event-stream')
    response.write('part')
    if (url === '/events') setTimeout(() => response.end('rest'), 200)
  })
  const { port } = await startGateway(registry, { options: { idleTimeoutMs: 50 } })
  await expect(ask(port, '/users/x')).rejects.toThrow('aborted')
  expect((await ask(port, '/users/events')).text).toBe('partrest')
})

test('a client that goes away before the response ends the request, and its connection is free', async () => {
  const registry = await quietRegistry()
  const arrivals: ServerResponse[] = []
  const { server } = await startInstance(registry, (_, response) => void arrivals.push(response))
  const { port } = await startGateway(registry, { settings: { 'feign.client.user-service.max-connections': 1 } })
  for (let n = 1; n <= 3; n++) {
    const sent = httpRequest({ port, host: '127.0.0.1', path: '/users/x', agent: false }).on('error', () => {})
    sent.end()
    await once(server, 'request')
    const closed = once(arrivals.at(-1)!, 'close')
    sent.destroy()
    await closed
  }
  const last = ask(port, '/users/x')
  await once(server, 'request')
  arrivals.at(-1)!.end('served')
  expect((await last).text).toBe('served')
})

test('onError answers in place of the proxy; one that throws does not', async () => {
  const registry = await quietRegistry()
  const onError = vi.fn(({ status, response, service }) => {
    if (onError.mock.calls.length > 1) throw new Error('a bug')
    response.writeHead(status, { 'content-type': 'text/plain' }).end(`${service} is away`)
  })
  const { port } = await startGateway(registry, { options: { onError } })
  expect(await ask(port, '/users/x')).toMatchObject({ status: 503, text: 'user-service is away' })
  expect(JSON.parse((await ask(port, '/users/x')).text)).toMatchObject({ error: 'SIDECAR_NO_INSTANCE' })
})
