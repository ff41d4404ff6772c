import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { anInstance, openTransport, ORDERS, type Overrides } from '../../../support/transport.js'
import { startScriptedRegistry, type ScriptedRegistry } from '../../../support/scripted-registry.js'

const USER: Overrides = { username: 'nacos', password: 'pass-canary' }
const LOGIN = '/login'
const denied = { status: 403, body: { status: 403, error: 'Forbidden', message: 'token expired!' } }

/** Wants the newest token it has given out. */
async function guarded({ ttlS = 18_000, login = 'POST /nacos/v1/auth/login' } = {}) {
  const server = await startScriptedRegistry()
  onTestFinished(() => server.close())
  let serial = 0
  const valid = { token: '' }
  const toHolders =
    (body: unknown) =>
    ({ headers }: { headers: { authorization?: string } }) =>
      headers.authorization === `Bearer ${valid.token}` && valid.token ? { body } : denied
  server.on('/nacos/v1/ns', toHolders({ hosts: [] }))
  server.on('/nacos/v1/cs', toHolders('a: 1'))
  server.on(login, ({ form }) => {
    if (form.get('username') !== 'nacos' || form.get('password') !== 'pass-canary')
      return { status: 403, body: 'user not found!' }
    valid.token = `token-${(serial += 1)}`
    return { body: { accessToken: valid.token, tokenTtl: ttlS, globalAdmin: true } }
  })
  return Object.assign(server, { expire: () => void (valid.token = '') })
}

const logins = (server: ScriptedRegistry) => server.seen(LOGIN).length

test('logs in once for many first requests, of services and of configs, in the body, and sends the token as a header', async () => {
  const server = await guarded()
  const transport = openTransport([server], USER)
  const key = { namespace: '', group: 'DEFAULT_GROUP', dataId: 'orders.yml' }
  const asked = Array.from({ length: 20 }, (_, n) => (n % 2 ? transport.list(ORDERS) : transport.getConfig(key)))
  expect((await Promise.all(asked)).slice(0, 2)).toMatchObject([{ content: 'a: 1' }, []])
  expect(logins(server)).toBe(1)
  for (const { url } of server.requests) expect(url).not.toMatch(/canary|token|password/)
})

test('nothing is logged in before it is needed, and nothing without a user', async () => {
  const server = await guarded()
  const transport = openTransport([server])
  await expect(transport.list(ORDERS)).rejects.toThrow(/requires a login: set cloud\.nacos\.username/)
  expect(logins(server)).toBe(0)
})

test('a token that the server no longer accepts is renewed once, for all refused requests', async () => {
  const server = await guarded()
  const transport = openTransport([server], USER)
  await transport.list(ORDERS)
  server.expire()
  server.forget()
  await Promise.all(Array.from({ length: 10 }, () => transport.list(ORDERS)))
  expect(logins(server)).toBe(1)
})

test('is renewed early, while the old one still serves', async () => {
  const server = await guarded({ ttlS: 3 })
  const transport = openTransport([server], USER)
  await transport.list(ORDERS)
  await vi.waitFor(
    async () => {
      await transport.list(ORDERS)
      expect(logins(server)).toBe(2)
    },
    { interval: 50, timeout: 10_000 },
  )
  const [first, second] = server.seen(LOGIN)
  const afterMs = second!.atMs - first!.atMs
  expect(afterMs).toBeGreaterThanOrEqual(2_250)
  expect(afterMs).toBeLessThan(3_000)
})

test('a right that is missing does not log in again and again', async () => {
  const server = await guarded()
  server.on('/nacos/v1/ns', { status: 403, body: { message: 'authorization failed!' } })
  const transport = openTransport([server], USER)
  for (let n = 0; n < 5; n += 1) {
    await expect(transport.list(ORDERS)).rejects.toMatchObject({
      code: 'SIDECAR_REGISTRY_REFUSED',
      message: expect.stringContaining('authorization failed!'),
    })
  }
  expect(logins(server)).toBe(2)
})

