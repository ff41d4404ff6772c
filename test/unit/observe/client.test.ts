import { defineClient, FeignError, GET, runWithContext, type OperationStats } from 'nacos-sidecar'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { callStyles } from '../../support/call-styles.js'
import { instance, json, startMesh, startProvider, type Mesh, type Seen } from '../../support/mesh.js'
import { closedPort } from '../../support/mesh.js'
import type { ServerResponse } from 'node:http'

type Answer = (request: Seen, response: ServerResponse) => void

/** A service whose providers answer so; `figures` are those of the calls. */
async function setUp(settings: object, ...answers: Answer[]) {
  const mesh = startMesh(settings)
  const providers = await Promise.all(answers.map((answer) => startProvider(answer)))
  mesh.registry.set('user-service', ...providers.map(({ port }) => instance('user-service', port)))
  return { mesh, providers, figures: () => figuresOf(mesh) }
}

const figuresOf = ({ runtime }: Mesh): OperationStats[] =>
  runtime.recorder.stats().filter(({ kind }) => kind === 'client')

const only = (figures: readonly OperationStats[]) => {
  expect(figures).toHaveLength(1)
  return figures[0]!
}
const ok: Answer = (_, response) => json(response, {})
const status =
  (code: number): Answer =>
  (_, response) =>
    json(response, {}, code)

describe.each(Object.entries(callStyles))('%s', (style, create) => {
  const typed = style === 'typed client'
  const name = (verb: string) => (typed ? `${verb} user-service/{path}` : `${verb} user-service`)

  test('each call counts once, by its method and service; a path is no name', async () => {
    const { figures } = await setUp({}, ok)
    const call = create('user-service')
    for (let n = 0; n < 5; n++) await call('GET', `/users${n}?token=canary`)
    await call('POST', '/canary', { password: 'canary' })
    await vi.waitFor(() => expect(figures()).toHaveLength(2))
    expect(figures()).toMatchObject([
      { name: name('GET'), count: 5, errors: 0, attempts: 5 },
      { name: name('POST'), count: 1, errors: 0, attempts: 1 },
    ])
    expect(JSON.stringify(figures())).not.toContain('canary')
  })

  test('a call that is repeated is one call of two attempts', async () => {
    const { mesh, providers, figures } = await setUp({}, ok)
    mesh.registry.set(
      'user-service',
      instance('user-service', await closedPort()),
      ...providers.map(({ port }) => instance('user-service', port)),
    )
    const call = create('user-service')
    for (let n = 0; n < 2; n++) await call('GET', '/a')
    expect(only(figures())).toMatchObject({ count: 2, errors: 0, attempts: 3 })
  })

  test('a 5xx is a failure, with its status, its instance and the trace of the request', async () => {
    const { providers, figures } = await setUp({}, status(500))
    const call = create('user-service')
    const trace = '0af7651916cd43dd8448eb211c80319c'
    const traceparent = `00-${trace}-b7ad6b7169203331-01`
    await runWithContext({ traceparent }, () => call('GET', '/a')).catch(() => {})
    await vi.waitFor(() => expect(figures()).toHaveLength(1))
    const failed = only(figures())
    expect(failed).toMatchObject({ count: 1, errors: 1, samples: [] })
    expect(failed.errorSamples).toMatchObject([
      { status: 500, traceId: trace, instance: `127.0.0.1:${providers[0]!.port}` },
    ])
  })

  test('a status that `sidecar.observe.expected` names is no failure', async () => {
    const { figures } = await setUp(
      { sidecar: { observe: { expected: [503] } }, feign: { client: { default: { retry: 0 } } } },
      status(503),
    )
    await create('user-service')('GET', '/a').catch(() => {})
    await vi.waitFor(() => expect(figures()).toHaveLength(1))
    expect(only(figures())).toMatchObject({ count: 1, errors: 0 })
  })

  test('no instance and no connection are failures with a code', async () => {
    const { mesh, figures } = await setUp({})
    const call = create('user-service')
    await expect(call('GET', '/a')).rejects.toThrow()
    mesh.registry.set('other-service', instance('other-service', await closedPort()))
    await expect(create('other-service')('GET', '/a')).rejects.toThrow()
    const [none, refused] = figures()
    expect(none).toMatchObject({ count: 1, errors: 1, attempts: 0, errorSamples: [{ code: 'SIDECAR_NO_INSTANCE' }] })
    expect(refused).toMatchObject({ count: 1, errors: 1, errorSamples: [{ code: expect.any(String) as string }] })
  })

  test('a service at a fixed URL counts too', async () => {
    const mesh = startMesh({ feign: { client: { 'user-service': { url: (await startProvider(ok)).origin } } } })
    await create('user-service')('GET', '/a')
    await vi.waitFor(() => expect(figuresOf(mesh)).toHaveLength(1))
    expect(only(figuresOf(mesh))).toMatchObject({ name: name('GET'), count: 1, errors: 0, attempts: 1 })
  })
})

