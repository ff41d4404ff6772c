import { afterEach, describe, expect, test, vi } from 'vitest'
import { frameworks } from '../../support/frameworks.js'
import { readMicrometer, type ActuatorExchange } from '../../support/micrometer.js'
import { actuatorApp, EXPOSED, page } from './actuator-app.js'

const java = readMicrometer()
afterEach(() => vi.unstubAllEnvs())

interface Metric {
  readonly name: string
  readonly baseUnit?: string
  readonly measurements: readonly { readonly statistic: string; readonly value: number }[]
  readonly availableTags: readonly { readonly tag: string; readonly values: readonly string[] }[]
}

const json = async <T>(url: string): Promise<T> => JSON.parse(await page(url)) as T

/** What Spring was asked, here; its logger is our logger. */
async function ask(url: string, { method, path, body, contentType }: ActuatorExchange) {
  const response = await fetch(url + path.replace('/loggers/metrics', '/loggers/nacos-sidecar'), {
    method,
    headers: { ...(contentType && { 'content-type': contentType }) },
    ...(body && { body }),
  })
  return { status: response.status, type: response.headers.get('content-type'), body: await response.text() }
}

describe.each(frameworks)('the pages of /actuator on $name', (framework) => {
  test('a level is set and reset as in Spring, with its statuses', async () => {
    const { sidecar, url } = await actuatorApp(EXPOSED, { framework })
    const recorded = Object.entries(java).filter(([name]) => /level|JSON/.test(name))
    expect(recorded.length).toBeGreaterThan(6)
    for (const [name, exchange] of recorded) {
      // A body parser of the app may refuse what is no JSON before us.
      expect((await ask(url, exchange)).status, name).toBe(exchange.answer.status)
    }
    const set = (configuredLevel: string | null) =>
      fetch(`${url}/actuator/loggers/nacos-sidecar`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ configuredLevel }),
      })
    const levels = () => json(`${url}/actuator/loggers/nacos-sidecar`)
    expect(await levels()).toEqual({ effectiveLevel: 'INFO' })
    expect((await set('DEBUG')).status).toBe(204)
    expect(await levels()).toEqual(JSON.parse(java['logger after that']!.answer.body))
    expect((await set('OFF')).status).toBe(204)
    expect(await levels()).toEqual({ configuredLevel: 'OFF', effectiveLevel: 'OFF' })
    await set(null)
    expect(await levels()).toEqual(JSON.parse(java['logger']!.answer.body))
    expect(sidecar.recentLog().map(({ message }) => message)).toContain(
      'the level of the log is debug from now on (/actuator/loggers)',
    )
    expect(await json(`${url}/actuator/loggers`)).toEqual({
      levels: ['OFF', 'ERROR', 'WARN', 'INFO', 'DEBUG'],
      loggers: { 'nacos-sidecar': { effectiveLevel: 'INFO' } },
    })
    expect((await ask(url, java['no such logger']!)).status).toBe(404)
  })

  test('metrics have the shape of Spring', async () => {
    const { url } = await actuatorApp(EXPOSED, {
      framework,
      routes: (app) => app.route('GET', '/users/:id', () => ({})),
    })
    for (let n = 0; n < 3; n++) await page(`${url}/users/${n}`)
    await (await fetch(`${url}/missing`)).arrayBuffer()
    const ours = await json<Metric>(`${url}${java['server requests']!.path}`)
    const theirs = JSON.parse(java['server requests']!.answer.body) as Metric
    const shape = ({ name, baseUnit, measurements, availableTags }: Metric) => [
      ...[name, baseUnit, measurements.map(({ statistic }) => statistic)],
      availableTags.map(({ tag }) => tag).sort(),
    ]
    expect(shape(ours)).toEqual(shape(theirs))
    expect(ours.measurements[0]!.value).toBe(4)
    const some = await json<Metric>(`${url}/actuator/metrics/http.server.requests?tag=status:200&tag=uri:/users/:id`)
    expect(some.measurements[0]).toEqual({ statistic: 'COUNT', value: 3 })
    expect(some.availableTags.map(({ tag }) => tag)).not.toContain('status')
    for (const name of ['server requests, no such tag', 'server requests, wrong tag', 'no such metric'])
      expect((await ask(url, java[name]!)).status, name).toBe(java[name]!.answer.status)
    const { names } = await json<{ names: string[] }>(`${url}/actuator/metrics`)
    expect(names).toEqual(
      expect.arrayContaining(['http.server.requests', 'process.uptime', 'nacos.sidecar.registered']),
    )
    for (const name of names) expect((await json<Metric>(`${url}/actuator/metrics/${name}`)).name).toBe(name)
  })

  test('the index links what is answered; what is not exposed is a 404 of the app', async () => {
    const { url } = await actuatorApp(
      {
        'management.endpoints.web.exposure.include': 'info,metrics',
        'management.endpoints.web.exposure.exclude': 'info',
      },
      { framework },
    )
    const links = async () =>
      Object.keys((await json<{ _links: Record<string, object> }>(`${url}/actuator`))._links).sort()
    expect(await links()).toEqual(['health', 'health-path', 'metrics', 'metrics-requiredMetricName', 'self'])
    for (const path of ['info', 'prometheus', 'loggers', 'loggers/nacos-sidecar', 'nope', 'metricsx', 'info/x'])
      expect((await fetch(`${url}/actuator/${path}`)).status, path).toBe(404)
    expect((await fetch(`${url}/actuator/loggers/nacos-sidecar`, { method: 'POST' })).status).toBe(404)
  })

  test('a route of the app wins', async () => {
    const { url } = await actuatorApp(EXPOSED, {
      framework,
      routes: (app) => app.route('GET', '/actuator/info', () => ({ own: true })),
    })
    expect(await json(`${url}/actuator/info`)).toEqual({ own: true })
  })

  test('behind the guard all pages are there, each with a token; the health pages need none', async () => {
    const verify = (token: string) => token === 'good'
    for (const mount of ['first', 'manual'] as const) {
      const { url } = await actuatorApp({ 'auth.enabled': true, 'auth.mount': mount }, { framework, verify })
      const status = async (path: string, token?: string, method = 'GET') =>
        (await fetch(url + path, { method, headers: { ...(token && { authorization: `Bearer ${token}` }) } })).status
      for (const path of [
        'prometheus',
        'info',
        'metrics',
        'metrics/process.uptime',
        'loggers',
        'loggers/nacos-sidecar',
      ]) {
        expect(await status(`/actuator/${path}`), `${mount} ${path}`).toBe(401)
        expect(await status(`/actuator/${path}`, 'bad'), `${mount} ${path}`).toBe(403)
        expect(await status(`/actuator/${path}`, 'good'), `${mount} ${path}`).toBe(200)
      }
      expect(await status('/actuator/loggers/nacos-sidecar', undefined, 'POST')).toBe(401)
      expect(await status('/actuator/health')).toBe(200)
      expect(await status('/actuator/health/readiness')).toBe(200)
    }
  })
})

