import { afterEach, expect, test, vi } from 'vitest'
import { killChildren } from '../support/child.js'
import { anInstance, ORDERS, openNacos, registrySettings } from '../support/transport.js'
import { startRegistryProcess } from '../support/registry.js'
import { bound, elapsed } from '../support/scale.js'

afterEach(killChildren)

/** The bound of the table, and what a busy machine adds. */
const NOTICED_MS = bound(2_000) + 250

const open = (serverAddr: string) => openNacos(registrySettings(serverAddr, {}, { pollInterval: 500 }))

async function connected(serverAddr: string) {
  const transport = open(serverAddr)
  const ports: number[][] = []
  transport.watchService!(ORDERS, (list) => ports.push(list.map(({ port }) => port)))
  await transport.register(anInstance({ port: 9001 }))
  await vi.waitFor(() => expect(transport.describe().updates).toMatch(/^grpc push/), 10_000)
  await vi.waitFor(() => expect(ports.at(-1)).toEqual([9001]))
  return { transport, ports }
}

test('fault 11: half-open TCP: a push connection to a stopped server is noticed within 2 s, and taken up again', async () => {
  const registry = await startRegistryProcess({ apis: ['v1'] })
  const { transport, ports } = await connected(registry.address)
  registry.child.signal('SIGSTOP')
  const stoppedAt = performance.now()
  await vi.waitFor(() => expect(transport.describe().updates).not.toMatch(/^grpc push/), {
    timeout: 2 * NOTICED_MS,
    interval: 20,
  })
  expect(elapsed(stoppedAt)).toBeLessThan(NOTICED_MS)

  registry.child.signal('SIGCONT')
  await vi.waitFor(() => expect(transport.describe().updates).toMatch(/^grpc push/), { timeout: 15_000, interval: 50 })
  await transport.register(anInstance({ port: 9002 }))
  await vi.waitFor(() => expect(ports.at(-1)?.toSorted()).toEqual([9001, 9002]))
})

test('fault 11: half-open TCP: a beat gives up within 2 s and goes to the next node', async () => {
  const [one, two] = [await startRegistryProcess({ apis: ['v1'] }), await startRegistryProcess({ apis: ['v1'] })]
  const transport = open(`${one.address},${two.address}`)
  await transport.register(anInstance({ port: 9001 }))
  const inUse = [one, two].find(({ address }) => address === transport.describe().server)!
  inUse.child.signal('SIGSTOP')
  const startMs = performance.now()
  expect(await transport.beat!(anInstance({ port: 9001 }))).toBe('ok')
  expect(elapsed(startMs)).toBeLessThan(NOTICED_MS)
  expect(transport.describe().server).not.toBe(inUse.address)
})
