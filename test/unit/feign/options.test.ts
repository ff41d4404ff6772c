import type { ServerResponse } from 'node:http'
import {
  type ClientOptions,
  defineClient,
  GET,
  HEAD,
  type Interceptor,
  POST,
  registerBalancer,
  runWithContext,
} from 'nacos-sidecar'
import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import type { MethodOptions } from '../../../src/feign/options.js'
import { instance, json, startMesh, startProvider } from '../../support/mesh.js'

async function serving(answer?: Parameters<typeof startProvider>[0], settings?: object) {
  const mesh = startMesh(settings)
  const provider = await startProvider(answer)
  mesh.registry.set('user-service', instance('user-service', provider.port))
  return { mesh, provider }
}

function client(options: ClientOptions = {}, own: MethodOptions = {}) {
  return defineClient(
    { name: 'user-service', ...options },
    { get: GET('/users/{id}', own), create: POST('/users', own), head: HEAD('/users/{id}', own) },
  )
}

describe('decode404', () => {
  test('of the client, of the method, and by default not', async () => {
    await serving((_, response) => json(response, { gone: true }, 404))
    expect(await client({ decode404: true }).get({ id: '1' })).toBeUndefined()
    expect(await client({}, { decode404: true }).head({ id: '1' })).toBeUndefined()
    await expect(client({ decode404: true }, { decode404: false }).get({ id: '1' })).rejects.toMatchObject({
      status: 404,
    })
    await expect(client().get({ id: '1' })).rejects.toMatchObject({ status: 404, body: { gone: true } })
  })
})

describe('unwrap', () => {
  test.each([
    [{ code: 0, data: [1], message: 'ok' }, true, [1]],
    [{ code: 200, data: { a: 1 } }, true, { a: 1 }],
    [{ code: '0', data: 1 }, true, 1],
    [{ code: 0 }, true, undefined],
    [{ plain: true }, true, { plain: true }],
    [[1, 2], true, [1, 2]],
    [{ status: 'ok', result: 5 }, { code: 'status', data: 'result', success: ['ok'] }, 5],
  ])('%j', async (body, unwrap, value) => {
    await serving((_, response) => json(response, body))
    expect(await client({ unwrap }).get({ id: '1' })).toEqual(value)
  })

  test('a code that means no is an error with the envelope', async () => {
    await serving((_, response) => json(response, { code: 5001, msg: 'stock is out', data: null }))
    await expect(client({ unwrap: true }).get({ id: '1' })).rejects.toMatchObject({
      code: 'SIDECAR_CALL_STATUS',
      status: 200,
      body: { code: 5001 },
      message: expect.stringContaining('code 5001: stock is out'),
    })
  })
})

describe('result', () => {
  test.each([
    ['plain', []],
    ['through interceptors', [(request, next) => next(request)]],
  ] as [string, Interceptor[]][])('K37: a whole answer, whatever its status: %s', async (_, interceptors) => {
    const { provider } = await serving(({ url }, response) => {
      const status = url.endsWith('0') ? 409 : 200
      response
        .writeHead(status, { 'content-type': 'application/json', etag: '"1"' })
        .end('{"code":0,"data":{"id":"7"}}')
    })
    const users = client({ result: 'response', unwrap: true, interceptors })
    expect(await users.get({ id: '1' })).toMatchObject({
      status: 200,
      headers: { etag: '"1"' },
      body: { id: '7' },
      instance: { port: provider.port },
      attempts: 1,
    })
    expect(await users.get({ id: '0' })).toMatchObject({ status: 409, body: { code: 0 } })
    const schema = z.object({ id: z.coerce.number() })
    const checked = client({ result: 'response', unwrap: true, validate: schema, interceptors })
    expect(await checked.get({ id: '1' })).toMatchObject({ status: 200, body: { id: 7 } })
    expect(await checked.head({ id: '1' })).toMatchObject({ status: 200, headers: { etag: '"1"' } })
  })
})

