import type { ServerResponse } from 'node:http'
import { type ClientOptions, defineClient, type FeignError, GET, POST, runWithContext } from 'nacos-sidecar'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { activeRuntime } from '../../../src/calls/active-runtime.js'
import { createFetch } from '../../../src/http/fetch.js'
import { formatDrainHeader } from '../../../src/drain-header.js'
import { callStyles, typedCall } from '../../support/call-styles.js'
import { instance, json, startMesh, startProvider, type Provider } from '../../support/mesh.js'

async function versions(settings: object = {}) {
  const mesh = startMesh(settings)
  const providers = await Promise.all([startProvider(), startProvider(), startProvider()])
  const of = (provider: Provider, version: string) => instance('user-service', provider.port, { metadata: { version } })
  mesh.registry.set('user-service', of(providers[0]!, '1'), of(providers[1]!, '1'), of(providers[2]!, '2'))
  const shares = () => providers.map(({ seen }) => seen.length)
  return { mesh, providers, shares }
}

const client = (options: ClientOptions = {}) =>
  defineClient(
    { name: 'user-service', ...options },
    {
      byId: GET('/users/{id}').as<(p: { id: string; tenant?: string }) => Promise<{ port: number }>>(),
      make: POST('/users'),
    },
  )

describe('which instances', () => {
  test('a filter and a version, in code and in bootstrap.yml', async () => {
    const { shares } = await versions({ feign: { client: { 'user-service': { version: '2' } } } })
    for (let i = 0; i < 4; i++) await client().byId({ id: '1' })
    expect(shares()).toEqual([0, 0, 4])
    for (let i = 0; i < 4; i++) await client({ version: '1' }).byId({ id: '1' })
    expect(shares()).toEqual([2, 2, 4])
    const filter = { version: '1' }
    for (let i = 0; i < 4; i++)
      await client({ version: undefined, filter: filter })
        .byId({ id: '1' })
        .catch(() => {})
    expect(shares()).toEqual([2, 2, 4]) // version 2 of the file and version 1 of the code: none
  })

  test('no instance fits', async () => {
    await versions()
    await expect(client({ version: '9' }).byId({ id: '1' })).rejects.toMatchObject({
      code: 'SIDECAR_NO_INSTANCE',
      message: expect.stringContaining('version=9: none of the 3 usable instances does'),
    })
  })

  test.each(Object.entries(callStyles))('the request’s version steers, and travels on: %s', async (_, open) => {
    const { providers, shares } = await versions({ feign: { client: { 'user-service': { version: '1' } } } })
    const call = open('user-service')
    for (let i = 0; i < 3; i++) await runWithContext({ version: '2' }, () => call('GET', '/x'))
    expect(shares()).toEqual([0, 0, 3])
    expect(providers[2]!.seen[0]!.headers['x-sidecar-version']).toBe('2')
    for (let i = 0; i < 4; i++) await runWithContext({ version: '3' }, () => call('GET', '/x'))
    expect(shares()).toEqual([2, 2, 3])
    await runWithContext({ version: '1\r\nx: y' }, () => call('GET', '/x'))
    const sent = providers.flatMap(({ seen }) => seen.map(({ headers }) => headers['x-sidecar-version']))
    expect(sent.sort()).toEqual(['2', '2', '2', '3', '3', '3', '3', undefined])
  })

  test('the header has another name, or none', async () => {
    const { providers } = await versions({ sidecar: { versionHeader: 'X-Lane' } })
    await runWithContext({ version: '2' }, () => client().byId({ id: '1' }))
    expect(providers[2]!.seen[0]!.headers['x-lane']).toBe('2')
  })
})

describe('consistent hash', () => {
  test('by a variable of the path, alone and in bootstrap.yml', async () => {
    const { shares } = await versions({ feign: { client: { 'user-service': { hashBy: 'path:id' } } } })
    const users = client()
    const first = new Map<string, number>()
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 100; i++) {
        const { port } = await users.byId({ id: `u${i}`, tenant: String(round) })
        expect(port).toBe(first.get(`u${i}`) ?? port)
        first.set(`u${i}`, port)
      }
    }
    for (const share of shares()) expect(share).toBeGreaterThan(0)
  })
})

