import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join as joinPath } from 'node:path'
import { inspect } from 'node:util'
import express from 'express'
import { createSidecar, defineClient, GET, type StatsReporter } from 'nacos-sidecar'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { gunzipSync } from 'node:zlib'
import { expect, onTestFinished, test, vi } from 'vitest'
import { readProperty } from '../../src/config/accessors.js'
import { connectionOf } from '../../src/settings/connection.js'
import { loadSettings } from '../../src/settings/load.js'
import { recordingProxy } from '../contract/support/recording-proxy.js'
import { loadError } from '../support/bootstrap.js'
import { collectLog } from '../support/collect.js'
import { startCollector } from '../support/collector.js'
import { target } from '../support/frameworks.js'
import { startWebhook } from '../support/webhook.js'
import { startFaultProxy } from '../support/fault-proxy.js'
import { answering, join, observer } from '../support/member.js'
import { startScriptedRegistry } from '../support/scripted-registry.js'
import { tempFolder } from '../support/temp-folder.js'
import { testRegistry } from '../support/registry.js'

const PASSWORD = 'canary-password'
const SECRET_KEY = 'canary-secret-key'
const STS = 'canary-sts-token'
const TOKEN = 'canary-user-token'
const CONFIG = 'canary-config-value'
const HOOK_KEY = 'canary-webhook-key'
const HOOK_SECRET = 'canary-webhook-secret'
const COLLECTOR_SECRET = 'canary-collector-secret'

/** Everything a sidecar can be made to show. */
function shown(sidecar: Awaited<ReturnType<typeof observer>>): string[] {
  const deep = (value: unknown) => inspect(value, { depth: null, showHidden: true, getters: true })
  const nacos = sidecar.settings.cloud.nacos
  return [
    deep(sidecar.status()),
    deep(sidecar.stats()),
    deep(sidecar.recentLog()),
    JSON.stringify(sidecar.status()),
    inspect(sidecar),
    inspect(sidecar, { depth: null }),
    JSON.stringify(sidecar),
    `${sidecar}`,
    inspect(sidecar.settings, { depth: null }),
    inspect(nacos, { depth: null }),
    inspect(nacos.config, { depth: null }),
    inspect(nacos.discovery, { depth: null }),
    JSON.stringify(sidecar.settings),
    JSON.stringify({ settings: nacos.discovery }),
    inspect(connectionOf(nacos, 'discovery'), { depth: null }),
    inspect(sidecar.nacos, { depth: null }),
    inspect(sidecar.runtime, { depth: null }),
    inspect(sidecar.config, { depth: null }),
    JSON.stringify(sidecar.config.explain('cloud.nacos')),
    JSON.stringify(sidecar.config.explain('db')),
    JSON.stringify(sidecar.config.explain('db.password')),
    inspect({ wrapped: [sidecar] }, { depth: 10 }),
  ]
}

function expectNone(texts: readonly string[], canaries: readonly string[]): void {
  expect(texts.length).toBeGreaterThan(0)
  for (const text of texts) for (const canary of canaries) expect(text).not.toContain(canary)
}

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .flatMap((entry) => [entry.name, readFileSync(joinPath(entry.parentPath, entry.name), 'utf8')])

const errorOf = async (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => expect.fail('it succeeded'),
    (error: Error) => error,
  )

