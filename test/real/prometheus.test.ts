import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { say, startAuthService } from '../support/auth-service.js'
import { killChildren } from '../support/child.js'
import { metricsApp, sendEach } from '../support/metrics-app.js'
import { readMicrometer } from '../support/micrometer.js'
import { devRegistry } from '../support/registry.js'
import { lintMetrics, startPrometheus, type Prometheus } from './servers/prometheus.js'
import { Unavailable } from './servers/unavailable.js'
import { cannotBeHad } from './support/on-server.js'

const LOAD = {
  'GET /users/1': 40,
  'GET /users/2': 2,
  'POST /users': 7,
  'GET /broken': 3,
  'GET /missing': 5,
  'GET /calls/9': 6,
}
const SERVED = {
  'GET /users/:id 200 SUCCESS': 40 + 2 + 2 * 6,
  'POST /users 201 SUCCESS': 7,
  'GET /broken 500 SERVER_ERROR': 3,
  'GET /** 404 CLIENT_ERROR': 5,
  'GET /calls/:id 200 SUCCESS': 6,
}
const CALLED = { 'metrics-app /users/{id} 200': 6, 'metrics-app none 200': 6 }
const TAGS = {
  'management.metrics.tags.team': 'orders',
  'management.metrics.distribution.percentiles-histogram.http.server.requests': true,
}

const missing = await lintMetrics('').then(
  () => undefined,
  (error: unknown) => ({
    reason: error instanceof Error ? error.message : String(error),
    toolAbsent: error instanceof Unavailable && error.absent !== undefined,
  }),
)

describe('Prometheus', () => {
  if (missing) return cannotBeHad(missing)
  afterAll(() => killChildren())

  async function scraped(settings: object, scrape: object = {}) {
    const app = await metricsApp(await devRegistry(), { ...TAGS, ...settings })
    const port = app.managementPort ?? app.port
    const prometheus = await startPrometheus([`127.0.0.1:${port}`], scrape)
    onTestFinished(() => prometheus.stop())
    return { app, prometheus, page: `http://127.0.0.1:${port}/actuator/prometheus` }
  }

  const counts = async (prometheus: Prometheus, name: string, ...labels: string[]) =>
    Object.fromEntries(
      (await prometheus.query(name)).map(({ labels: all, value }) => [labels.map((one) => all[one]).join(' '), value]),
    )
  const served = (prometheus: Prometheus) =>
    counts(prometheus, 'http_server_requests_seconds_count{uri!~"/actuator.*"}', 'method', 'uri', 'status', 'outcome')

  test(
    'a scrape of the management port: the exact counts of a known load, in both formats',
    { timeout: 120_000 },
    async () => {
      const { app, prometheus, page } = await scraped({ 'management.server.port': 0 })
      await sendEach(app.url, LOAD)
      await expect.poll(() => served(prometheus), { timeout: 20_000 }).toEqual(SERVED)
      expect(await counts(prometheus, 'http_client_requests_seconds_count', 'client_name', 'uri', 'status')).toEqual(
        CALLED,
      )
      expect(await counts(prometheus, 'nacos_sidecar_registered', 'application', 'team')).toEqual({
        'metrics-app orders': 1,
      })
      expect(await counts(prometheus, 'app_orders_total', 'application')).toEqual({ 'metrics-app': 7 })
      expect(await counts(prometheus, 'up', 'job')).toEqual({ apps: 1 })
      const quantile = 'histogram_quantile(0.5, sum by (le) (http_server_requests_seconds_bucket{uri="/users/:id"}))'
      const [{ value: median } = { value: NaN }] = await prometheus.query(quantile)
      expect(median).toBeGreaterThan(0)
      expect(median).toBeLessThan(1)

      const text = async (accept: string) => (await fetch(page, { headers: { accept } })).text()
      // It finds fault with one name of Micrometer's, which dashboards use: `system_cpu_count`.
      const spring = await lintMetrics(readMicrometer()['prometheus']!.answer.body)
      const ours = await lintMetrics(await text('text/plain'))
      expect(ours.split('\n').filter((line) => !spring.includes(line))).toEqual([])
      expect(await text('application/openmetrics-text;version=1.0.0')).toMatch(/# EOF\n$/)
    },
  )

  test('a scrape of the app behind the guard, with its token', { timeout: 120_000 }, async () => {
    const auth = await startAuthService()
    onTestFinished(() => auth.close())
    auth.answer = ({ headers }, response) =>
      say({ data: headers.authorization === 'Bearer scrape' })({} as never, response)
    const guarded = { enabled: true, service: auth.url }
    const { prometheus } = await scraped({ auth: guarded }, { authorization: { credentials: 'scrape' } })
    await expect.poll(() => counts(prometheus, 'up', 'job'), { timeout: 20_000 }).toEqual({ apps: 1 })
    expect(auth.asked[0]!.url.searchParams.get('url')).toBe('/actuator/prometheus')
  })
})
