import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import type express from 'express'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ask, gatewayShapes, quietRegistry, startGateway, startInstance } from '../support/gateway.js'

/** Instances that note what reaches them. */
async function noting(shape = gatewayShapes[0]!, more: Parameters<typeof startGateway>[1] = {}) {
  const registry = await quietRegistry()
  const seen: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[] = []
  await startInstance(registry, (request, response) => {
    let body = ''
    request
      .on('data', (chunk) => (body += chunk))
      .on('end', () => {
        const { method = '', url = '', headers } = request
        seen.push({ method, url, headers, body })
        response.end('reached')
      })
  })
  return { seen, ...(await startGateway(registry, { shape, ...more })) }
}

/** Sends exactly these bytes, and waits for the end of the connection: half of one closed would take the request back. */
async function sendRaw(port: number, bytes: string): Promise<{ status: number; text: string }> {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  socket
    .setEncoding('latin1')
    .on('data', (chunk: string) => (text += chunk))
    .on('error', () => {})
  socket.write(Buffer.from(bytes, 'latin1'))
  await new Promise((resolve) => socket.once('close', resolve))
  return { status: Number(/^HTTP\/1\.\d (\d{3})/.exec(text)?.[1] ?? 0), text }
}

const raw = (port: number, target: string, headers = '', body = '') =>
  sendRaw(port, `GET ${target} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n${headers}\r\n${body}`)

describe.each(gatewayShapes)('paths on $name', (shape) => {
  test('none leaves the prefix of the service', async () => {
    const { port, seen } = await noting(shape, { options: { rewrite: '/api/users' } })
    const statuses = new Set<number>()
    for (const path of [
      '/users/../admin',
      '/users/..',
      '/users/a/../../admin',
      '/users/%2e%2e/admin',
      '/users/%2E./admin',
      '/users/..%2fadmin',
      '/users/..%5cadmin',
      '/users/..\\admin',
      '/users/%252e%252e%252fadmin',
      '/users/%25252e%25252e/admin',
      '/users/..;/admin',
      '/users/..;x=1/admin',
      '/users/%c0%ae%c0%ae/admin',
      '/users/%2e%2e%3b/admin',
      '/users//other-host/admin',
      '/users//',
      '/users/./x',
      '/users/x#/../../admin',
    ])
      statuses.add((await raw(port, path)).status)
    expect(seen).toEqual([])
    // Some routers find no route for them.
    for (const status of statuses) expect([400, 404]).toContain(status)
  })

  test('data that looks like it is passed on as it came', async () => {
    const { port, seen } = await noting(shape)
    const paths = [
      '/a%2Fb',
      '/a//b',
      '/...',
      '/a..b',
      '/.well-known/x',
      '/%E4%BD%A0',
      '/x?next=/../y',
      '/a;v=1',
      '/100%25',
    ]
    for (const path of paths) expect((await raw(port, `/users${path}`)).status, path).toBe(200)
    expect(seen.map(({ url }) => url)).toEqual(paths)
  })

  test('the host of an absolute target has no effect', async () => {
    const { port, seen } = await noting(shape)
    const answer = await raw(port, 'http://169.254.169.254/users/latest/meta-data')
    if (answer.status === 200) expect(seen).toMatchObject([{ url: '/latest/meta-data' }])
    else expect(seen).toEqual([])
  })
})

describe('framing', () => {
  const post = (port: number, headers: string, body: string) =>
    sendRaw(port, `POST /users/x HTTP/1.1\r\nHost: g\r\n${headers}\r\n${body}`)
  const smuggled = 'GET /users/smuggled HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n'

  test.each([
    [
      'Content-Length beside Transfer-Encoding',
      `Content-Length: 5\r\nTransfer-Encoding: chunked\r\n`,
      `0\r\n\r\n${smuggled}`,
    ],
    ['two lengths', 'Content-Length: 5\r\nContent-Length: 6\r\n', `hello${smuggled}`],
    ['a length list', 'Content-Length: 5, 5\r\n', `hello${smuggled}`],
    ['a length with a sign', 'Content-Length: +5\r\n', `hello${smuggled}`],
    ['a coding that is not the last', 'Transfer-Encoding: chunked, identity\r\n', `0\r\n\r\n${smuggled}`],
    ['a coding with a tab', 'Transfer-Encoding:\tchunked \r\nTransfer-Encoding: identity\r\n', `0\r\n\r\n${smuggled}`],
    ['a length in a folded line', 'X: y\r\n Content-Length: 5\r\n', smuggled],
    ['a chunk size that is none', 'Transfer-Encoding: chunked\r\n', `5 \r\nhello\r\n0x0\r\n\r\n${smuggled}`],
  ])('%s smuggles nothing', async (_, headers, body) => {
    const { port, seen } = await noting()
    await post(port, headers, body)
    // Node may have read a second request of its own: then it went through the front door, and the instance has it as one.
    for (const { url, body: got } of seen) expect([url, got]).not.toEqual(['/x', expect.stringContaining('smuggled')])
    expect(seen.filter(({ url }) => url === '/smuggled')).toEqual([])
  })

  test('a coding below the chunks is refused', async () => {
    const { port, seen } = await noting()
    const answer = await post(port, 'Connection: close\r\nTransfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n')
    expect([answer.status, seen]).toEqual([501, []])
  })

  test('a body that breaks off never looks whole to the instance', async () => {
    const registry = await quietRegistry()
    const ended: boolean[] = []
    const { server } = await startInstance(registry, (request) => {
      request.on('error', () => {}).on('close', () => ended.push(request.complete))
      request.resume()
    })
    const { port } = await startGateway(registry)
    for (const head of ['Content-Length: 100', 'Transfer-Encoding: chunked']) {
      const socket = connect(port, '127.0.0.1').on('error', () => {})
      const arrived = once(server, 'request')
      socket.write(`POST /users/x HTTP/1.1\r\nHost: g\r\n${head}\r\n\r\n4\r\npart\r\n`)
      const [request] = (await arrived) as [IncomingMessage]
      const closed = new Promise((resolve) => request.once('close', resolve))
      socket.resetAndDestroy()
      await closed
    }
    expect(ended).toEqual([false, false])
  })
})

