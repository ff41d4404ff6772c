import { type ClientOptions, defineClient, GET, POST, runWithContext } from 'nacos-sidecar'
import { describe, expect, test } from 'vitest'
import { closedPort, instance, startMesh, startProvider } from '../support/mesh.js'

const context = { token: 'canary-token', traceparent: '00-canary-b-01', tracestate: 'canary=1' }
const inside = <T>(fn: () => Promise<T>) => runWithContext(context, fn)

describe('attack: stolen Authorization', () => {
  test('the token goes to discovered services', async () => {
    const mesh = startMesh()
    const provider = await startProvider()
    mesh.registry.set('user-service', instance('user-service', provider.port))
    await inside(() => defineClient('user-service', { get: GET('/') }).get())
    expect(provider.seen[0]!.headers.authorization).toBe('Bearer canary-token')
  })

  test.each<[string, ClientOptions]>([
    ['in code', {}],
    ['with a name beside it', { name: 'user-service' }],
  ])('and not to a fixed url %s: no token, no trace', async (_, options) => {
    startMesh()
    const provider = await startProvider()
    await inside(() => defineClient({ ...options, url: provider.origin }, { get: GET('/') }).get())
    expect(JSON.stringify(provider.seen)).not.toContain('canary')
  })

  test('nor to a url that bootstrap.yml puts in the place of discovery', async () => {
    const provider = await startProvider()
    startMesh({ feign: { client: { 'user-service': { url: provider.origin } } } })
    await inside(() => defineClient('user-service', { get: GET('/') }).get())
    expect(JSON.stringify(provider.seen)).not.toContain('canary')
  })

  test('unless forwardContext says so', async () => {
    startMesh()
    const provider = await startProvider()
    await inside(() => defineClient({ url: provider.origin, forwardContext: true }, { get: GET('/') }).get())
    expect(provider.seen[0]!.headers).toMatchObject({
      authorization: 'Bearer canary-token',
      traceparent: '00-canary-b-01',
    })
  })

  test('hop-by-hop headers of an incoming request are never passed on', async () => {
    const mesh = startMesh()
    const provider = await startProvider()
    mesh.registry.set('user-service', instance('user-service', provider.port))
    const incoming = {
      host: 'victim.example',
      connection: 'keep-alive, x-secret-hop',
      'x-secret-hop': 'canary',
      'Keep-Alive': 'timeout=canary',
      'proxy-authorization': 'Basic canary',
      'proxy-connection': 'canary',
      te: 'trailers',
      trailer: 'canary',
      'transfer-encoding': 'chunked',
      upgrade: 'canary',
      expect: '100-continue',
      'content-length': '99999',
      'x-tenant': 'blue',
    }
    await defineClient('user-service', { create: POST('/') }).create({ headers: incoming, body: { a: 1 } })
    const { headers } = provider.seen[0]!
    expect(JSON.stringify(headers)).not.toContain('canary')
    expect(headers).toMatchObject({ host: `127.0.0.1:${provider.port}`, 'content-length': '7', 'x-tenant': 'blue' })
    expect(Object.keys(headers)).not.toEqual(expect.arrayContaining(['transfer-encoding']))
    for (const name of ['te', 'trailer', 'upgrade', 'expect']) expect(headers).not.toHaveProperty(name)
  })

  test('two callers at once never get each other’s token', async () => {
    const mesh = startMesh()
    const provider = await startProvider()
    mesh.registry.set('user-service', instance('user-service', provider.port))
    const { get } = defineClient('user-service', { get: GET('/{id}') })
    await Promise.all(
      Array.from({ length: 50 }, (_, id) => runWithContext({ token: `token-${id}` }, () => get({ id }))),
    )
    for (const { url, headers } of provider.seen) expect(headers.authorization).toBe(`Bearer token-${url.slice(1)}`)
  })

  test('the token is in no error', async () => {
    const mesh = startMesh()
    mesh.registry.set('user-service', instance('user-service', await closedPort()))
    const { get } = defineClient({ name: 'user-service', headers: { 'x-api-key': 'canary' } }, { get: GET('/') })
    const error = await inside(() => get({ token: 'canary', api_key: 'canary', password: 'canary', page: 1 })).catch(
      (reason: unknown) => reason as Error,
    )
    const { message, stack } = error as Error
    expect(message).toContain('page=1')
    expect(`${message} ${stack} ${JSON.stringify(error)}`).not.toContain('canary')
    expect(mesh.logged.join()).not.toContain('canary')
  })
})
