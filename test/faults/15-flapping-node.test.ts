import { startDevServer } from 'nacos-sidecar/dev-server'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startFaultProxy } from '../support/fault-proxy.js'
import { openDirectory, registrySettings } from '../support/transport.js'
import { duration } from '../support/scale.js'

const FLAPS = duration(30, 12)
const PERIOD_MS = duration(2_000, 500)
const SERVICES = 20

test('fault 15: flapping registry node: no storm of listeners', { timeout: 300_000 }, async () => {
  const registry = await startDevServer()
  onTestFinished(() => registry.stop())
  const [http, grpc] = [await startFaultProxy(registry), await startFaultProxy({ port: registry.grpcPort! })]
  onTestFinished(async () => void (await Promise.all([http.close(), grpc.close()])))
  const key = { namespace: '', group: 'DEFAULT_GROUP', dataId: 'app.yml' }
  registry.configs.publish({ dataId: 'app.yml', content: 'a: 1' })

  const settings = registrySettings(`127.0.0.1:${http.port}`, {}, { grpcPort: grpc.port, pollInterval: 1_000 })
  const { transport, directory, logger, names } = openDirectory(settings)

  const register = (service: string, port: number) =>
    fetch(
      `${registry.url}/nacos/v1/ns/instance?${new URLSearchParams({ serviceName: service, ip: '10.0.0.7', port: String(port), ephemeral: 'false' })}`,
      {
        method: 'POST',
      },
    )
  const changes: string[] = []
  for (let n = 0; n < SERVICES; n++) {
    await register(`service-${n}`, 9001)
    directory.watch(`service-${n}`, ({ all }) => changes.push(`service-${n}: ${all.length}`))
  }
  const documents: unknown[] = []
  transport.watchConfig!(key, '', (item) => documents.push(item?.content))
  await vi.waitFor(() => expect(transport.describe().updates).toMatch(/^grpc push/), 10_000)
  await vi.waitFor(() => expect([changes.length, documents.length]).toEqual([SERVICES, 1]))

  const startMs = performance.now()
  const before = [http.connections, grpc.connections] as const
  for (let flap = 0; flap < FLAPS; flap++) {
    await Promise.all([http.set('refuse'), grpc.set('refuse')])
    await new Promise((resolve) => setTimeout(resolve, PERIOD_MS))
    await Promise.all([http.set('pass'), grpc.set('pass')])
    await new Promise((resolve) => setTimeout(resolve, PERIOD_MS))
  }
  const seconds = (performance.now() - startMs) / 1_000

  // Nothing has changed, so no listener is called.
  expect(changes).toHaveLength(SERVICES)
  expect(documents).toEqual(['a: 1'])
  expect(names().filter((name) => name === 'instancesChanged')).toHaveLength(SERVICES)
  // At most one attempt to push a second, and a pool of HTTP connections a flap.
  expect(grpc.connections - before[1]).toBeLessThanOrEqual(seconds + 2)
  expect(http.connections - before[0]).toBeLessThanOrEqual(FLAPS * 18)
  // A line for each that fails and is back, but none for each service.
  expect(logger.lines.filter((line) => /^(warn|error)/.test(line)).length).toBeLessThanOrEqual(FLAPS * 6)

  // One connection holds each subscription once, and what changes is told of once.
  await vi.waitFor(() => expect(registry.grpc.connections()).toMatchObject([{ services: SERVICES, configs: 1 }]), {
    timeout: 140_000,
    interval: 100,
  })
  await register('service-0', 9002)
  registry.configs.publish({ dataId: 'app.yml', content: 'a: 2' })
  await vi.waitFor(() => expect(changes.at(-1)).toBe('service-0: 2'))
  await vi.waitFor(() => expect(documents).toEqual(['a: 1', 'a: 2']))
  expect(changes).toHaveLength(SERVICES + 1)
})
