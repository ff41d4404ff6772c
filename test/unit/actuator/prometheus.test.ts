import { once } from 'node:events'
import { Counter, Registry, register } from 'prom-client'
import { describe, expect, onTestFinished, test } from 'vitest'
import { frameworks } from '../../support/frameworks.js'
import { testRegistry } from '../../support/registry.js'
import { labelsByName, readMicrometer, readPage } from '../../support/micrometer.js'
import { actuatorApp, EXPOSED, page } from './actuator-app.js'

const java = readMicrometer()

describe.each(frameworks)('/actuator/prometheus on $name', (framework) => {
  test('has the requests in the names and tags of Micrometer', async () => {
    const { url } = await actuatorApp(EXPOSED, {
      framework,
      routes(app) {
        app.route('GET', '/users/:id', () => ({ ok: true }))
        app.route('GET', '/broken', () => {
          throw new Error('secret of the message')
        })
      },
    })
    for (const path of ['/users/1', '/users/2', '/broken', '/missing']) await (await fetch(url + path)).arrayBuffer()
    const text = await page(`${url}/actuator/prometheus`)
    const of = 'http_server_requests_seconds'
    expect(labelsByName(text, of)).toEqual(labelsByName(java['prometheus']!.answer.body, of))
    const { samples, types } = readPage(text)
    const { types: javaTypes } = readPage(java['prometheus']!.answer.body)
    for (const name of [of, `${of}_max`]) expect(types.get(name)).toBe(javaTypes.get(name))
    const counts = samples.filter(({ name }) => name === `${of}_count`)
    expect(counts.map(({ labels, value }) => `${Object.values(labels).sort().join(' ')} ${value}`).sort()).toEqual([
      '/** 404 CLIENT_ERROR GET none none portal 1',
      '/broken 500 GET SERVER_ERROR none none portal 1',
      '/users/:id 200 GET SUCCESS none none portal 2',
    ])
    expect(text).not.toContain('secret')
  })

  test('is answered as Spring Boot answers it', async () => {
    const { url } = await actuatorApp(EXPOSED, { framework })
    for (const name of ['prometheus', 'prometheus head', 'prometheus post', 'openmetrics']) {
      const { method, path, accept, answer } = java[name]!
      const response = await fetch(url + path, { method, headers: { ...(accept && { accept }) } })
      const text = await response.text()
      expect([response.status, plain(response.headers.get('content-type'))], name).toEqual([
        answer.status,
        plain(answer.contentType),
      ])
      expect(text === '', name).toBe(answer.body === '')
      expect(text.endsWith('# EOF\n'), name).toBe(answer.body.endsWith('# EOF\n'))
    }
  })
})

/** Spring writes no space between the parameters; that of its JSON is not said here. */
const plain = (contentType: string | null) => contentType?.replaceAll(' ', '').replace(/(json);.*/, '$1')

test('buckets are those of Micrometer, with the same texts', async () => {
  const { url } = await actuatorApp(
    {
      ...EXPOSED,
      'management.metrics.distribution.percentiles-histogram.http.server.requests': true,
      'management.metrics.distribution.slo.http.client.requests': '100ms,1s',
    },
    { routes: (app) => app.route('GET', '/users/:id', () => ({})) },
  )
  for (let n = 0; n < 3; n++) await page(`${url}/users/${n}`)
  const { samples, types } = readPage(await page(`${url}/actuator/prometheus`))
  const bounds = (all: typeof samples) => [
    ...new Set(
      all.filter(({ name }) => name === 'http_server_requests_seconds_bucket').map(({ labels }) => labels['le']),
    ),
  ]
  expect(types.get('http_server_requests_seconds')).toBe('histogram')
  expect(bounds(samples)).toEqual(bounds(readPage(java['histogram']!.answer.body).samples))
  const values = samples.filter(({ name }) => name === 'http_server_requests_seconds_bucket').map(({ value }) => value)
  expect(values).toEqual([...values].sort((one, other) => one - other))
  expect(values.at(-1)).toBe(3)
})