test('without a guard only the health pages are answered', async () => {
  const { url } = await actuatorApp()
  for (const path of ['prometheus', 'info', 'metrics', 'loggers', 'loggers/nacos-sidecar'])
    expect((await fetch(`${url}/actuator/${path}`)).status, path).toBe(404)
  expect((await fetch(`${url}/actuator/health`)).status).toBe(200)
  const { _links: links } = await json<{ _links: object }>(`${url}/actuator`)
  expect(Object.keys(links)).toEqual(['self', 'health', 'health-path'])
})

test('a level is not changed by a page of another origin, nor without a guard in production', async () => {
  const { sidecar, url } = await actuatorApp(EXPOSED)
  const post = async (headers: Record<string, string>, base = url) =>
    (
      await fetch(`${base}/actuator/loggers/nacos-sidecar`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: '{"configuredLevel":"ERROR"}',
      })
    ).status
  expect(await post({ origin: 'https://evil.example' })).toBe(403)
  expect(await post({ origin: 'null' })).toBe(403)
  for (const facts of [{ 'sidecar.production': true }, { 'spring.profiles.active': 'prod' }])
    expect(await post({}, (await actuatorApp({ ...EXPOSED, ...facts })).url)).toBe(403)
  vi.stubEnv('NODE_ENV', 'production')
  expect(await post({}, (await actuatorApp(EXPOSED)).url)).toBe(403)
  expect(sidecar.recentLog().some(({ message }) => message.includes('/actuator/loggers'))).toBe(false)
  vi.stubEnv('NODE_ENV', '')
  expect(await post({ origin: url })).toBe(204)
})