test('attack: secret leak: a life with a password, tokens and secret configs shows none of them', async () => {
  const registry = await testRegistry({ auth: { username: 'nacos', password: PASSWORD } })
  const wire = await recordingProxy(registry.address)
  onTestFinished(() => wire.close())
  const faults = await startFaultProxy({ port: Number(wire.server.split(':')[1]) })
  onTestFinished(() => faults.close())
  registry.configs.publish({
    dataId: 'portal.yml',
    content: `db: { host: h, password: ${CONFIG}, url: "mysql://u:${CONFIG}@h/db" }`,
  })

  const lines: string[] = []
  let auth = 200
  await registry.stub('auth-service', (request, response) => {
    lines.push(`request ${request.method} ${request.url}`)
    // An auth service that repeats what it was told.
    response.writeHead(auth).end(auth === 200 ? '{"data":true}' : JSON.stringify(request.headers))
  })
  await registry.stub('user-service', (request, response) => {
    lines.push(`request ${request.method} ${request.url}`)
    response.writeHead(500).end('{"error":"no"}')
  })
  const app = express()
  const snapshots = tempFolder()
  const member = await join(
    app,
    registry.settings({
      application: { name: 'portal' },
      'cloud.nacos.server-addr': `127.0.0.1:${faults.port}`,
      auth: { enabled: true, service: 'auth-service', cacheTtl: 0 },
      feign: { client: { default: { headers: { 'X-Api-Token': TOKEN } } } },
      sidecar: { snapshotDir: snapshots },
    }),
  )
  const { sidecar, url } = member
  const errors: Error[] = []
  const events: unknown[] = []
  for (const event of ['beatFailed', 'registryLost', 'configChanged', 'instancesChanged', 'deregistered'] as const)
    sidecar.on(event, (payload: unknown) => void events.push(payload))
  const users = sidecar.client(defineClient('user-service', { me: GET('/me') }))
  app.get('/admin', async (_request, response) => {
    errors.push(await errorOf(users.me()))
    response.sendStatus(200)
  })

  // They are really in use.
  const bodies = wire.requests.map(({ body }) => body)
  expect(bodies.some((body) => body.includes(PASSWORD))).toBe(true)
  await vi.waitFor(() => expect(sidecar.config.get('db.password')).toBe(CONFIG))
  const bearer = wire.requests.map(({ headers }) => headers['authorization']).find(Boolean) as string
  const registryToken = bearer.replace('Bearer ', '')
  expect(registryToken.length).toBeGreaterThan(20)

  const call = async (path: string, headers: Record<string, string> = {}) =>
    (await fetch(`${url}${path}`, { headers })).text()
  const withToken = { authorization: `Bearer ${TOKEN}` }
  const answers = [await call('/admin', withToken), await call(`/admin?token=${TOKEN}`)]
  expect(errors).toHaveLength(2)
  auth = 500
  answers.push(await call('/admin', withToken))
  auth = 401
  answers.push(await call('/admin', { cookie: `token=${TOKEN}` }))
  for (const path of ['/health', '/actuator/health', '/actuator/health/readiness']) answers.push(await call(path))

  // A document that breaks where the secret stands, then one that changes it.
  registry.configs.publish({ dataId: 'portal.yml', content: `db:\n  password: "${CONFIG}\n  : [` })
  await vi.waitFor(() => expect(member.lines.join('\n')).toMatch(/error config portal\.yml/))
  const changed = once(sidecar, 'configChanged')
  registry.configs.publish({ dataId: 'portal.yml', content: `db: { password: ${CONFIG}-2 }` })
  await changed

  const failed = once(sidecar, 'beatFailed')
  await faults.set('refuse')
  await failed
  const key = { namespace: '', group: 'DEFAULT_GROUP', service: 'x' }
  errors.push(await errorOf(sidecar.nacos.list(key)))
  await faults.set('pass')
  await once(sidecar, 'beatRecovered')
  try {
    readProperty({ get: sidecar.config.get, text: () => undefined } as never, 'db.password', 5)
  } catch (error) {
    errors.push(error as Error)
  }
  expect(errors).toHaveLength(4)
  const login = new URLSearchParams({ username: 'nacos', password: PASSWORD })
  const page = await (await fetch(`${registry.server.url}/?accessToken=${registryToken}`)).text()
  expect((await fetch(`${registry.server.url}/nacos/v1/auth/login`, { method: 'POST', body: login })).status).toBe(200)
  const showing = shown(sidecar)
  await sidecar.stop()

  const canaries = [PASSWORD, TOKEN, CONFIG, registryToken]
  expectNone(member.lines, canaries)
  expectNone(showing, canaries)
  expectNone(answers, canaries)
  expectNone(
    errors.map((error) => inspect(error, { depth: null, showHidden: true })),
    canaries,
  )
  expectNone([inspect(events, { depth: null })], canaries)
  expectNone(
    lines.filter((line) => !line.includes('?token=')),
    canaries,
  )
  expectNone(
    wire.requests.map(({ method, url }) => `${method} ${decodeURIComponent(url)}`),
    canaries,
  )
  expectNone([page, ...filesBelow(snapshots)], [PASSWORD, TOKEN, registryToken])
  expectNone([page], [CONFIG])
})