test('OpenMetrics names counters without their suffix, and each line is one of its format', async () => {
  const { url } = await actuatorApp(EXPOSED)
  const accept = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5'
  const text = await page(`${url}/actuator/prometheus`, { headers: { accept } })
  expect(text).toContain('# TYPE nacos_sidecar_config_changes counter\n')
  expect(text).toContain('\nnacos_sidecar_config_changes_total{application="portal"} 0\n')
  readPage(text)
})

test("tags of the settings are on every metric, and the app's metrics are there", async () => {
  const own = new Counter({ name: 'orders_placed_total', help: 'Orders', labelNames: ['kind'] })
  onTestFinished(() => register.removeSingleMetric('orders_placed_total'))
  own.inc({ kind: 'a"b\\c\nd' }, 2)
  const { url } = await actuatorApp({ ...EXPOSED, 'management.metrics.tags': { region: 'eu-1', application: 'shop' } })
  const { samples } = readPage(await page(`${url}/actuator/prometheus`))
  for (const { name, labels } of samples)
    expect([labels['application'], labels['region']], name).toEqual(['shop', 'eu-1'])
  expect(samples.find(({ name }) => name === 'orders_placed_total')).toEqual({
    name: 'orders_placed_total',
    labels: { application: 'shop', region: 'eu-1', kind: 'a"b\\c\nd' },
    value: 2,
  })
  expect(samples.filter(({ name }) => name === 'process_cpu_user_seconds_total')).toHaveLength(1)
})

test('a registry of the app stands for that of prom-client; no name is there twice', async () => {
  const metricsRegistry = new Registry()
  new Counter({ name: 'own_total', help: 'Own', registers: [metricsRegistry] }).inc()
  new Counter({ name: 'nacos_sidecar_ejections_total', help: 'Taken', registers: [metricsRegistry] }).inc(7)
  const { url } = await actuatorApp(EXPOSED, { metricsRegistry })
  const text = await page(`${url}/actuator/prometheus`)
  const { samples } = readPage(text)
  expect(samples.filter(({ name }) => name === 'own_total')).toHaveLength(1)
  expect(text.match(/^nacos_sidecar_ejections_total/gm)).toHaveLength(1)
  expect(text).not.toContain('orders_placed_total')
})

test("a metric of the app that fails takes only the app's own from the page", async () => {
  const metricsRegistry = new Registry()
  new Counter({
    name: 'failing_total',
    help: 'Fails',
    registers: [metricsRegistry],
    collect() {
      throw new Error('no database')
    },
  })
  const { url, lines } = await actuatorApp(EXPOSED, { metricsRegistry })
  for (let n = 0; n < 2; n++) expect(await page(`${url}/actuator/prometheus`)).toContain('nacos_sidecar_registered')
  expect(lines.filter((line) => line.includes('no database'))).toHaveLength(1)
})

test('a document in Nacos switches buckets on, and the figures by outcome begin anew', async () => {
  const registry = await testRegistry()
  const config = { 'cloud.nacos.server-addr': registry.address, 'cloud.nacos.config.enabled': true }
  const { sidecar, url } = await actuatorApp(
    { ...EXPOSED, ...config },
    { transport: undefined, routes: (app) => app.route('GET', '/a', () => ({})) },
  )
  const counted = async () => {
    const { samples } = readPage(await page(`${url}/actuator/prometheus`))
    return samples
      .filter(({ name, labels }) => labels['uri'] === '/a' && /_count$|_bucket$/.test(name))
      .map(
        ({ name, labels, value }) =>
          `${name.slice('http_server_requests_seconds_'.length)} ${labels['le'] ?? ''} ${value}`,
      )
  }
  await page(`${url}/a`)
  expect(await counted()).toEqual(['count  1'])
  const changed = once(sidecar, 'configChanged')
  registry.configs.publish({
    dataId: 'portal.yml',
    content: 'management.metrics.distribution.slo.http.server.requests: 30s',
  })
  await changed
  for (let n = 0; n < 2; n++) await page(`${url}/a`)
  expect(await counted()).toEqual(['bucket 30.0 2', 'bucket +Inf 2', 'count  2'])
})
