import { startDevServer } from 'nacos-sidecar/dev-server'
import { afterEach, expect, test } from 'vitest'
import { killChildren } from '../support/child.js'
import { startScript } from '../support/script.js'

afterEach(killChildren)

const TOKEN = 'canary-token'

// A service that is guarded, and calls itself by its logical name in every way there is.
const SOURCE = `
import { createServer } from 'node:http'
import { once } from 'node:events'
import { subscribe } from 'node:diagnostics_channel'
import { request } from 'undici'
import { defineClient, GET, initSidecar } from 'nacos-sidecar'
import { sidecarDispatcher } from 'nacos-sidecar/undici'

const seen = {}
for (const name of ['registry:request', 'registry:registered', 'calls:attempt', 'guard:decision', 'config:configChanged', 'lifecycle:stopped']) {
  subscribe('nacos-sidecar:' + name, (message) => (seen[name] ??= []).push(message))
}
const silent = { debug() {}, info() {}, warn() {}, error() {} }
const sidecar = await initSidecar(undefined, {
  logger: silent,
  verify: (token) => token === '${TOKEN}',
})
const server = createServer((request, response) => response.setHeader('content-type', 'application/json').end('{"id":"7"}')).listen(0, '127.0.0.1')
await once(sidecar, 'registered')
const headers = { authorization: 'Bearer ${TOKEN}' }
const orders = defineClient('orders', { getOrder: GET('/orders/{id}'), find: GET('/orders') })
await orders.getOrder({ id: '7', headers })
await sidecar.fetch('http://orders/fetch?key=canary-key', { headers })
await sidecar.axios.get('http://orders/axios?key=canary-key', { headers })
await (await request('http://orders/undici?key=canary-key', { headers, dispatcher: sidecarDispatcher() })).body.dump()
await sidecar.axios.get('http://orders/refused').catch(() => {})
const changed = once(sidecar, 'configChanged')
say('up')
await changed
while (!sidecar.status().registry.updates?.startsWith('grpc push')) await new Promise((resolve) => setTimeout(resolve, 10))
await sidecar.stop({ drain: false })
say('seen', { seen })
process.exit()
`

const BOOTSTRAP = (registry: string) => `
application.name: orders
cloud.nacos.server-addr: ${registry}
cloud.nacos.discovery.ip: 127.0.0.1
cloud.nacos.config.shared-configs: [shared.yml]
auth.enabled: true
sidecar: { drain: 0, refresh-all: true }
`

interface Seen {
  readonly [channel: string]: readonly Record<string, unknown>[]
}

test('requests, calls, decisions and events are published, and printed for the areas that NACOS_SIDECAR_DEBUG names', async () => {
  await using registry = await startDevServer()
  registry.configs.publish({ dataId: 'shared.yml', content: 'a: 1' })
  const env = { NACOS_SIDECAR_DEBUG: 'registry, calls,lifecycle,guards' }
  const child = startScript(SOURCE, { bootstrap: BOOTSTRAP(registry.address), env })
  await child.message('up')
  registry.configs.publish({ dataId: 'shared.yml', content: 'a: 2' })
  const { seen } = await child.message<{ seen: Seen }>('seen')
  await child.exited

  expect(seen['calls:attempt']).toEqual([
    ...['/orders/7', '/fetch', '/axios', '/undici'].map((path) => ({
      ...{ service: 'orders', instance: expect.stringMatching(/^127\.0\.0\.1:\d+$/), method: 'GET', path },
      ...{ status: 200, outcome: 'ok', attempt: 1, ms: expect.any(Number) },
    })),
    expect.objectContaining({ path: '/refused', status: 401, outcome: 'ok' }),
  ])
  expect(seen['guard:decision']).toEqual([
    ...Array.from({ length: 4 }, () => expect.objectContaining({ method: 'GET', allowed: true })),
    { method: 'GET', path: '/refused', allowed: false, status: 401, ms: expect.any(Number) },
  ])
  const asked = seen['registry:request']!
  expect(asked).toContainEqual({
    ...{ server: registry.address, protocol: 'http', method: 'POST', path: expect.stringMatching(/instance$/) },
    ...{ status: 200, ms: expect.any(Number) },
  })
  expect(asked).toContainEqual(expect.objectContaining({ protocol: 'grpc', method: 'ServerCheckRequest', status: 200 }))
  expect(seen['registry:registered']).toEqual([
    { instance: expect.objectContaining({ service: 'orders' }), again: false },
  ])
  expect(seen['config:configChanged']).toEqual([{ keys: ['a'] }])
  expect(seen['lifecycle:stopped']).toHaveLength(1)
  expect(JSON.stringify(seen)).not.toContain('canary')

  const lines = child.stderr.split('\n').filter((line) => line.includes(' DEBUG nacos-sidecar:'))
  const event = / nacos-sidecar:(\S+ \S+)/
  expect(new Set(lines.map((line) => event.exec(line)![1]!.split(' ')[0]))).toEqual(
    new Set(['debug', 'registry', 'calls', 'lifecycle']),
  )
  expect(lines[0]).toMatch(
    /nacos-sidecar:debug unknown area given=guards areas=registry,calls,config,guard,lifecycle,events,observe$/,
  )
  expect(lines).toContainEqual(
    expect.stringMatching(
      /:calls attempt service=orders instance=127\.0\.0\.1:\d+ method=GET path=\/fetch status=200 outcome=ok attempt=1 ms=[\d.]+$/,
    ),
  )
  expect(child.stderr).not.toContain('canary')
})