describe('queryStyle', () => {
  test.each([
    [{}, { a: [1, 2] }, 'a=1&a=2'],
    [{ arrays: 'comma' }, { a: [1, 'b,c', null], b: [] }, 'a=1,b%2Cc'],
    [{ arrays: 'brackets' }, { a: [1, 2] }, 'a%5B%5D=1&a%5B%5D=2'],
    [{ objects: 'dots' }, { page: { size: 20, sort: { by: 'name' }, none: null } }, 'page.size=20&page.sort.by=name'],
    [{ objects: 'brackets', arrays: 'comma' }, { f: { ids: [1, 2] } }, 'f%5Bids%5D=1,2'],
  ] as const)('K37: %j', async (queryStyle, query, text) => {
    const { provider } = await serving()
    await client({ queryStyle }).get({ id: '1', query })
    await client({ queryStyle }).get({ id: '1', ...query })
    expect(provider.seen.map(({ url }) => url)).toEqual(Array(2).fill(`/users/1?${text}`))
  })

  test('K37: objects are refused unless a style is set, and circles always', async () => {
    const { provider } = await serving()
    const circle: { self?: unknown } = {}
    circle.self = circle
    await expect(client().get({ id: '1', query: { a: {} } })).rejects.toMatchObject({ code: 'SIDECAR_CALL_INVALID' })
    await expect(client({ queryStyle: { objects: 'dots' } }).get({ id: '1', query: { circle } })).rejects.toMatchObject(
      {
        code: 'SIDECAR_CALL_INVALID',
      },
    )
    expect(provider.seen).toHaveLength(0)
  })
})

describe('validate', () => {
  const schema = z.object({ id: z.coerce.number() })

  test('checks and transforms, after unwrap', async () => {
    await serving((_, response) => json(response, { code: 0, data: { id: '7' } }))
    expect(await client({ unwrap: true, validate: schema }).get({ id: '1' })).toEqual({ id: 7 })
  })

  test('says what does not fit', async () => {
    await serving((_, response) => json(response, { id: 'x' }))
    await expect(client({ validate: schema }).get({ id: '1' })).rejects.toMatchObject({
      code: 'SIDECAR_CALL_BODY',
      body: { id: 'x' },
      message: expect.stringContaining('id: '),
    })
  })
})

describe('json', () => {
  /** What json-bigint does, as far as it matters here. */
  const codec = {
    parse: (text: string) =>
      JSON.parse(text.replace(/:(\d{16,})/g, ':"$1n"'), (_, value: unknown) =>
        typeof value === 'string' && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value,
      ) as unknown,
    stringify: (value: unknown) =>
      JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? `${inner}n` : inner)).replace(
        /"(\d+)n"/g,
        '$1',
      ),
  }
  const text = '{"id":1234567890123456789}'
  const long = { id: 1234567890123456789n }

  test('reads and writes what JSON would round', async () => {
    const { provider } = await serving((_, response) => answer(response, text))
    expect(await client({ json: codec }).create({ body: long })).toEqual(long)
    expect(provider.seen[0]).toMatchObject({ body: text, headers: { 'content-type': 'application/json' } })
  })

  test('in errors and for interceptors too', async () => {
    await serving((_, response) => answer(response, text, 409))
    const seen = vi.fn()
    const layer: Interceptor = async (request, next) => {
      const response = await next(request)
      seen(response.body)
      return response
    }
    await expect(client({ json: codec, interceptors: [layer] }).get({ id: '1' })).rejects.toMatchObject({ body: long })
    expect(seen).toHaveBeenCalledWith(long)
    await expect(client({ json: codec }).get({ id: '1' })).rejects.toMatchObject({ body: long })
  })

  function answer(response: ServerResponse, body: string, status = 200) {
    response.writeHead(status, { 'content-type': 'application/json' }).end(body)
  }
})