test('a large body is refused, and the level stays', async () => {
  const { url } = await actuatorApp(EXPOSED, { framework: frameworks.find(({ name }) => name === 'koa 3')! })
  const body = JSON.stringify({ configuredLevel: 'DEBUG', more: 'x'.repeat(20_000) })
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${url}/actuator/loggers/nacos-sidecar`, { method: 'POST', headers, body })
  expect(response.status).toBe(400)
  expect(await json(`${url}/actuator/loggers/nacos-sidecar`)).toEqual({ effectiveLevel: 'INFO' })
})

test('info shows the app, Node and the keys below info; secrets are masked', async () => {
  const info = {
    'info.app.team': 'orders',
    'info.app.version': '9.9.9',
    'info.git.commit.id': 'abc123',
    'info.app.password': 'canary',
    'info.app.link': 'postgres://app:canary@db/x',
  }
  const { url } = await actuatorApp({ ...EXPOSED, ...info })
  const text = await page(`${url}/actuator/info`)
  expect(JSON.parse(text)).toMatchObject({
    app: { name: 'portal', team: 'orders', version: '9.9.9', password: '***' },
    git: { commit: { id: 'abc123' } },
    node: { version: process.versions.node },
  })
  expect(text).not.toContain('canary')
  const { url: quiet } = await actuatorApp({ ...EXPOSED, ...info, 'management.info.env.enabled': false })
  expect(await page(`${quiet}/actuator/info`)).not.toContain('orders')
})

test('another base path has all pages, the health pages too, which stay where they were', async () => {
  const { url } = await actuatorApp(
    { ...EXPOSED, 'management.endpoints.web.base-path': '/manage/', 'auth.enabled': true },
    { verify: () => true },
  )
  const status = async (path: string, authorization = 'Bearer t') =>
    (await fetch(url + path, { headers: { ...(authorization && { authorization }) } })).status
  for (const path of ['/manage', '/manage/info', '/manage/prometheus']) expect(await status(path), path).toBe(200)
  expect(await status('/actuator/info')).toBe(404)
  for (const path of ['/manage/health', '/manage/health/readiness', '/actuator/health', '/health'])
    expect(await status(path, ''), path).toBe(200)
  for (const path of ['/manage/info', '/manage/healthy', '/manage/health/x', '/manage'])
    expect(await status(path, ''), path).toBe(401)
})

test('its own pages have figures by their patterns', async () => {
  const { sidecar, url } = await actuatorApp(EXPOSED)
  for (const path of ['', '/metrics/process.uptime', '/loggers/nacos-sidecar', '/health/liveness'])
    await page(`${url}/actuator${path}`)
  const names = sidecar
    .stats()
    .operations.filter(({ kind }) => kind === 'server')
    .map(({ name }) => name)
  expect(names).toEqual([
    'GET /actuator',
    'GET /actuator/metrics/{requiredMetricName}',
    'GET /actuator/loggers/{name}',
    'GET /actuator/health/liveness',
  ])
})