describe('headers', () => {
  test('Connection cannot name away what the app has put there', async () => {
    const { port, seen } = await noting(undefined, {
      before: (app: express.Express) =>
        void app.use((request, _, next) => {
          request.headers['x-user-id'] = 'ada'
          request.headers['x-tenant'] = 'one'
          next()
        }),
    } as never)
    await raw(
      port,
      '/users/x',
      'X-User-Id: root\r\nX-Own: 1\r\nConnection: x-user-id, x-tenant, x-forwarded-for, via, x-own\r\n',
    )
    expect(seen[0]!.headers).toMatchObject({ 'x-user-id': 'ada', 'x-tenant': 'one', 'x-forwarded-for': '127.0.0.1' })
    expect(seen[0]!.headers).not.toHaveProperty('x-own')
  })

  test.each([
    [
      'append',
      {
        'x-forwarded-for': '6.6.6.6, 127.0.0.1',
        'x-forwarded-proto': 'https, http',
        'x-forwarded-host': 'evil, gateway',
      },
    ],
    [
      'replace',
      {
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-proto': 'http',
        'x-forwarded-host': 'gateway',
        forwarded: 'for=127.0.0.1;host=gateway;proto=http',
      },
    ],
    [
      'none',
      {
        'x-forwarded-for': '6.6.6.6',
        'x-forwarded-proto': 'https',
        'x-forwarded-host': 'evil',
        'x-forwarded-prefix': '/evil',
      },
    ],
  ] as const)('what a client says of itself: %s', async (forwarded, expected) => {
    const { port, seen } = await noting(undefined, { options: { forwarded } })
    const said =
      'X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Prefix: /evil\r\n'
    await raw(port, '/users/x', said)
    expect(seen[0]!.headers).toMatchObject(expected)
    if (forwarded === 'append')
      expect(seen[0]!.headers).toMatchObject({
        'x-forwarded-prefix': '/evil, /users',
        forwarded: 'for=6.6.6.6;host=evil;proto=https, for=127.0.0.1;host=gateway;proto=http',
      })
    if (forwarded === 'none') expect(seen[0]!.headers).not.toHaveProperty('forwarded')
  })

  test('a Host cannot break out of Forwarded', async () => {
    const { port, seen } = await noting()
    await sendRaw(port, 'GET /users/x HTTP/1.1\r\nHost: a";for=9.9.9.9\r\nConnection: close\r\n\r\n')
    expect(seen[0]?.headers.forwarded).toBe('for=127.0.0.1;host="a\\";for=9.9.9.9";proto=http')
  })

  test('the token does not go to a fixed URL, in none of its places, unless the settings say so', async () => {
    const got: [string, IncomingMessage['headers']][] = []
    const outside = createServer((request: IncomingMessage, response: ServerResponse) => {
      got.push([request.url!, request.headers])
      response.end()
    })
    await once(outside.listen(0, '127.0.0.1'), 'listening')
    onTestFinished(() => void outside.close().closeAllConnections())
    const url = `http://127.0.0.1:${(outside.address() as AddressInfo).port}/base`
    const headers = {
      authorization: 'Bearer secret-token',
      cookie: 'a=1; token=secret-token; access_token="secret-token"; b=2',
      'x-auth-token': 'secret-token',
      'x-token': 'secret-token',
    }
    for (const forwardContext of [false, true]) {
      const registry = await quietRegistry()
      const settings = { 'feign.client.user-service': { url, 'forward-context': forwardContext } }
      const { port } = await startGateway(registry, { settings })
      await ask(port, '/users/x?q=1&token=secret-token&%74oken=secret-token&token[]=secret-token&last', { headers })
    }
    const [closed, open] = got
    expect(JSON.stringify(closed)).not.toContain('secret-token')
    expect(closed).toMatchObject(['/base/x?q=1&last', { cookie: 'a=1; b=2' }])
    expect(open).toMatchObject([
      '/base/x?q=1&token=secret-token&%74oken=secret-token&token[]=secret-token&last',
      headers,
    ])
  })

  test('an instance cannot take this gateway out of its callers’ lists, nor split a response', async () => {
    const registry = await quietRegistry()
    await startInstance(registry, (_, response) =>
      response.writeHead(200, { 'x-sidecar-leaving': '12;abc', 'x-ok': 'a\tb', 'proxy-authenticate': 'Basic' }).end(),
    )
    const { port } = await startGateway(registry)
    const { headers } = await ask(port, '/users/x')
    expect(headers['x-ok']).toBe('a\tb')
    for (const name of ['x-sidecar-leaving', 'proxy-authenticate']) expect(headers).not.toHaveProperty(name)
  })
})

test('rewrite cannot be led out of the path either', async () => {
  const { port, seen } = await noting(undefined, { options: { rewrite: (path) => path.replace('/up', '/../admin') } })
  expect((await ask(port, '/users/up')).status).toBe(500)
  expect((await ask(port, '/users/ok')).status).toBe(200)
  expect(seen.map(({ url }) => url)).toEqual(['/ok'])
})