describe('interceptors', () => {
  test('are layers: client outside, method inside, the request going in and the response coming out', async () => {
    const { provider } = await serving()
    const steps: string[] = []
    const layer =
      (name: string): Interceptor =>
      async (request, next) => {
        steps.push(`${name} in`)
        const response = await next({ ...request, headers: { ...request.headers, [`x-${name}`]: '1' } })
        steps.push(`${name} out ${response.status}`)
        return response
      }
    await client({ interceptors: [layer('a'), layer('b')] }, { interceptors: [layer('c')] }).get({ id: '1' })
    expect(steps).toEqual(['a in', 'b in', 'c in', 'c out 200', 'b out 200', 'a out 200'])
    expect(provider.seen[0]!.headers).toMatchObject({ 'x-a': '1', 'x-b': '1', 'x-c': '1' })
  })

  test('see the call, and may change path, body and result', async () => {
    const { provider } = await serving()
    const seen = vi.fn()
    const change: Interceptor = async (request, next) => {
      seen(request)
      const response = await next({ ...request, path: '/v2/users', body: { ...(request.body as object), b: 2 } })
      return { ...response, body: [response.body] }
    }
    const result = await client({ headers: { 'X-Tenant': 'blue' }, interceptors: [change] }).create({ body: { a: 1 } })
    expect(seen.mock.calls[0]![0]).toMatchObject({
      service: 'user-service',
      method: 'POST',
      path: '/users',
      body: { a: 1 },
      headers: { 'x-tenant': 'blue', accept: expect.any(String) },
    })
    expect(provider.seen[0]).toMatchObject({ url: '/v2/users', body: '{"a":1,"b":2}' })
    expect(result).toEqual([expect.objectContaining({ url: '/v2/users' })])
  })

  test.each([
    [{ interceptors: ['x'] }, /^interceptors of user-service: expected a list of functions/],
    [{ interceptors: () => 1 }, /^interceptors of user-service: expected a list of functions/],
    [{ validate: () => true }, /^validate of user-service: expected a schema of zod/],
  ])('K24: %j is refused before any call', async (options, message) => {
    await serving()
    const refused = async () => client(options as unknown as ClientOptions).get({ id: '1' })
    await expect(refused()).rejects.toMatchObject({
      code: 'SIDECAR_CLIENT_INVALID',
      message: expect.stringMatching(message),
    })
  })

  test('one that forgets to return gets an error', async () => {
    await serving()
    const forgetful = async (...[request, next]: Parameters<Interceptor>) => {
      await next(request)
    }
    const interceptors = [forgetful as unknown as Interceptor]
    await expect(client({ interceptors }).get({ id: '1' })).rejects.toMatchObject({
      code: 'SIDECAR_CLIENT_INVALID',
      message: expect.stringMatching(/GET of user-service .*\(get\): an interceptor returned no response/),
    })
  })

  test.each([
    ['nothing', undefined, /asks for a undefined/],
    ['no path', { headers: {} }, /asks for a undefined/],
    ['a path that is none', { path: 5 }, /asks for a number/],
    [
      'headers that cannot be read',
      { path: '/x', headers: { [Symbol.iterator]: () => 1 } },
      /an argument cannot be read/,
    ],
  ])('G10: an interceptor that passes %s on is SIDECAR_CALL_INVALID', async (_, request, why) => {
    const { provider } = await serving()
    const layer: Interceptor = (_request, next) => next(request as never)
    const error = (await client({ interceptors: [layer] })
      .get({ id: '1' })
      .catch((reason: unknown) => reason)) as Error
    expect(error).toMatchObject({ code: 'SIDECAR_CALL_INVALID', message: expect.stringMatching(why) })
    expect(provider.seen).toHaveLength(0)
  })

  test('K32: timeoutMs covers the interceptors, and the request that one of them let through', async () => {
    const { provider } = await serving(() => {})
    const slow: Interceptor = async (request, next) => {
      await new Promise((resolve) => setTimeout(resolve, 20_000).unref())
      return next(request)
    }
    const start = performance.now()
    await expect(client({ interceptors: [slow] }).get({ id: '1', timeoutMs: 60 })).rejects.toMatchObject({
      code: 'SIDECAR_CALL_TIMEOUT',
      attempts: 0,
      message: expect.stringContaining('60 ms'),
    })
    expect(performance.now() - start).toBeLessThan(10_000)
    const through: Interceptor = (request, next) => next({ ...request, timeoutMs: 60_000 })
    await expect(client({ interceptors: [through], timeoutMs: 60 }).get({ id: '1' })).rejects.toMatchObject({
      code: 'SIDECAR_CALL_TIMEOUT',
      attempts: 1,
    })
    expect(provider.seen.length).toBeLessThanOrEqual(1) // it may not have got that far in 60 ms
  })

  test('K32: an abort is heard at once, and nothing is sent after it', async () => {
    const { provider } = await serving()
    const abort = new AbortController()
    let go = () => {}
    let asked: Promise<unknown> | undefined
    const waiting: Interceptor = async (request, next) => {
      await new Promise<void>((resolve) => (go = resolve))
      asked = next(request)
      return asked as ReturnType<typeof next>
    }
    const call = client({ interceptors: [waiting] }).get({ id: '1', signal: abort.signal })
    abort.abort(new Error('enough'))
    await expect(call).rejects.toMatchObject({ code: 'SIDECAR_CALL_ABORTED', cause: { message: 'enough' } })
    go()
    await expect.poll(() => asked !== undefined).toBe(true)
    await expect(asked).rejects.toMatchObject({ code: 'SIDECAR_CALL_ABORTED' })
    expect(provider.seen).toHaveLength(0)
  })

  test('may drop a header', async () => {
    const { provider } = await serving()
    const drop: Interceptor = ({ headers: { 'x-tenant': _, ...headers }, ...request }, next) =>
      next({ ...request, headers })
    await client({ headers: { 'X-Tenant': 'blue' }, interceptors: [drop] }).get({ id: '1' })
    expect(provider.seen[0]!.headers).not.toHaveProperty('x-tenant')
  })

  test('see a bad status, and may try again', async () => {
    let count = 0
    const { provider } = await serving((_, response) => json(response, {}, count++ === 0 ? 401 : 200))
    const login: Interceptor = async (request, next) => {
      const response = await next(request)
      return response.status === 401 ? next({ ...request, headers: { authorization: 'Bearer fresh' } }) : response
    }
    expect(await client({ interceptors: [login] }).get({ id: '1' })).toEqual({})
    expect(provider.seen[1]!.headers.authorization).toBe('Bearer fresh')
  })

  test('may answer by themselves', async () => {
    const { provider } = await serving()
    const cached =
      (status: number): Interceptor =>
      () => ({ status, headers: {}, body: 'cached', attempts: 0 })
    expect(await client({ interceptors: [cached(200)] }).get({ id: '1' })).toBe('cached')
    await expect(client({ interceptors: [cached(418)] }).get({ id: '1' })).rejects.toMatchObject({
      status: 418,
      body: 'cached',
      attempts: 0,
    })
    expect(provider.seen).toHaveLength(0)
  })

  test.each(['http://evil.example/', '//evil.example/', 'x', '/a/../b', '/a/%2e%2E/b', '/a\r\nb'])(
    'cannot make the path %j',
    async (path) => {
      const { provider } = await serving()
      const evil: Interceptor = (request, next) => next({ ...request, path })
      await expect(client({ interceptors: [evil] }).get({ id: '1' })).rejects.toMatchObject({
        code: 'SIDECAR_CALL_INVALID',
      })
      expect(provider.seen).toHaveLength(0)
    },
  )
})

