import { expect, onTestFinished, test, vi } from 'vitest'
import { anInstance, openTransport, ORDERS } from '../../../support/transport.js'
import { startScriptedRegistry, type ScriptedAnswer } from '../../../support/scripted-registry.js'

const HTML = { 'content-type': 'text/html;charset=UTF-8' }
const NGINX = { ...HTML, server: 'nginx/1.25.3' }

async function server(answer: ScriptedAnswer) {
  const started = await startScriptedRegistry()
  onTestFinished(() => started.close())
  started.on('/', answer)
  return started
}

test.each<[string, ScriptedAnswer, RegExp]>([
  [
    'a single sign-on, by its Location and without what that may hold',
    { status: 302, headers: { location: 'https://u:canary@sso.example.com/login?state=canary#canary' } },
    /HTTP 302, a redirect to https:\/\/sso\.example\.com\/login\. A gateway or a single sign-on answers/,
  ],
  [
    'the same server over TLS',
    { status: 301, headers: { location: 'https://nacos.example.com/nacos/v1/ns/instance/list', server: 'nginx' } },
    /HTTP 301, .*from nginx in front.*answers at https:\/\/nacos\.example\.com: write that in cloud\.nacos\.server-addr/,
  ],
  [
    'a gateway whose registry is down',
    { status: 502, headers: NGINX, body: '<html><head><title>502 Bad Gateway</title></head></html>' },
    /HTTP 502 "502 Bad Gateway", from nginx\/1\.25\.3 in front of the registry\. A gateway answers for the registry/,
  ],
  [
    'a limit, and how long it asks to wait',
    { status: 429, headers: { 'retry-after': '7' }, body: 'slow down' },
    /HTTP 429 "slow down", asks to wait 7 s\. .*limits requests/,
  ],
  [
    'a page where the API should be',
    { headers: NGINX, body: '<!DOCTYPE html><title>Sign in</title>' },
    /HTTP 200, a page "Sign in" instead of an answer of the API, from nginx\/1\.25\.3 in front.*check cloud\.nacos\.server-addr/,
  ],
  [
    'the page of the console',
    { headers: HTML, body: '<html><title>Nacos</title></html>' },
    /address of the Nacos console.*8848/,
  ],
])('R17: the error names %s', async (_what, answer, message) => {
  const transport = openTransport([await server(answer)], { apiVersion: 'auto' })
  const error = await transport.list(ORDERS).catch((reason: unknown) => reason as Error)
  expect((error as Error).message).toMatch(message)
  expect((error as Error).message).not.toContain('canary')
  expect(transport.lines.join('\n')).not.toContain('canary')
})

test.each([403, 404])('R17: the console of a Nacos 3, which answers %i to the API, is recognised', async (status) => {
  const console3 = await server({ status, body: { status, message: 'Code: 401, Message: User not found!' } })
  console3.on('GET /v3/console/health/liveness', { body: { code: 0, message: 'success', data: 'ok' } })
  const transport = openTransport([console3], { apiVersion: 'auto' })
  for (const _time of [1, 2])
    await expect(transport.register(anInstance())).rejects.toThrow(/address of the Nacos console/)
  expect(console3.seen('/v3/console/')).toHaveLength(1)
})

test('R17: a registry that has answered is not taken for a console', async () => {
  const nacos = await server({ body: { hosts: [] } })
  const transport = openTransport([nacos], { apiVersion: 'v1' })
  await transport.list(ORDERS)
  nacos.on('/', { status: 403, body: 'no' })
  await expect(transport.list(ORDERS)).rejects.toThrow(/The registry requires a login/)
  expect(nacos.seen('/v3/console/')).toEqual([])
})

test.each([429, 503])('R17: retry-after of a %i is obeyed', async (status) => {
  const limited = await server({ body: { hosts: [] } })
  let asked = 0
  limited.on('/nacos/v1/ns/instance/list', () =>
    asked++ === 0 ? { status, headers: { 'retry-after': '1' }, body: 'later' } : undefined,
  )
  const transport = openTransport([limited], { requestTimeoutMs: 5_000 })
  await expect(transport.list(ORDERS)).rejects.toMatchObject({ code: 'SIDECAR_REGISTRY_UNAVAILABLE' })
  const refusedMs = limited.requests.at(-1)!.atMs
  expect(await transport.list(ORDERS)).toEqual([])
  expect(limited.requests.at(-1)!.atMs - refusedMs).toBeGreaterThan(900)
})

test('R17: a pause longer than a request can wait is not sent into, and other nodes are asked meanwhile', async () => {
  const limited = await server({ status: 503, headers: { 'retry-after': '30' }, body: 'later' })
  const alone = openTransport([limited], { requestTimeoutMs: 300 })
  await alone.list(ORDERS).catch(() => {})
  await expect(alone.list(ORDERS)).rejects.toThrow(/not sent, for it asked for a pause: HTTP 503/)
  expect(limited.requests).toHaveLength(1)

  const other = await server({ body: { hosts: [] } })
  const both = openTransport([limited, other])
  for (const _time of [1, 2]) expect(await both.list(ORDERS)).toEqual([])
  expect([limited.requests.length, other.requests.length]).toEqual([2, 2])
})