const PAGES = [
  ...['/health', '/actuator/health', '/actuator/health/liveness', '/actuator/health/readiness'],
  ...['/actuator', '/actuator/prometheus', '/actuator/info', '/actuator/loggers', '/actuator/metrics'],
  '/actuator/metrics/http.server.requests',
  ...['/_sidecar', '/_sidecar/status.json', '/_sidecar/config.json?key=db.password', '/_sidecar/config.json?key='],
]

test('attack: secret leak: the access log, logs, figures, events, alerts, reports, hooks, resources and pages', async () => {
  const registry = await testRegistry()
  registry.configs.publish({ dataId: 'portal.yml', content: `db: { password: ${CONFIG} }` })
  const hook = await startWebhook((response, count) => {
    // It repeats its key once.
    if (count === 1) response.statusCode = 500
    response.end(`{"errcode":0,"message":"${HOOK_KEY}"}`)
  })
  const collector = await startCollector()
  const file = joinPath(tempFolder(), 'sidecar.log')
  const app = express()
  app.set('env', 'test')
  const texts: string[] = []
  for (const channel of ['registry:request', 'calls:attempt', 'guard:decision', 'observe:request', 'observe:period']) {
    const keep = (message: unknown) => void texts.push(inspect(message, { depth: null }))
    subscribe(`nacos-sidecar:${channel}`, keep)
    onTestFinished(() => void unsubscribe(`nacos-sidecar:${channel}`, keep))
  }
  const failing = (what: string) => {
    throw new Error(`${what}: connect mysql://root:${CONFIG}@10.0.0.1/db?password=${CONFIG} failed`)
  }
  const reporter: StatsReporter = { report: () => failing('reporter') }
  const member = await join(
    app,
    registry.settings({
      application: { name: 'portal' },
      auth: { enabled: true, excludePaths: ['/open/**'] },
      logging: { format: 'json', level: { 'nacos-sidecar': 'debug' } },
      'sidecar.log-file': file,
      'sidecar.forward-headers': ['x-tenant-id', 'baggage'],
      'sidecar.observe': {
        accessLog: true,
        accessLogExcludes: [],
        maxSamples: 100,
        period: 100,
        report: { url: collector.url, secret: COLLECTOR_SECRET },
      },
      'sidecar.alerts': {
        webhook: `${hook.url}?access_token=${HOOK_KEY}`,
        format: 'dingtalk',
        secret: HOOK_SECRET,
        for: 0,
      },
    }),
    { statsReporter: reporter, verify: (token) => (token === `${TOKEN}-bad` ? failing(token) : true) },
  )
  const { sidecar, url, lines } = member
  const events: unknown[] = []
  for (const event of ['period', 'request', 'configRejected', 'configAccepted', 'configChanged'] as const)
    sidecar.on(event, (payload: unknown) => void events.push(payload))
  sidecar.on('request', () => failing('listener'))
  sidecar.provide('db', {
    start: () => ({}),
    health: () => failing('health'),
    stop: () => failing('stop'),
  })
  sidecar.onStop(() => failing('stop hook'), { name: 'close' })
  await registry.stub('user-service', answering({ error: 'no' }, 500))
  const users = sidecar.client(defineClient('user-service', { me: GET('/me') }))
  app.get('/admin/:id', (_request, _response, next) => {
    users.me({ query: { token: TOKEN } } as never).catch((error: unknown) => {
      texts.push(inspect(error, { depth: null, showHidden: true }))
      next(error)
    })
  })

  const headers = { 'x-tenant-id': TOKEN, baggage: `user=${TOKEN}`, 'user-agent': TOKEN }
  const call = async (path: string, more: Record<string, string> = {}) => {
    const response = await fetch(`${url}${path}`, { headers: { ...headers, ...more } })
    return `${JSON.stringify([...response.headers])} ${await response.text()}`
  }
  const bearer = { authorization: `Bearer ${TOKEN}` }
  const port = Number(new URL(url).port)
  await call(`/admin/1?token=${TOKEN}`)
  await call('/admin/1', { cookie: `token=${TOKEN}` })
  await call('/admin/1', { authorization: `Bearer ${TOKEN}-bad` })
  await target(port, `http://me:${TOKEN}@portal/open/1`)
  // What is one token only: it is no line of the log either.
  texts.push(await call('/nowhere', bearer))
  const pages = await Promise.all(PAGES.map((path) => call(path, bearer)))
  expect(pages.join()).toContain('http_server_requests_seconds_count{')
  expect(pages.join()).toContain('/admin/:id')
  texts.push(...pages)
  registry.configs.publish({ dataId: 'portal.yml', content: `db:\n  password: "${CONFIG}\n  : [` })
  await vi.waitFor(() => expect(hook.received.length).toBeGreaterThanOrEqual(2), { timeout: 10_000 })
  const warned = (part: string) => lines.some((line) => line.includes(part))
  await vi.waitFor(() => expect(warned('a report of figures failed') && warned('a listener of "request"')).toBe(true))
  await vi.waitFor(() => expect(collector.received.some(({ path }) => path.startsWith('/Trace/'))).toBe(true))
  texts.push(...shown(sidecar))
  await sidecar.stop({ drain: false })

  // They were really there, and what holds them is really written.
  expect(warned('"close"') && warned('the webhook')).toBe(true)
  expect(collector.received.some(({ bytes }) => bytes.includes(COLLECTOR_SECRET))).toBe(true)
  expect(hook.received.every(({ url }) => url.searchParams.get('access_token') === HOOK_KEY)).toBe(true)
  const written = readFileSync(file, 'utf8')
  expect(written).toContain('"path":"/open/1"')
  expect(JSON.parse(written.split('\n')[0]!)).toMatchObject({ logger: 'nacos-sidecar' })
  expect(JSON.stringify(events)).toContain('"kind":"server"')
  const canaries = [TOKEN, CONFIG, HOOK_KEY, HOOK_SECRET, COLLECTOR_SECRET]
  expectNone([...lines, written, ...texts, inspect(events, { depth: null })], canaries)
  const reports = collector.received.filter(({ path }) => path !== '/App/Login')
  expectNone(
    reports.map(({ bytes, headers }) =>
      (headers['content-type'] === 'application/x-gzip' ? gunzipSync(bytes) : bytes).toString(),
    ),
    canaries,
  )
  expectNone(
    hook.received.map(({ json }) => JSON.stringify(json)),
    canaries,
  )
})

