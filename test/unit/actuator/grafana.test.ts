import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import express from 'express'
import { createSidecar } from 'nacos-sidecar'
import { expect, onTestFinished, test } from 'vitest'
import { collectLog } from '../../support/collect.js'
import { readPage } from '../../support/micrometer.js'
import { form, testRegistry } from '../../support/registry.js'
import { serve } from '../../support/frameworks.js'
import { page } from './actuator-app.js'

/** Any object of the dashboard that has an expression. */
interface Node {
  readonly expr?: string
  readonly query?: string | { readonly query: string }
}

/** What Prometheus itself adds to each sample. */
const OF_THE_SCRAPE = ['instance', 'job']

/** Names and labels of an expression: `sum by (a) (rate(b{c="d"}[5m]))` → b with a, c. */
function usesOf(expression: string): { names: string[]; labels: string[] } {
  const text = expression.replace(/"(?:[^"\\]|\\.)*"/g, '""')
  const inBraces = [...text.matchAll(/\{([^}]*)\}/g)].flatMap(([, inner]) => inner!.match(/\w+(?=\s*[=!])/g) ?? [])
  const grouped = [...text.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, inner]) =>
    inner!.split(',').map((one) => one.trim()),
  )
  return { names: text.match(/\b(?:http|nacos|process|nodejs|system)_\w+/g) ?? [], labels: [...inBraces, ...grouped] }
}

/** The page of a service that has served, called, ejected and read its configuration. */
async function realPage(): Promise<string> {
  const registry = await testRegistry()
  const app = express()
  const sidecar = createSidecar({
    ...{ app, configPath: false, logger: collectLog(), signals: false },
    settings: registry.settings({
      'application.name': 'portal',
      'management.endpoints.web.exposure.include': 'prometheus',
      'sidecar.ejection.connect-failures': 1,
    }),
  })
  onTestFinished(() => sidecar.stop({ drain: false }))
  const registered = once(sidecar, 'registered')
  app.get('/users/:id', (_request, response) => void response.json({}))
  const running = await serve(createServer(app))
  onTestFinished(running.close)
  await registered
  // Without a lease: no beats are sent.
  const instance = { serviceName: 'user-service', ip: '127.0.0.1', ephemeral: 'false' }
  for (const port of [running.port, 1]) await form(registry.server, 'POST', '/v1/ns/instance', { ...instance, port })
  const ejected = once(sidecar, 'ejected')
  for (let n = 0; n < 4; n++) await (await sidecar.fetch('http://user-service/users/1')).arrayBuffer()
  await ejected
  return page(`${running.url}/actuator/prometheus`)
}

test('the Grafana dashboard uses only metrics and labels that are on the page of a real service', async () => {
  const { samples } = readPage(await realPage())
  const dashboard = readFileSync(new URL('../../../docs/grafana/nacos-sidecar.json', import.meta.url), 'utf8')
  const expressions: string[] = []
  JSON.parse(dashboard, (_key, value: unknown) => {
    const { expr, query } = (value ?? {}) as Node
    const asked = typeof query === 'object' ? query.query : undefined
    for (const one of [expr, asked]) if (typeof one === 'string') expressions.push(one)
    return value
  })
  expect(expressions.length).toBeGreaterThan(30)
  for (const expression of expressions) {
    const { names, labels } = usesOf(expression)
    expect(names.length, expression).toBeGreaterThan(0)
    for (const name of names) {
      const found = samples.filter((sample) => sample.name === name)
      expect(found.length, `${name}, in ${expression}`).toBeGreaterThan(0)
      const known = [...Object.keys(found[0]!.labels), ...OF_THE_SCRAPE]
      expect(known, `${name}, in ${expression}`).toEqual(expect.arrayContaining(labels))
    }
  }
})

test('docs/observability.md has each of our metrics, with its labels', async () => {
  const { samples } = readPage(await realPage())
  const text = readFileSync(new URL('../../../docs/observability.md', import.meta.url), 'utf8')
  const own = samples.filter(({ name }) => /^(nacos_sidecar|http)_/.test(name))
  for (const { name, labels } of own) {
    const row = text
      .split('\n')
      .find((line) => line.startsWith('|') && line.includes(`\`${name.replace(/_(sum|max)$/, '_count')}\``))
    expect(row, name).toBeDefined()
    for (const label of Object.keys(labels)) if (label !== 'application') expect(row, name).toContain(`\`${label}\``)
  }
})
