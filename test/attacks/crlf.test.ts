import { type ClientOptions, defineClient, GET, POST, runWithContext } from 'nacos-sidecar'
import { describe, expect, test } from 'vitest'
import { instance, startMesh, startProvider } from '../support/mesh.js'

async function setUp(options: ClientOptions = {}) {
  const { registry } = startMesh()
  const provider = await startProvider()
  registry.set('user-service', instance('user-service', provider.port))
  const users = defineClient({ name: 'user-service', ...options }, { get: GET('/users/{id}'), create: POST('/users') })
  return { provider, registry, users }
}

const INJECTIONS = [
  'a\r\nX-Admin: true',
  'a\nX-Admin: true',
  'a\rX-Admin: true',
  'a\0b',
  'a\r\n\r\nGET /admin HTTP/1.1\r\nHost: x',
]

describe('attack: CRLF in a header or path', () => {
  test.each(INJECTIONS)('%j as a header value is refused before any I/O', async (value) => {
    const { provider, registry, users } = await setUp()
    await expect(users.get({ id: '1', headers: { 'x-name': value } })).rejects.toMatchObject({
      code: 'SIDECAR_CALL_INVALID',
      attempts: 0,
    })
    await expect(users.create({ body: {}, headers: { 'x-name': ['fine', value] } })).rejects.toMatchObject({
      code: 'SIDECAR_CALL_INVALID',
    })
    expect([provider.seen, registry.asked]).toEqual([[], []])
  })

  test.each([...INJECTIONS, 'a b', 'a:b', '', 'ä'])('%j as a header name is refused before any I/O', async (name) => {
    const { provider, registry, users } = await setUp()
    await expect(users.get({ id: '1', headers: { [name]: 'x' } })).rejects.toMatchObject({
      code: 'SIDECAR_CALL_INVALID',
    })
    expect([provider.seen, registry.asked]).toEqual([[], []])
  })

  test.each(INJECTIONS)('%j as a path variable is refused before any I/O', async (id) => {
    const { provider, registry, users } = await setUp()
    await expect(users.get({ id })).rejects.toMatchObject({ code: 'SIDECAR_CALL_INVALID', attempts: 0 })
    expect([provider.seen, registry.asked]).toEqual([[], []])
  })

  test.each(INJECTIONS)('%j in the query is data, encoded', async (q) => {
    const { provider, users } = await setUp()
    await users.get({ id: '1', q })
    expect(provider.seen).toHaveLength(1)
    expect(new URL(provider.seen[0]!.url, 'http://h').searchParams.get('q')).toBe(q)
    expect(provider.seen[0]!.headers).not.toHaveProperty('x-admin')
  })

  test.each(INJECTIONS)('%j in the headers of a client is refused', async (value) => {
    const { provider, users } = await setUp({ headers: { 'x-name': value } })
    await expect(users.get({ id: '1' })).rejects.toMatchObject({ code: 'SIDECAR_CALL_INVALID' })
    expect(provider.seen).toHaveLength(0)
  })

  test.each(INJECTIONS)('%j as the caller’s token is not sent at all', async (token) => {
    const { provider, users } = await setUp()
    await runWithContext({ token, traceparent: token, tracestate: token }, () => users.get({ id: '1' }))
    const { headers } = provider.seen[0]!
    for (const name of ['authorization', 'traceparent', 'tracestate', 'x-admin'])
      expect(headers).not.toHaveProperty(name)
  })

  test.each(INJECTIONS)('%j from an interceptor is refused', async (value) => {
    const header = await setUp({
      interceptors: [(request, next) => next({ ...request, headers: { 'x-name': value } })],
    })
    await expect(header.users.get({ id: '1' })).rejects.toMatchObject({ code: 'SIDECAR_CALL_INVALID' })
    const path = await setUp({ interceptors: [(request, next) => next({ ...request, path: `/${value}` })] })
    await expect(path.users.get({ id: '1' })).rejects.toMatchObject({ code: 'SIDECAR_CALL_INVALID' })
    expect([...header.provider.seen, ...path.provider.seen]).toEqual([])
  })

  test('text that HTTP cannot carry in a header is refused with a hint', async () => {
    const { users } = await setUp()
    await expect(users.get({ id: '1', headers: { 'x-name': '中文' } })).rejects.toThrow(/beyond Latin-1.*encode it/)
  })
})