test('attack: secret leak: refused logins and signatures', async () => {
  const registry = await testRegistry({ auth: { username: 'nacos', password: 'another' } })
  const wire = await recordingProxy(registry.address)
  onTestFinished(() => wire.close())
  const server = { 'cloud.nacos.server-addr': wire.server }
  const logger = collectLog()
  const canaries = [PASSWORD, SECRET_KEY, STS]
  const errors: Error[] = []
  const texts: string[] = []
  for (const credentials of [
    { username: 'nacos', password: PASSWORD },
    { accessKey: 'AK', secretKey: SECRET_KEY, securityToken: STS },
    { accessKey: 'AK', secretKey: SECRET_KEY, regionId: 'cn-hangzhou' },
  ]) {
    const own = { ...registry.settings({ application: { name: 'portal' } }), ...server }
    delete (own as Record<string, unknown>)['cloud.nacos.username']
    delete (own as Record<string, unknown>)['cloud.nacos.password']
    const sidecar = await observer({ ...own, cloud: { nacos: credentials } }, { logger })
    errors.push(await errorOf(sidecar.discovery.instances('user-service')))
    errors.push(await errorOf(sidecar.nacos.getConfig({ namespace: '', group: 'DEFAULT_GROUP', dataId: 'x' })))
    texts.push(...shown(sidecar))
  }
  expect(wire.requests.some(({ url, body }) => `${url}${body}`.includes('signature='))).toBe(true)
  expectNone(logger.lines, canaries)
  expectNone(texts, canaries)
  expectNone(
    errors.map((error) => inspect(error, { depth: null, showHidden: true })),
    canaries,
  )
  expectNone(
    wire.requests.map(({ url }) => decodeURIComponent(url)),
    [PASSWORD, SECRET_KEY],
  )
})

