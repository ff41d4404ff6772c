import { getEventListeners } from 'node:events'
import { createServer, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import * as zlib from 'node:zlib'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { type ClientOptions, defineClient, DELETE, FeignError, GET, HEAD, PATCH, POST, PUT } from 'nacos-sidecar'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  closedPort,
  echo,
  instance,
  json,
  startMesh,
  startProvider,
  unavailable,
  type Mesh,
  type Seen,
} from '../../support/mesh.js'

interface Echo {
  method: string
  url: string
  body: string
  port: number
}

function userClient(options: ClientOptions = {}) {
  return defineClient(
    { name: 'user-service', ...options },
    {
      get: GET('/users/{id}').as<
        (p: { id: string; signal?: AbortSignal; timeoutMs?: number; token?: string }) => Promise<Echo>
      >(),
      create:
        POST('/users').as<
          (p: { body?: unknown; headers?: Record<string, string>; timeoutMs?: number }) => Promise<Echo>
        >(),
      replace: PUT('/users/{id}').as<(p: { id: string; body: unknown }) => Promise<Echo>>(),
      change: PATCH('/users/{id}'),
      remove: DELETE('/users/{id}').as<(id: string) => Promise<unknown>>(),
      head: HEAD('/users/{id}'),
    },
  )
}

async function serving(answer: Parameters<typeof startProvider>[0] = echo, settings?: object) {
  const mesh = startMesh(settings)
  const provider = await startProvider(answer)
  mesh.registry.set('user-service', instance('user-service', provider.port))
  return { mesh, provider, users: userClient() }
}

/** Listens as a bare socket server; what it does with a connection is the test's. */
async function startSocketServer(onSocket: (socket: Socket) => void): Promise<{ port: number; sockets: Socket[] }> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    onSocket(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return { port: (server.address() as AddressInfo).port, sockets }
}

async function failure(promise: Promise<unknown>): Promise<FeignError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(FeignError)
  return error as FeignError
}

