import dns from 'node:dns'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { createSidecar } from 'nacos-sidecar'
import { startDevServer } from 'nacos-sidecar/dev-server'
import type { DevServer } from 'nacos-sidecar/testing'
import { expect, onTestFinished, test, vi } from 'vitest'
import { collectLog } from '../support/collect.js'
import { ownPort } from '../support/own-port.js'
import { duration } from '../support/scale.js'

const NAME = 'registry.test'
const OUTAGE_MS = duration(30_000, 4_000)

/** What the resolver says of the registry: an address, or that there is none. Both look-ups of Node go through it. */
function resolver(first: string) {
  const state = { address: first as string | undefined, asked: [] as number[] }
  const answer = (host: string) => {
    state.asked.push(performance.now())
    if (state.address) return [{ address: state.address, family: 4 }]
    throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND', syscall: 'getaddrinfo' })
  }
  const { lookup } = dns
  const { lookup: lookupAsync } = dns.promises
  type Callback = (error: Error | null, address?: unknown, family?: number) => void
  vi.spyOn(dns, 'lookup').mockImplementation(((host: string, options: unknown, callback?: Callback) => {
    if (host !== NAME) return Reflect.apply(lookup, dns, [host, options, callback])
    const done = (callback ?? options) as Callback
    const all = typeof options === 'object' && options !== null && 'all' in options && options.all
    setImmediate(() => {
      try {
        const found = answer(host)
        if (all) done(null, found)
        else done(null, found[0]!.address, 4)
      } catch (error) {
        done(error as Error)
      }
    })
  }) as typeof dns.lookup)
  vi.spyOn(dns.promises, 'lookup').mockImplementation((async (host: string, options: { all?: boolean }) => {
    if (host !== NAME) return Reflect.apply(lookupAsync, dns.promises, [host, options])
    const found = answer(host)
    return options?.all ? found : found[0]
  }) as typeof dns.promises.lookup)
  onTestFinished(() => void vi.restoreAllMocks())
  return state
}

async function registryOn(host: string, port: number): Promise<DevServer> {
  const server = await startDevServer({ host, port, allowedHosts: [NAME] })
  onTestFinished(() => server.stop())
  return server
}

test('fault 13: DNS failure, then a new address: resolved again within 30 s, without a hot loop', async () => {
  const first = await registryOn('127.0.0.1', await ownPort())
  const name = resolver('127.0.0.1')
  const app = createServer((_request, response) => response.end())
  onTestFinished(() => void app.close())
  const sidecar = createSidecar({
    configPath: false,
    signals: false,
    logger: collectLog(),
    settings: {
      application: { name: 'orders' },
      cloud: {
        nacos: {
          serverAddr: `${NAME}:${first.port}`,
          discovery: {
            ip: '127.0.0.1',
            heartBeatInterval: duration(10_000, 1_000),
            heartBeatTimeout: 30_000,
            ipDeleteTimeout: 90_000,
          },
        },
      },
      sidecar: { drain: 0 },
    },
  })
  onTestFinished(() => sidecar.stop({ drain: false }))
  sidecar.discovery.watch('orders', () => {})
  app.listen(0, '127.0.0.1')
  await once(sidecar, 'registered')
  const pushes = () => expect(sidecar.status().registry.updates).toMatch(/^grpc push/)
  await vi.waitFor(pushes, 10_000)

  name.address = undefined
  await first.stop()
  await vi.waitFor(() => expect(sidecar.status().registry.connected).toBe(false), 20_000)
  name.asked.length = 0
  const lostAt = performance.now()
  await new Promise((resolve) => setTimeout(resolve, OUTAGE_MS))
  expect(name.asked.length).toBeGreaterThan(0)
  // Each request of the budget is one look-up, and there is one request a second.
  expect(name.asked.length).toBeLessThanOrEqual((performance.now() - lostAt) / 1_000 + 2)

  // 127.0.0.2 is as good an address as any.
  const second = await registryOn('127.0.0.2', first.port)
  name.address = '127.0.0.2'
  const changedAt = performance.now()
  await vi.waitFor(() => expect(second.services().flatMap(({ instances }) => instances)).toHaveLength(1), 30_000)
  await vi.waitFor(pushes, 30_000)
  expect(performance.now() - changedAt).toBeLessThan(30_000)
})