describe('a local override', () => {
  test.each(Object.entries(callStyles))('feign.client.<name>.url stands for the service: %s', async (_, open) => {
    const local = await startProvider()
    const { mesh, shares } = await versions({ feign: { client: { 'user-service': { url: `${local.origin}/base` } } } })
    await runWithContext({ token: 'secret' }, () => open('user-service')('GET', '/x'))
    expect(local.seen.map(({ url }) => url)).toEqual(['/base/x'])
    expect(local.seen[0]!.headers).not.toHaveProperty('authorization')
    expect(shares()).toEqual([0, 0, 0])
    expect(mesh.registry.asked).toEqual([])
  })
})

describe('an answer of 503', () => {
  async function half(status: number) {
    const mesh = startMesh()
    const failing = await startProvider((_, response) => json(response, { failing: true }, status))
    const healthy = await startProvider()
    mesh.registry.set('orders', instance('orders', failing.port), instance('orders', healthy.port))
    return { failing, healthy }
  }

  test.each([502, 503, 504])('%i: an idempotent call asks another instance', async (status) => {
    const { failing, healthy } = await half(status)
    const call = typedCall('orders')
    for (let i = 0; i < 6; i++) expect(await call('GET', '/x')).toMatchObject({ port: healthy.port })
    expect(failing.seen.length).toBeGreaterThanOrEqual(3)
  })

  test.each([
    ['POST', 503, {}],
    ['GET', 500, {}],
    ['GET', 503, { retry: 0 }],
  ] as const)('%s, %i, %j: the answer is the caller’s', async (method, status, options) => {
    await half(status)
    const call = typedCall('orders', options)
    const results = await Promise.allSettled([call(method, '/x'), call(method, '/x')])
    expect(results.map((each) => each.status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  test('no other instance: the answer stands, after one request', async () => {
    const mesh = startMesh()
    const failing = await startProvider((_, response) => json(response, { failing: true }, 503))
    mesh.registry.set('orders', instance('orders', failing.port))
    await expect(typedCall('orders')('GET', '/x')).rejects.toMatchObject({
      status: 503,
      body: { failing: true },
      attempts: 1,
    })
    expect(failing.seen).toHaveLength(1)
  })
})

describe('an instance that leaves and says so', () => {
  const each = Object.entries(callStyles).flatMap(([name, open]) =>
    [200, 404, 503].map((status) => ({ name, open, status })),
  )

  async function startBoth(answer: (response: ServerResponse) => void) {
    const mesh = startMesh()
    const leaving = await startProvider(({ port }, response) => {
      response.setHeader('X-Sidecar-Leaving', formatDrainHeader({ ip: '127.0.0.1', port }, 10_000))
      answer(response)
    })
    const staying = await startProvider()
    mesh.registry.set('user-service', instance('user-service', leaving.port), instance('user-service', staying.port))
    return () => [leaving.seen.length, staying.seen.length]
  }

  test.each(each)('is not called again: $name, $status', async ({ open, status }) => {
    const shares = await startBoth((response) => json(response, {}, status))
    const call = open('user-service')
    for (let i = 0; i < 6; i++) await call('POST', '/x', {}).catch(() => {})
    expect(shares()).toEqual([1, 5])
  })

  test('is not, from the head of its answer on: the body may stay unread', async () => {
    const shares = await startBoth((response) => void response.writeHead(200).write('the beginning'))
    const fetch = createFetch(activeRuntime)
    for (let i = 0; i < 6; i++) await fetch('http://user-service/x', { method: 'POST' })
    expect(shares()).toEqual([1, 5])
  })
})

describe('attemptTimeoutMs', () => {
  test('an instance that hangs costs so long, and another one answers', async () => {
    const mesh = startMesh({ feign: { client: { orders: { attemptTimeout: 500, timeout: 20_000 } } } })
    const hung = await startProvider(() => {})
    const healthy = await startProvider()
    mesh.registry.set('orders', instance('orders', hung.port), instance('orders', healthy.port))
    const call = typedCall('orders')
    for (let i = 0; i < 2; i++) expect(await call('GET', '/x')).toMatchObject({ port: healthy.port })
    expect(hung.seen.length).toBeGreaterThan(0)
    const results = await Promise.allSettled([call('POST', '/x'), call('POST', '/x')])
    const failed = results.filter((each): each is PromiseRejectedResult => each.status === 'rejected')
    expect(failed.map(({ reason }) => (reason as FeignError).code)).toEqual(['SIDECAR_CALL_TIMEOUT'])
  })
})

describe('a circuit breaker', () => {
  test('opens after failures in a row, refuses without sending, and closes again', async () => {
    const mesh = startMesh({ feign: { client: { orders: { breaker: { failures: 3, openFor: 60_000 } } } } })
    let status = 500
    const provider = await startProvider((_, response) => json(response, { status }, status))
    mesh.registry.set('orders', instance('orders', provider.port))
    const call = typedCall('orders')
    for (let i = 0; i < 3; i++) await expect(call('GET', '/x')).rejects.toMatchObject({ status: 500 })
    const refused = { code: 'SIDECAR_CIRCUIT_OPEN', attempts: 0, service: 'orders', method: 'GET', url: '/x' }
    await expect(call('GET', '/x')).rejects.toMatchObject(refused)
    // One circuit a service: another client of it is refused as well, and may fall back.
    const fallback = vi.fn(() => 'stand-in')
    expect(await typedCall('orders', { fallback })('POST', '/y')).toBe('stand-in')
    expect(provider.seen).toHaveLength(3)

    status = 200
    onTestFinished(() => void vi.useRealTimers())
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60_000 })
    expect(await call('GET', '/x')).toEqual({ status: 200 })
    expect(await call('POST', '/x')).toEqual({ status: 200 })
  })

  test('a caller’s own deadline that passes is no answer, too; a caller that changes its mind says nothing', async () => {
    const mesh = startMesh()
    const mute = await startProvider(() => {})
    mesh.registry.set('orders', instance('orders', mute.port))
    const orders = defineClient(
      { name: 'orders', breaker: { failures: 2 } },
      { one: GET('/x').as<(p: { signal: AbortSignal }) => Promise<unknown>>() },
    )
    const codeOf = (signal: AbortSignal) => orders.one({ signal }).catch((error: FeignError) => error.code)
    for (let i = 0; i < 3; i++) expect(await codeOf(AbortSignal.abort())).toBe('SIDECAR_CALL_ABORTED')
    for (let i = 0; i < 2; i++) expect(await codeOf(AbortSignal.timeout(20))).toBe('SIDECAR_CALL_ABORTED')
    expect(await codeOf(AbortSignal.timeout(20))).toBe('SIDECAR_CIRCUIT_OPEN')
  })

  test('a 404 and a caller’s own mistakes are not failures of the service', async () => {
    const mesh = startMesh()
    const provider = await startProvider((_, response) => json(response, {}, 404))
    mesh.registry.set('orders', instance('orders', provider.port))
    const call = typedCall('orders', { breaker: { failures: 2 } })
    for (let i = 0; i < 6; i++) await expect(call('GET', '/x')).rejects.toMatchObject({ status: 404 })
    for (let i = 0; i < 6; i++) await expect(call('GET', '/..')).rejects.toMatchObject({ code: 'SIDECAR_CALL_INVALID' })
    expect(provider.seen).toHaveLength(6)
  })
})

describe('a caller that ends its calls', () => {
  async function setUp() {
    const mesh = startMesh()
    const hung = await startProvider(() => {})
    const healthy = await startProvider()
    mesh.registry.set('orders', instance('orders', hung.port), instance('orders', healthy.port))
    const orders = defineClient('orders', { one: GET('/x').as<(p: { signal: AbortSignal }) => Promise<unknown>>() })
    const fetch = createFetch(activeRuntime)
    const calls = {
      'typed client': (signal: AbortSignal) => orders.one({ signal }),
      fetch: async (signal: AbortSignal) => (await fetch('http://orders/x', { signal })).text(),
    }
    return { calls, ejected: () => mesh.events.filter(([event]) => event === 'ejected').length }
  }

  test.each(['typed client', 'fetch'] as const)('by an abort ejects no instance: %s', async (name) => {
    const { calls, ejected } = await setUp()
    for (let i = 0; i < 20; i++) {
      const abort = new AbortController()
      setTimeout(() => abort.abort(), 15)
      await calls[name](abort.signal).catch(() => {})
    }
    expect(ejected()).toBe(0)
  })

  test.each(['typed client', 'fetch'] as const)(
    'by a timeout counts as a failure of the instance: %s',
    async (name) => {
      const { calls, ejected } = await setUp()
      for (let i = 0; i < 20; i++) await calls[name](AbortSignal.timeout(30)).catch(() => {})
      expect(ejected()).toBe(1)
    },
  )
})