describe('answers', () => {
  test('JSON, text, bytes, nothing', async () => {
    const { users } = await serving(({ url }, response) => {
      const kind = url.slice('/users/'.length)
      if (kind === 'json') return json(response, { a: '中' })
      if (kind === 'problem')
        return void response.writeHead(200, { 'content-type': 'application/vnd.x+json' }).end('[1]')
      if (kind === 'text') return void response.writeHead(200, { 'content-type': 'text/plain' }).end('{"not":"parsed"}')
      if (kind === 'gbk')
        return void response.writeHead(200, { 'content-type': 'text/plain;charset=gbk' }).end(Buffer.from([0xd6, 0xd0]))
      if (kind === 'bytes')
        return void response.writeHead(200, { 'content-type': 'image/png' }).end(Buffer.from([1, 2]))
      if (kind === 'untyped') return void response.writeHead(200).end('{"a":1}')
      if (kind === 'untypedText') return void response.writeHead(200).end('hello')
      if (kind === 'bom')
        return void response.writeHead(200, { 'content-type': 'application/json' }).end('\ufeff{"a":1}')
      if (kind === 'empty') return void response.writeHead(200, { 'content-type': 'application/json' }).end()
      response.writeHead(204).end()
    })
    expect(await users.get({ id: 'json' })).toEqual({ a: '中' })
    expect(await users.get({ id: 'problem' })).toEqual([1])
    expect(await users.get({ id: 'text' })).toBe('{"not":"parsed"}')
    expect(await users.get({ id: 'gbk' })).toBe('中')
    expect(await users.get({ id: 'bytes' })).toEqual(Buffer.from([1, 2]))
    expect(await users.get({ id: 'untyped' })).toEqual({ a: 1 })
    expect(await users.get({ id: 'untypedText' })).toBe('hello')
    expect(await users.get({ id: 'bom' })).toEqual({ a: 1 })
    expect(await users.get({ id: 'empty' })).toBeUndefined()
    expect(await users.get({ id: 'none' })).toBeUndefined()
  })

  test.each([204, 205, 304])('K9: %d is complete with its head, whatever Content-Length says', async (status) => {
    const { mesh, users, provider } = await serving(
      ({ url }, response) => void response.writeHead(status, { 'content-length': url.endsWith('x') ? '4' : '0' }).end(),
    )
    for (let i = 0; i < 6; i++) expect(await users.get({ id: i % 2 ? 'x' : 'y' })).toBeUndefined()
    expect(await users.head({ id: 'x' })).toMatchObject({ status, headers: { 'content-length': '4' } })
    expect(provider.seen).toHaveLength(7)
    expect(mesh.events.filter(([event]) => event === 'ejected')).toEqual([])
  })

  test('K9: what follows an answer without a body is not taken for the next answer', async () => {
    const mesh = startMesh()
    let requests = 0
    const server = await startSocketServer((socket) => {
      socket.once('data', () => {
        requests++
        socket.on('data', () => socket.end('HTTP/1.1 500 Reused\r\ncontent-length: 0\r\n\r\n'))
        socket.write('HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n')
        setImmediate(() => socket.write('4\r\nbody\r\n0\r\n\r\n'))
      })
    })
    mesh.registry.set('user-service', instance('user-service', server.port))
    for (let i = 0; i < 3; i++) expect(await userClient().get({ id: '1' })).toBeUndefined()
    expect(requests).toBe(3)
  })

  test('K29: informational answers pass', async () => {
    const { users } = await serving((seen, response) => {
      response.writeProcessing()
      response.writeEarlyHints({ link: '</a.css>; rel=preload' }, () => echo(seen, response))
    })
    expect(await users.get({ id: '1' })).toMatchObject({ method: 'GET' })
  })

  test('a body in many chunks', async () => {
    const text = 'x'.repeat(300_000)
    const { users } = await serving((_, response) => json(response, { text }))
    expect(await users.get({ id: '1' })).toEqual({ text })
  })

  const encodings: Record<string, (bytes: Buffer) => Buffer> = {
    gzip: gzipSync,
    GZIP: gzipSync,
    br: brotliCompressSync,
    deflate: deflateSync,
    'deflate, raw': deflateRawSync,
    'gzip, gzip': (bytes) => gzipSync(gzipSync(bytes)),
    'br, identity, deflate': (bytes) => deflateSync(brotliCompressSync(bytes)),
    ...('zstdCompressSync' in zlib && { zstd: zlib.zstdCompressSync as (bytes: Buffer) => Buffer }),
  }

  test.each(Object.entries(encodings))('K22: %s is undone, and asked for', async (name, encode) => {
    const { users, provider } = await serving((_, response) => {
      const headers = { 'content-type': 'application/json', 'content-encoding': name.replace(', raw', '') }
      response.writeHead(200, headers).end(encode(Buffer.from('{"a":1}')))
    })
    expect(await users.get({ id: '1' })).toEqual({ a: 1 })
    const asked = provider.seen[0]!.headers['accept-encoding'] as string
    expect(asked).toBe(`gzip, deflate, br${'zstdCompressSync' in zlib ? ', zstd' : ''}`)
  })

  test('K22: each step of several encodings is bounded, and their number is', async () => {
    const bomb = gzipSync(gzipSync(Buffer.alloc(20_000_000)))
    await serving(({ url }, response) => {
      const many = url.endsWith('many')
      const encoding = many ? Array(9).fill('gzip').join() : 'gzip, gzip'
      response.writeHead(200, { 'content-encoding': encoding }).end(bomb)
    })
    const small = userClient({ maxResponseBytes: 100_000 })
    expect((await failure(small.get({ id: '1' }))).message).toContain('100000 bytes')
    expect((await failure(small.get({ id: 'many' }))).message).toContain('encoded 9 times')
  })

  test('K35: an unknown charset is UTF-8 where the bytes are, else an error that says so', async () => {
    const { users } = await serving(({ url }, response) => {
      const json = url.endsWith('json')
      const type = json ? 'application/json;charset=utf8mb4' : 'text/plain; charset="Cp9999"'
      const text = json
        ? Buffer.from('{"a":"中"}')
        : url.endsWith('latin')
          ? Buffer.from('é', 'latin1')
          : Buffer.from('é')
      response.writeHead(200, { 'content-type': type }).end(text)
    })
    expect(await users.get({ id: 'json' })).toEqual({ a: '中' })
    expect(await users.get({ id: 'text' })).toBe('é')
    expect(await failure(users.get({ id: 'latin' }))).toMatchObject({
      code: 'SIDECAR_CALL_BODY',
      message: expect.stringContaining('charset Cp9999 is not known'),
    })
  })

  test('HEAD gives status and headers', async () => {
    const { users } = await serving(
      (_, response) => void response.writeHead(200, { 'x-total': '7', 'content-length': '99999999999' }).end(),
    )
    expect(await users.head({ id: '1' })).toMatchObject({ status: 200, headers: { 'x-total': '7' } })
  })

  test('a bad status is a FeignError that says everything', async () => {
    const { users, provider } = await serving((_, response) => json(response, { reason: 'taken' }, 409))
    const error = await failure(users.get({ id: 'a b', token: 'canary' }))
    expect(error).toMatchObject({
      name: 'FeignError',
      code: 'SIDECAR_CALL_STATUS',
      status: 409,
      body: { reason: 'taken' },
      service: 'user-service',
      method: 'GET',
      url: `${provider.origin}/users/a%20b?token=***`,
      attempts: 1,
      instance: { ip: '127.0.0.1', port: provider.port },
    })
    expect(error.message).toBe(`GET of user-service at ${provider.origin}/users/a%20b?token=***: answered 409`)
    expect(JSON.stringify(error) + error.stack).not.toContain('canary')
  })

  test('a redirect is not followed', async () => {
    const { users, provider } = await serving(
      (_, response) => void response.writeHead(302, { location: '/elsewhere' }).end(),
    )
    expect(await failure(users.get({ id: '1' }))).toMatchObject({
      status: 302,
      message: expect.stringContaining('not followed'),
    })
    expect(provider.seen).toHaveLength(1)
  })

  test('what is not the JSON it says it is', async () => {
    const { users } = await serving(
      (_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('<html>'),
    )
    expect(await failure(users.get({ id: '1' }))).toMatchObject({
      code: 'SIDECAR_CALL_BODY',
      status: 200,
      body: '<html>',
    })
  })

  test('an error page that is not JSON either keeps its text', async () => {
    const { users } = await serving(
      (_, response) => void response.writeHead(502, { 'content-type': 'application/json' }).end('<html>'),
    )
    expect(await failure(users.get({ id: '1' }))).toMatchObject({ status: 502, body: '<html>' })
  })

  test.each([
    ['announced', { 'content-length': '2000' }],
    ['chunked', {}],
  ])('an answer larger than maxResponseBytes, %s', async (_, headers) => {
    await serving((__, response) => void response.writeHead(200, headers).end('x'.repeat(2000)))
    const small = userClient({ maxResponseBytes: 1000 })
    expect(await failure(small.get({ id: '1' }))).toMatchObject({
      code: 'SIDECAR_CALL_BODY',
      message: expect.stringContaining('1000 bytes'),
    })
  })

  test('without a cap, packed or not', async () => {
    const { users: _ } = await serving(({ url }, response) => {
      const packed = url === '/users/packed'
      response.writeHead(200, { 'content-type': 'application/json', ...(packed && { 'content-encoding': 'gzip' }) })
      response.end(packed ? gzipSync('{"a":1}') : '{"a":1}')
    })
    const uncapped = userClient({ maxResponseBytes: Infinity })
    for (const id of ['plain', 'packed']) expect(await uncapped.get({ id })).toEqual({ a: 1 })
  })

  test('a gzip bomb is cut at the cap', async () => {
    await serving((_, response) => {
      response
        .writeHead(200, { 'content-type': 'text/plain', 'content-encoding': 'gzip' })
        .end(gzipSync(Buffer.alloc(20_000_000)))
    })
    const error = await failure(userClient({ maxResponseBytes: 100_000 }).get({ id: '1' }))
    expect(error).toMatchObject({ code: 'SIDECAR_CALL_BODY', message: expect.stringContaining('100000 bytes') })
  })

  test('an unknown encoding is refused', async () => {
    const { users } = await serving(
      (_, response) => void response.writeHead(200, { 'content-encoding': 'rot13' }).end('x'),
    )
    expect(await failure(users.get({ id: '1' }))).toMatchObject({
      code: 'SIDECAR_CALL_BODY',
      message: expect.stringContaining('rot13'),
    })
  })
})

describe('bodies', () => {
  async function sent(body: unknown, headers?: Record<string, string>): Promise<Seen> {
    const { provider, users } = await serving()
    await users.create({ body, ...(headers && { headers }) })
    return provider.seen[0]!
  }

  test.each([
    [{ a: '中' }, '{"a":"中"}'],
    [[1], '[1]'],
    ['text', '"text"'],
    [null, 'null'],
    [0, '0'],
  ])('%j is JSON', async (body, text) => {
    expect(await sent(body)).toMatchObject({ body: text, headers: { 'content-type': 'application/json' } })
  })

  test('text with a content type of its own goes as it is', async () => {
    expect(await sent('<x/>', { 'Content-Type': 'text/xml' })).toMatchObject({
      body: '<x/>',
      headers: { 'content-type': 'text/xml' },
    })
  })

  test('none', async () => {
    const seen = await sent(undefined)
    expect(seen).toMatchObject({ body: '', headers: { 'content-length': '0' } })
    expect(seen.headers).not.toHaveProperty('content-type')
  })

  test('URLSearchParams, bytes, streams', async () => {
    expect(await sent(new URLSearchParams({ a: '1 2' }))).toMatchObject({
      body: 'a=1+2',
      headers: { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' },
    })
    expect(await sent(Buffer.from('raw'))).toMatchObject({
      body: 'raw',
      headers: { 'content-type': 'application/octet-stream' },
    })
    expect(await sent(new TextEncoder().encode('raw').buffer)).toMatchObject({ body: 'raw' })
    expect(await sent(Readable.from(['a', 'b']))).toMatchObject({ body: 'ab' })
    expect(await sent(new Blob(['b'], { type: 'x/y' }))).toMatchObject({
      body: 'b',
      headers: { 'content-type': 'x/y' },
    })
    expect(await sent(new Response('web').body)).toMatchObject({ body: 'web' })
  })

  test('FormData is multipart', async () => {
    const form = new FormData()
    form.append('file', new Blob(['content']), 'a.txt')
    const seen = await sent(form)
    expect(seen.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/)
    expect(seen.body).toContain('content')
  })

  test.each(['multipart/form-data', 'application/json'])(
    'FormData keeps its boundary beside a content type %s',
    async (type) => {
      const form = new FormData()
      form.append('name', 'Ada')
      const seen = await sent(form, { 'Content-Type': type })
      const received = await new Response(seen.body, { headers: { 'content-type': seen.headers['content-type']! } })
        .formData()
        .catch(() => undefined)
      expect(received?.get('name')).toBe('Ada')
    },
  )

  test('an object is a form where the call says so', async () => {
    const type = 'application/x-www-form-urlencoded'
    const seen = await sent(
      { name: 'Ada & 中', tags: ['a', 'b'], none: null, at: new Date(0) },
      { 'Content-Type': type },
    )
    expect(seen.headers['content-type']).toBe(type)
    expect([...new URLSearchParams(seen.body)]).toEqual([
      ['name', 'Ada & 中'],
      ['tags', 'a'],
      ['tags', 'b'],
      ['at', '1970-01-01T00:00:00.000Z'],
    ])
    await expect(sent({ nested: {} }, { 'Content-Type': type })).rejects.toMatchObject({
      code: 'SIDECAR_CALL_INVALID',
      message: expect.stringContaining('the form parameter nested is an object'),
    })
  })

  test('what JSON cannot hold is refused before anything is sent', async () => {
    const { provider, users } = await serving()
    const circular: { self?: unknown } = {}
    circular.self = circular
    expect(await failure(users.create({ body: circular }))).toMatchObject({ code: 'SIDECAR_CALL_INVALID', attempts: 0 })
    expect(await failure(users.create({ body: Symbol('x') }))).toMatchObject({ code: 'SIDECAR_CALL_INVALID' })
    expect(provider.seen).toHaveLength(0)
  })
})

describe('instances', () => {
  async function three(mesh: Mesh) {
    const providers = [await startProvider(), await startProvider(), await startProvider()]
    mesh.registry.set('user-service', ...providers.map((each) => instance('user-service', each.port)))
    return providers
  }

  test('two equal instances share 100 calls 50/50', async () => {
    const mesh = startMesh()
    const [a, b] = [await startProvider(), await startProvider()]
    mesh.registry.set('user-service', instance('user-service', a.port), instance('user-service', b.port))
    const users = userClient()
    const ports: number[] = []
    for (let i = 0; i < 100; i++) ports.push((await users.get({ id: String(i) })).port)
    expect([a.seen.length, b.seen.length]).toEqual([50, 50])
    for (let i = 1; i < ports.length; i++) expect(ports[i]).not.toBe(ports[i - 1])
  })

  test('weights 3:1 share 100 parallel calls 75/25', async () => {
    const mesh = startMesh()
    const [a, b] = [await startProvider(), await startProvider()]
    mesh.registry.set('user-service', instance('user-service', a.port, { weight: 3 }), instance('user-service', b.port))
    const users = userClient()
    await Promise.all(Array.from({ length: 100 }, (_, i) => users.get({ id: String(i) })))
    expect([a.seen.length, b.seen.length]).toEqual([75, 25])
  })

  test('unhealthy, disabled and weightless instances get no call', async () => {
    const mesh = startMesh()
    const [good, ...bad] = await three(mesh)
    const fourth = await startProvider()
    mesh.registry.set(
      'user-service',
      instance('user-service', bad[0]!.port, { healthy: false }),
      instance('user-service', bad[1]!.port, { enabled: false }),
      instance('user-service', fourth.port, { weight: 0 }),
      instance('user-service', good!.port),
    )
    const users = userClient()
    for (let i = 0; i < 8; i++) await users.get({ id: '1' })
    expect(good!.seen).toHaveLength(8)
  })

  test.each(['GET', 'POST'] as const)('a refused connection goes to the next instance: %s', async (verb) => {
    const mesh = startMesh()
    const provider = await startProvider()
    mesh.registry.set(
      'user-service',
      instance('user-service', await closedPort()),
      instance('user-service', await closedPort()),
      instance('user-service', provider.port),
    )
    const users = userClient()
    for (let i = 0; i < 10; i++) {
      expect(await (verb === 'GET' ? users.get({ id: '1' }) : users.create({ body: { i } }))).toMatchObject({
        port: provider.port,
      })
    }
    expect(provider.seen).toHaveLength(10)
  })

  test('a host name that does not resolve goes to the next instance too', async () => {
    const mesh = startMesh()
    const provider = await startProvider()
    mesh.registry.set(
      'user-service',
      instance('user-service', 80, { ip: 'no-such-host.invalid' }),
      instance('user-service', provider.port),
    )
    const users = userClient()
    await users.create({ body: 1 })
    await users.create({ body: 2 })
    expect(provider.seen).toHaveLength(2)
  })

  test('when all refuse, the error names the last one and counts them', async () => {
    const mesh = startMesh()
    mesh.registry.set(
      'user-service',
      instance('user-service', await closedPort()),
      instance('user-service', await closedPort()),
    )
    expect(await failure(userClient().create({ body: 1 }))).toMatchObject({
      code: 'SIDECAR_CALL_FAILED',
      attempts: 2,
      message: expect.stringMatching(/attempt 2: no connection: .*ECONNREFUSED/),
    })
  })

  test('a POST whose connection breaks is not sent twice; a GET is, if it may', async () => {
    const mesh = startMesh({ sidecar: { ejection: { enabled: false } } })
    let requests = 0
    const broken = await startSocketServer((socket) => socket.on('data', () => (requests++, socket.destroy())))
    const provider = await startProvider()
    mesh.registry.set('user-service', instance('user-service', broken.port), instance('user-service', provider.port))
    const users = userClient({ retry: 2 })
    const results = await Promise.allSettled([users.create({ body: 1 }), users.create({ body: 2 })])
    expect(results.map((each) => each.status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(requests + provider.seen.length).toBe(2)

    for (let i = 0; i < 4; i++) expect(await users.get({ id: '1' })).toMatchObject({ port: provider.port })
    const once = await Promise.allSettled([
      userClient({ retry: 0 }).get({ id: '1' }),
      userClient({ retry: 0 }).get({ id: '1' }),
    ])
    expect(once.map((each) => each.status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  test('no instance: what was looked for and what to check', async () => {
    const mesh = startMesh()
    expect(await failure(userClient().get({ id: '1' }))).toMatchObject({
      code: 'SIDECAR_NO_INSTANCE',
      attempts: 0,
      message: expect.stringMatching(/"user-service" in group DEFAULT_GROUP, namespace public.*Check/),
    })
    mesh.registry.set('unhealthy', instance('unhealthy', 1, { healthy: false }))
    expect(await failure(userClient({ name: 'unhealthy' }).get({ id: '1' }))).toMatchObject({
      message: expect.stringContaining('of 1 listed, 1 unhealthy'),
    })
    expect(await failure(userClient({ name: 'grey@@user-service' }).get({ id: '1' }))).toMatchObject({
      message: expect.stringContaining('in group grey'),
    })
  })

  test('a registry that does not answer is not an empty list', async () => {
    const mesh = startMesh()
    mesh.registry.failure = unavailable()
    await expect(userClient().get({ id: '1' })).rejects.toMatchObject({ code: 'SIDECAR_REGISTRY_UNAVAILABLE' })
  })

  test('an instance whose metadata says secure is called by https', async () => {
    const mesh = startMesh()
    mesh.registry.set('user-service', instance('user-service', await closedPort(), { metadata: { secure: 'true' } }))
    expect((await failure(userClient().get({ id: '1' }))).url).toMatch(/^https:/)
  })
})

describe('deadlines', () => {
  test('timeoutMs covers the whole call, and ends it at the socket', async () => {
    const mesh = startMesh()
    const closed = vi.fn()
    const mute = await startSocketServer((socket) => socket.on('close', closed).resume())
    mesh.registry.set('user-service', instance('user-service', mute.port))
    const error = await failure(userClient({ timeoutMs: 60_000 }).get({ id: '1', timeoutMs: 100 }))
    expect(error).toMatchObject({ code: 'SIDECAR_CALL_TIMEOUT', message: expect.stringContaining('100 ms') })
    await vi.waitFor(() => expect(closed).toHaveBeenCalled())
  })

  test('timeoutMs covers the wait for the registry', async () => {
    const mesh = startMesh()
    mesh.registry.list = () => new Promise(() => {})
    expect(await failure(userClient({ timeoutMs: 50 }).get({ id: '1' }))).toMatchObject({
      code: 'SIDECAR_CALL_TIMEOUT',
      attempts: 0,
    })
  })

  test('readTimeoutMs: silence', async () => {
    const mesh = startMesh({ feign: { client: { 'user-service': { readTimeout: 100 } } } })
    const mute = await startSocketServer(() => {})
    mesh.registry.set('user-service', instance('user-service', mute.port))
    expect(await failure(userClient().get({ id: '1' }))).toMatchObject({
      code: 'SIDECAR_CALL_TIMEOUT',
      message: expect.stringContaining('no answer for 100 ms'),
    })
  })

  test.each([0, Infinity, 30 * 24 * 3_600_000])('%d ms is no limit, neither here nor to a timer', async (none) => {
    const { mesh } = await serving((seen, response) => void setTimeout(echo, 30, seen, response))
    const limits = { timeoutMs: none, readTimeoutMs: none, attemptTimeoutMs: none, connectTimeoutMs: none }
    expect(await userClient(limits).get({ id: '1' })).toMatchObject({ method: 'GET' })
    if (none > 0) expect(await userClient({ timeoutMs: 1 }).get({ id: '1', timeoutMs: none })).toBeDefined()
    const mute = await startSocketServer(() => {})
    mesh.registry.set('mute', instance('mute', mute.port))
    const still = userClient({ name: 'mute', attemptTimeoutMs: none, readTimeoutMs: 50, retry: 0 })
    expect(await failure(still.get({ id: '1' }))).toMatchObject({ code: 'SIDECAR_CALL_TIMEOUT' })
  })

  test('a connection that takes longer than connectTimeoutMs goes to the next instance', async () => {
    const mesh = startMesh()
    const provider = await startProvider()
    // TLS to a peer that never answers the hello: connected, but no connection.
    const mute = await startSocketServer(() => {})
    mesh.registry.set(
      'user-service',
      instance('user-service', mute.port, { metadata: { secure: 'true' } }),
      instance('user-service', provider.port),
    )
    const users = userClient({ connectTimeoutMs: 150 })
    for (let i = 0; i < 2; i++) expect(await users.create({ body: i })).toMatchObject({ port: provider.port })
    expect(mute.sockets.length).toBeGreaterThan(0)
  })

  test('a body that breaks off is the caller’s trouble, a connection that does is the instance’s', async () => {
    const { mesh, users, provider } = await serving()
    const other = await startProvider()
    mesh.registry.set('uploads', instance('uploads', provider.port), instance('uploads', other.port))
    const uploads = userClient({ name: 'uploads' })
    const ejected = () => mesh.events.filter(([event]) => event === 'ejected')
    for (let i = 0; i < 12; i++) {
      const body = Readable.from(
        (function* () {
          yield 'half of'
          throw new Error('disk gone')
        })(),
      )
      const error = await failure(uploads.create({ body }))
      expect(error).toMatchObject({ code: 'SIDECAR_CALL_FAILED', message: expect.stringContaining('disk gone') })
    }
    expect(ejected()).toEqual([])
    expect(await users.create({ body: Readable.from(['whole']) })).toMatchObject({ body: 'whole' })

    const cutting = await startSocketServer((socket) => socket.on('data', () => socket.resetAndDestroy()))
    mesh.registry.set('cutting', instance('cutting', cutting.port), instance('cutting', other.port))
    const broken = userClient({ name: 'cutting' })
    for (let i = 0; i < 12; i++) await broken.create({ body: Readable.from(['a', 'b']) }).catch(() => {})
    expect(ejected()).toHaveLength(1)
  })

  test('a signal ends the call at the socket', async () => {
    const mesh = startMesh()
    const closed = vi.fn()
    const abort = new AbortController()
    const mute = await startSocketServer((socket) => {
      socket.on('close', closed)
      socket.on('data', () => abort.abort(new Error('enough')))
    })
    mesh.registry.set('user-service', instance('user-service', mute.port))
    const error = await failure(userClient().get({ id: '1', signal: abort.signal }))
    expect(error).toMatchObject({ code: 'SIDECAR_CALL_ABORTED', cause: expect.objectContaining({ message: 'enough' }) })
    await vi.waitFor(() => expect(closed).toHaveBeenCalled())
  })

  test('K20: many calls may share a signal, before it fires and after', async () => {
    const { users } = await serving((seen, response) => void setTimeout(echo, 20, seen, response))
    const warned = vi.fn()
    const onWarning = ({ name }: Error) => name === 'MaxListenersExceededWarning' && warned()
    process.on('warning', onWarning)
    onTestFinished(() => void process.off('warning', onWarning))
    const { signal } = new AbortController()
    for (let round = 0; round < 2; round++)
      await Promise.all(Array.from({ length: 20 }, () => users.get({ id: '1', signal })))
    const abort = new AbortController()
    const ended = Array.from({ length: 20 }, () => failure(users.get({ id: '1', signal: abort.signal })))
    abort.abort()
    for (const error of await Promise.all(ended)) expect(error.code).toBe('SIDECAR_CALL_ABORTED')
    expect(getEventListeners(signal, 'abort')).toEqual([])
    await new Promise(setImmediate) // warnings come a tick later
    expect(warned).not.toHaveBeenCalled()
  })

  test('a signal that has fired already sends nothing', async () => {
    const { users, provider } = await serving()
    const error = await failure(users.get({ id: '1', signal: AbortSignal.abort() }))
    expect(error).toMatchObject({ code: 'SIDECAR_CALL_ABORTED', attempts: 0 })
    expect(error.message).toBe('GET of user-service /users/1: its signal was aborted')
    expect(provider.seen).toHaveLength(0)
  })
})

describe('after the end', () => {
  test('a stopped runtime makes no more calls', async () => {
    const { mesh, users } = await serving()
    await users.get({ id: '1' })
    await mesh.runtime.close()
    await expect(users.get({ id: '1' })).rejects.toMatchObject({ code: 'SIDECAR_STOPPED' })
  })
})