describe('fallback', () => {
  test('a function, called with the error and the call', async () => {
    startMesh()
    const fallback = vi.fn(() => 'default')
    expect(await client({ fallback }).get({ id: '1' })).toBe('default')
    expect(fallback).toHaveBeenCalledWith(expect.objectContaining({ code: 'SIDECAR_NO_INSTANCE' }), {
      method: 'get',
      args: [{ id: '1' }],
    })
  })

  test('an object whose methods stand for the client’s', async () => {
    startMesh()
    const fallback = { get: (p: { id: string }) => `nobody called ${p.id}` }
    const users = client({ fallback })
    expect(await users.get({ id: '1' })).toBe('nobody called 1')
    await expect(users.create({ body: 1 })).rejects.toMatchObject({ code: 'SIDECAR_NO_INSTANCE' })
  })

  test('not for the caller’s own mistake or abort', async () => {
    await serving()
    const users = client({ fallback: () => 'default' })
    await expect(users.get({ id: '' })).rejects.toMatchObject({ code: 'SIDECAR_CALL_INVALID' })
    await expect(users.get({ id: '1', signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'SIDECAR_CALL_ABORTED',
    })
  })
})

describe('settings', () => {
  test('feign.client.<name> beats feign.client.default; code beats both', async () => {
    const { provider } = await serving(undefined, {
      feign: {
        client: {
          default: { headers: { 'X-A': 'default', 'X-B': 'default', 'X-C': 'default' } },
          'user-service': { headers: { 'x-b': 'named', 'x-c': 'named' } },
        },
      },
    })
    await client({ headers: { 'X-C': 'code' } }).get({ id: '1', headers: { 'X-D': 'call' } })
    expect(provider.seen[0]!.headers).toMatchObject({ 'x-a': 'default', 'x-b': 'named', 'x-c': 'code', 'x-d': 'call' })
  })

  test('a url in bootstrap.yml overrides discovery', async () => {
    const provider = await startProvider()
    const mesh = startMesh({ feign: { client: { 'user-service': { url: `${provider.origin}/base/` } } } })
    await client({ path: '/v1' }).get({ id: '1' })
    expect(provider.seen[0]!.url).toBe('/base/v1/users/1')
    expect(mesh.registry.asked).toHaveLength(0)
  })

  test('a balancer by name; an unknown one is an error that lists those there are', async () => {
    const { mesh, provider } = await serving(undefined, { feign: { client: { 'user-service': { balancer: 'last' } } } })
    const other = await startProvider()
    registerBalancer('last', (instances) => ({
      pick: () => ({ instance: instances.find((i) => i.port === provider.port)!, done() {} }),
    }))
    mesh.registry.set('user-service', instance('user-service', other.port), instance('user-service', provider.port))
    for (let i = 0; i < 4; i++) await client().get({ id: '1' })
    expect(provider.seen).toHaveLength(4)
    await expect(client({ balancer: 'nope' }).get({ id: '1' })).rejects.toThrow(
      /no balancer "nope"; known are round-robin, random/,
    )
  })
})

describe('url', () => {
  test.each([
    ['ftp://h/', /scheme ftp:/],
    ['http://user:canary@h/', /credentials/],
    ['http://h/?a=1', /query/],
    ['http://', /is not a URL/],
  ])('refuses %j', (url, why) => {
    expect(() => client({ url })).toThrow(why)
    expect(() => client({ url })).not.toThrow(/canary/)
  })

  test('needs no name, and names itself in errors', async () => {
    startMesh()
    const provider = await startProvider((_, response) => json(response, {}, 500))
    const { get } = defineClient({ url: provider.origin.slice('http://'.length) }, { get: GET('/x') })
    await expect(get()).rejects.toMatchObject({ status: 500, url: `${provider.origin}/x`, instance: undefined })
  })
})

describe('the caller’s context', () => {
  const context = {
    token: 'caller-token',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    tracestate: 'a=b',
  }

  test('travels to discovered services', async () => {
    const { provider } = await serving()
    await runWithContext(context, () => client().get({ id: '1' }))
    expect(provider.seen[0]!.headers).toMatchObject({
      authorization: 'Bearer caller-token',
      traceparent: context.traceparent,
      tracestate: 'a=b',
    })
    await client().get({ id: '1' })
    expect(provider.seen[1]!.headers).not.toHaveProperty('authorization')
  })

  test('a header of the client or the call wins', async () => {
    const { provider } = await serving()
    await runWithContext(context, () =>
      client().get({ id: '1', headers: { Authorization: 'Basic own', Traceparent: 'mine' } }),
    )
    expect(provider.seen[0]!.headers).toMatchObject({ authorization: 'Basic own', traceparent: 'mine' })
    expect(provider.seen[0]!.headers).not.toHaveProperty('tracestate')
  })

  test('through interceptors as well', async () => {
    const { provider } = await serving()
    await runWithContext(context, () => client({ interceptors: [(request, next) => next(request)] }).get({ id: '1' }))
    expect(provider.seen[0]!.headers.authorization).toBe('Bearer caller-token')
  })
})