describe('where to log in', () => {
  test('falls back to v3 and stays there', async () => {
    const server = await guarded({ login: 'POST /nacos/v3/auth/user/login' })
    const transport = openTransport([server], USER)
    await transport.list(ORDERS)
    server.expire()
    await transport.list(ORDERS)
    expect(server.seen(LOGIN).map(({ path }) => path.slice('/nacos'.length))).toEqual([
      '/v1/auth/login',
      '/v3/auth/user/login',
      '/v3/auth/user/login',
    ])
  })

  test('v3 first where the settings say v3', async () => {
    const server = await guarded()
    server.on('GET /nacos/v3/client', { body: { code: 0, data: [] } })
    await openTransport([server], { ...USER, apiVersion: 'v3', watchClusters: ['DEFAULT'] }).list(ORDERS)
    expect(server.seen(LOGIN).map(({ path }) => path)).toEqual(['/nacos/v3/auth/user/login', '/nacos/v1/auth/login'])
  })
})

describe('where authentication is off', () => {
  test.each([
    ['Nacos 2', { status: 403, body: 'user not found!' }],
    ['Nacos 2, another user', { status: 500, body: 'caused: nobody;' }],
    [
      'Nacos 3',
      { status: 500, body: { status: 500, message: 'Handle API Compatibility failed, please see log for detail.' } },
    ],
    ['r-nacos', { body: { accessToken: 'AUTH_DISABLED', tokenTtl: 3600, globalAdmin: true } }],
    ['no login at all', { status: 404 }],
  ])('a login of %s is no hindrance', async (_server, answer) => {
    const server = await startScriptedRegistry()
    onTestFinished(() => server.close())
    server.on('/nacos/v1/ns', { body: { hosts: [] } })
    server.on(LOGIN, answer)
    const transport = openTransport([server], USER)
    for (let n = 0; n < 5; n += 1) expect(await transport.list(ORDERS)).toEqual([])
    expect(logins(server)).toBeLessThanOrEqual(2)
    for (const { headers } of server.seen('/ns/')) expect(headers.authorization).toBeUndefined()
    expect(transport.lines.filter((line) => /^(warn|error)/.test(line))).toEqual([])
    expect(transport.describe().connected).toBe(true)
  })

  test('and when it is switched on, the login is tried again', async () => {
    const server = await guarded()
    server.on(LOGIN, { status: 403, body: 'user not found!' })
    server.on('/nacos/v1/ns', { body: { hosts: [] } })
    const transport = openTransport([server], USER)
    await transport.list(ORDERS)
    let on = false
    server.on(LOGIN, () => ({ body: { accessToken: 'new', tokenTtl: 100 } }))
    server.on('/nacos/v1/ns', ({ headers }) =>
      headers.authorization === 'Bearer new' ? { body: { hosts: [] } } : (on = true) && denied,
    )
    await vi.waitFor(async () => expect(await transport.list(ORDERS)).toEqual([]), { timeout: 3_000 })
    expect(on).toBe(true)
  })
})

test.each([
  ['no answer', 'never' as const, /no answer within/],
  ['a server that is starting', { status: 503, body: 'server is STARTING now' }, /HTTP 503/],
])('a login that got %s is an outage, not a wrong password', async (_what, answer, why) => {
  const server = await guarded()
  server.on(LOGIN, () => answer)
  const transport = openTransport([server], { ...USER, requestTimeoutMs: 200 })
  const failures = await Promise.all([1, 2].map(() => transport.list(ORDERS).catch((error: unknown) => error)))
  for (const failure of failures) {
    expect(failure).toMatchObject({
      code: 'SIDECAR_REGISTRY_UNAVAILABLE',
      message: expect.stringMatching(why) as string,
    })
  }
  expect(transport.lines.join()).not.toMatch(/refuse/)
})

test('a login that hangs ends with the request that needs it', async () => {
  const server = await guarded()
  server.on(LOGIN, () => 'never')
  const controller = new AbortController()
  const registering = openTransport([server], USER).register(anInstance(), controller.signal)
  await vi.waitFor(() => expect(logins(server)).toBe(1))
  controller.abort()
  await expect(registering).rejects.toMatchObject({ code: 'SIDECAR_REGISTRY_UNAVAILABLE' })
})