describe('a typed client', () => {
  const byId = (options: object = {}) =>
    defineClient(
      { name: 'user-service', path: '/api', ...options },
      { get: GET('/users/{id}?view=full').as<(p: { id: number; signal?: AbortSignal }) => Promise<unknown>>() },
    )

  test('has the template of its path in the name, without a query', async () => {
    const { figures } = await setUp({}, ok)
    await byId().get({ id: 7 })
    expect(only(figures()).name).toBe('GET user-service/api/users/{id}')
  })

  test('fails where it rejects, unless its `expected` says that this is to be expected', async () => {
    const { figures } = await setUp({}, status(404))
    await byId()
      .get({ id: 7 })
      .catch(() => {})
    expect(only(figures())).toMatchObject({
      ...{ count: 1, errors: 1, errorSamples: [{ status: 404, code: 'SIDECAR_CALL_STATUS' }] },
    })
    const expected = (error: unknown) => error instanceof FeignError && error.status === 404
    await byId({ expected })
      .get({ id: 7 })
      .catch(() => {})
    await byId({ expected: () => { throw new Error('mine') } }).get({ id: 7 }).catch(() => {}) // prettier-ignore
    await byId({ decode404: true }).get({ id: 7 })
    expect(only(figures())).toMatchObject({ count: 4, errors: 2 })
    expect(() => byId({ expected: 404 })).toThrow('expected a function')
  })

  test('what its caller gives up is no failure; what takes too long is one', async () => {
    const { figures } = await setUp({}, () => {})
    const given = new AbortController()
    const call = byId().get({ id: 7, signal: given.signal })
    await pause(5)
    given.abort()
    await call.catch(() => {})
    expect(only(figures())).toMatchObject({ count: 1, errors: 0, samples: [{ code: 'SIDECAR_CALL_ABORTED' }] })
    await byId({ timeoutMs: 20 })
      .get({ id: 7 })
      .catch(() => {})
    expect(only(figures())).toMatchObject({ count: 2, errors: 1, errorSamples: [{ code: 'SIDECAR_CALL_TIMEOUT' }] })
  })

  test('what an interceptor repeats is one call, and what the answer is found to be decides', async () => {
    let broken = true
    const { figures } = await setUp({}, (_, response) => json(response, {}, broken ? 500 : 200))
    const again = async (request: never, next: (request: never) => Promise<{ status: number }>) => {
      const first = await next(request)
      if (first.status < 500) return first
      broken = false
      return next(request)
    }
    await byId({ interceptors: [again] }).get({ id: 7 })
    expect(only(figures())).toMatchObject({ count: 1, errors: 0, attempts: 2 })
    const schema = { '~standard': { validate: async () => ({ issues: [{ message: 'no' }] }) } }
    await byId({ validate: schema })
      .get({ id: 7 })
      .catch(() => {})
    expect(only(figures())).toMatchObject({ count: 2, errors: 1, errorSamples: [{ code: 'SIDECAR_CALL_BODY' }] })
  })

  test('a call that an open circuit refuses is a failed call of no attempt', async () => {
    const { figures } = await setUp({}, status(500))
    const client = byId({ breaker: { failures: 1, openForMs: 60_000 }, retry: 0 })
    for (let n = 0; n < 3; n++) await client.get({ id: 7 }).catch(() => {})
    expect(only(figures())).toMatchObject({ count: 3, errors: 3, attempts: 1 })
    expect(only(figures()).errorSamples.map(({ code }) => code)).toContain('SIDECAR_CIRCUIT_OPEN')
  })
})

test('switched off, a call writes nothing', async () => {
  const { figures } = await setUp({ sidecar: { observe: { enabled: false } } }, ok)
  for (const create of Object.values(callStyles)) await create('user-service')('GET', '/a')
  expect(figures()).toEqual([])
})