test('attack: secret leak: a registry that repeats what it was told', async () => {
  const registry = await startScriptedRegistry()
  onTestFinished(() => registry.close())
  registry.on('/auth/login', ({ body }) => ({ status: 403, body: `unknown user: ${body}` }))
  registry.on('/ns/', ({ headers, url }) => ({ status: 500, body: `${url} ${JSON.stringify(headers)} ${PASSWORD}` }))
  const logger = collectLog()
  const sidecar = await observer(
    {
      application: { name: 'portal' },
      cloud: { nacos: { serverAddr: registry.address, username: 'nacos', password: PASSWORD } },
    },
    { logger },
  )
  const error = await errorOf(sidecar.discovery.instances('user-service'))
  expect(registry.seen('/auth/login')[0]!.body).toContain(PASSWORD)
  expectNone([...logger.lines, inspect(error, { depth: null, showHidden: true }), ...shown(sidecar)], [PASSWORD])
})

test('attack: secret leak: settings that are wrong where the secret stands', () => {
  const nacos = (more: string) => `application.name: portal\ncloud.nacos:\n${more}`
  const errors = [
    loadError(nacos(`  password: { nested: ${PASSWORD} }`)),
    loadError(nacos(`  password: [${PASSWORD}]`)),
    loadError(nacos(`  password: "${PASSWORD}\n  username: [`)),
    loadError(nacos(`  password: ${PASSWORD}\n  password: ${PASSWORD}2`)),
    loadError(nacos(`  password: "\${${'NO_SUCH_KEY'}}${PASSWORD}"`)),
    loadError(nacos(`  tls: { key-passphrase: { a: ${PASSWORD} } }`)),
    loadError('auth: { enabled: notabool }\napplication.name: x', { vars: { AUTH_TOKEN_QUERY: PASSWORD } }),
  ]
  expectNone(
    errors.map((error) => inspect(error, { depth: null })),
    [PASSWORD],
  )
  const { warnings, settings } = loadSettings({
    configPath: false,
    env: {},
    argv: [`--cloud.nacos.pasword=${PASSWORD}`, `--cloud.nacos.password=${PASSWORD}`],
  })
  expect(settings.cloud.nacos.password).toBe(PASSWORD)
  expect(warnings.join()).toContain('pasword')
  expectNone(warnings, [PASSWORD])
})

test('attack: secret leak: credentials in the server address', () => {
  try {
    const sidecar = createSidecar({
      configPath: false,
      logger: collectLog(),
      settings: {
        'cloud.nacos.discovery.register-enabled': false,
        'cloud.nacos.server-addr': `http://nacos:${PASSWORD}@127.0.0.1:1`,
      },
    })
    onTestFinished(() => sidecar.stop())
    expectNone(shown(sidecar), [PASSWORD])
  } catch (error) {
    expectNone([inspect(error, { depth: null })], [PASSWORD])
  }
})

test('attack: secret leak: what a typed call sends goes into no error', async () => {
  const registry = await testRegistry()
  await registry.stub('user-service', answering({ error: 'no' }, 500))
  const sidecar = await observer(registry.settings())
  const users = sidecar.client(
    defineClient('user-service', { login: GET('/login', { headers: { 'X-Token': TOKEN } }) }),
  )
  const error = await errorOf(users.login({ headers: { authorization: `Bearer ${TOKEN}` } }))
  expect(error.message).toContain('500')
  expectNone([inspect(error, { depth: null, showHidden: true }), JSON.stringify(error)], [TOKEN])
})
