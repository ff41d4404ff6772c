import { afterEach, expect, test } from 'vitest'
import { killChildren } from '../support/child.js'
import { metricsApp, sendEach } from '../support/metrics-app.js'
import { devRegistry } from '../support/registry.js'
import { readPage } from '../support/micrometer.js'
import { startScript } from '../support/script.js'

afterEach(killChildren)

/** As where it is not installed: whatever asks for it is told so by Node's own error. */
const WITHOUT_PROM_CLIENT = `
  import { register } from 'node:module'
  const hook = \`export async function resolve(name, context, next) {
    if (name !== 'prom-client') return next(name, context)
    throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' })
  }\`
  register('data:text/javascript,' + encodeURIComponent(hook))
`

test('the built package serves the metrics of a service that serves and calls itself', async () => {
  const app = await metricsApp(await devRegistry(), { 'management.server.port': 0 })
  await sendEach(app.url, { 'GET /users/1': 3, 'GET /calls/2': 2, 'POST /users': 1 })
  const page = await (await fetch(`http://127.0.0.1:${app.managementPort}/actuator/prometheus`)).text()
  const { samples } = readPage(page)
  const count = (name: string, labels: object) =>
    samples.find(
      (one) => one.name === name && Object.entries(labels).every(([label, value]) => one.labels[label] === value),
    )?.value
  expect(count('http_server_requests_seconds_count', { uri: '/users/:id' })).toBe(3 + 2 * 2)
  expect(count('http_client_requests_seconds_count', { client_name: 'metrics-app', uri: '/users/{id}' })).toBe(2)
  expect(count('app_orders_total', { application: 'metrics-app' })).toBe(1)
})

test('without prom-client the page is a 404 that says what to install, and the other pages are there', async () => {
  const child = startScript(
    `${WITHOUT_PROM_CLIENT}
    const { initSidecar } = await import('nacos-sidecar')
    const settings = {
      'cloud.nacos.discovery.enabled': false,
      'cloud.nacos.config.enabled': false,
      'application.name': 'portal',
      'management.server.port': 0,
    }
    const lines = []
    const log = (line) => void lines.push(line)
    const logger = { debug: log, info: log, warn: log, error: log }
    const sidecar = await initSidecar(undefined, { configPath: false, settings, logger })
    const url = 'http://127.0.0.1:' + /are on port (\\d+)/.exec(lines.join(' '))[1] + '/actuator/'
    const answers = []
    for (const page of ['prometheus', 'prometheus', 'metrics', 'info']) {
      const response = await fetch(url + page)
      answers.push([response.status, await response.text()])
    }
    say('answers', { answers, told: lines.filter((line) => line.includes('npm install prom-client')).length })
    await sidecar.stop()`,
    {},
  )
  const { answers, told } = await child.message<{ answers: [number, string][]; told: number }>('answers')
  expect(answers.map(([status]) => status)).toEqual([404, 404, 200, 200])
  expect(answers[0]![1]).toContain('npm install prom-client')
  expect(told).toBe(1)
})