test('a config document that is a page is a document', async () => {
  const nacos = await server({ headers: { ...HTML, 'config-type': 'html' }, body: '<html></html>' })
  const key = { namespace: '', group: 'G', dataId: 'page.html' }
  expect(await openTransport([nacos]).getConfig(key)).toMatchObject({ content: '<html></html>', type: 'html' })
})

const PAGE: ScriptedAnswer = { headers: HTML, body: '<html><title>Sign in</title></html>' }
const ENTRY = { ip: '10.0.0.1', port: 80, clusterName: 'DEFAULT' }
const CONFIG = { namespace: '', group: 'G', dataId: 'a.yaml' }

/** Serves these APIs, and has `refusal` for everything else. */
async function gateway(refusal: ScriptedAnswer, ...served: ('v1' | 'v3')[]) {
  const started = await server(refusal)
  const apis = new Set(served)
  const done = (data: unknown): ScriptedAnswer => ({ body: { code: 0, message: 'success', data } })
  const routes: ['v1' | 'v3', string, ScriptedAnswer][] = [
    ['v1', 'POST /nacos/v1/ns/instance', { body: 'ok' }],
    ['v1', 'GET /nacos/v1/ns/instance/list', { body: { hosts: [ENTRY] } }],
    ['v1', 'POST /nacos/v1/cs/configs', { body: 'true' }],
    ['v3', 'POST /nacos/v3/client/ns/instance', done('ok')],
    ['v3', 'GET /nacos/v3/client/ns/instance/list', done([ENTRY])],
    ['v3', 'POST /nacos/v3/admin/cs/config', done(true)],
  ]
  for (const [api, route, answer] of routes) started.on(route, () => (apis.has(api) ? answer : refusal))
  return Object.assign(started, {
    serve(...next: ('v1' | 'v3')[]) {
      apis.clear()
      for (const api of next) apis.add(api)
    },
  })
}

const REFUSALS: [string, ScriptedAnswer][] = [
  ['401', { status: 401 }],
  ['403', { status: 403, body: 'no' }],
  ['404', { status: 404 }],
  ['406', { status: 406 }],
  ['429', { status: 429 }],
  ['500', { status: 500, body: 'oops' }],
  ['502 with a page', { status: 502, headers: NGINX, body: '<html><title>502</title></html>' }],
  ['503', { status: 503, body: 'no healthy upstream' }],
  ['a redirect', { status: 302, headers: { location: 'https://sso.example/login' } }],
  ['a page', PAGE],
  ['an empty 200', { body: '' }],
  ['foreign JSON', { body: { code: '404', msg: 'no route' } }],
]

test.each(REFUSALS)('R4: an API that a gateway refuses with %s takes nothing from the other one', async (_how, no) => {
  for (const api of ['v1', 'v3'] as const) {
    const transport = openTransport([await gateway(no, api)], { apiVersion: 'auto' })
    await transport.register(anInstance())
    expect(await transport.list(ORDERS)).toHaveLength(1)
    expect(await transport.publishConfig({ ...CONFIG, content: 'x' })).toBe(true)
    expect(transport.describe().protocol).toBe(`http ${api}`)
    expect(transport.lines.filter((line) => line.startsWith('warn Registry node'))).toEqual([])
  }
})

test.each(REFUSALS)(
  'R4: a registry that changes its API behind a gateway that answers %s is found',
  async (_how, no) => {
    const changing = await gateway(no, 'v1')
    const transport = openTransport([changing], { apiVersion: 'auto' })
    await transport.register(anInstance())
    expect(transport.describe().protocol).toBe('http v1')
    changing.serve('v3')
    await vi.waitFor(() => transport.register(anInstance()), { timeout: 10_000, interval: 200 })
    expect(transport.describe().protocol).toBe('http v3')
  },
)

test('R4: a gateway that refuses for good is not asked for its API with each request', async () => {
  const changing = await gateway({ status: 403, body: 'no' }, 'v1')
  const transport = openTransport([changing], { apiVersion: 'auto' })
  await transport.register(anInstance())
  changing.serve()
  changing.forget()
  for (let time = 0; time < 10; time++) await transport.register(anInstance()).catch(() => {})
  expect(changing.seen('POST /nacos/v1/ns/instance')).toHaveLength(10)
  // One round: both APIs, for services and for documents.
  expect(changing.requests.length).toBeLessThanOrEqual(14)
})

test.each<[string, ScriptedAnswer]>([
  ['403', { status: 403 }],
  ['503', { status: 503 }],
  ['a page', PAGE],
])('R4: a login is found where a gateway answers %s to the one of v1', async (_how, no) => {
  const guarded = await gateway(no, 'v3')
  guarded.on('POST /nacos/v3/auth/user/login', { body: { accessToken: 't', tokenTtl: 18_000 } })
  guarded.on('GET /nacos/v3/client/ns/instance/list', ({ headers }) =>
    headers.authorization === 'Bearer t' ? { body: { code: 0, data: [ENTRY] } } : { status: 403 },
  )
  const transport = openTransport([guarded], { apiVersion: 'auto', username: 'nacos', password: 'pass-canary' })
  await vi.waitFor(async () => expect(await transport.list(ORDERS)).toHaveLength(1), { timeout: 5_000, interval: 200 })
})
