import { onTestFinished, vi } from 'vitest'
import { createServiceDirectory, type ServiceDirectory } from '../../src/discovery/directory.js'
import { pollServices } from '../../src/nacos/polling.js'
import { collectEvents, collectLog } from './collect.js'
import { openTransport, type Overrides } from './http-transport.js'

/** What a registry lists: two instances of `orders`. */
export const TWO_ORDERS = {
  name: 'DEFAULT_GROUP@@orders',
  hosts: [9001, 9002].map((port) => ({
    ip: '10.0.0.7',
    port,
    weight: 1,
    healthy: true,
    enabled: true,
    ephemeral: true,
    clusterName: 'DEFAULT',
    serviceName: 'DEFAULT_GROUP@@orders',
    metadata: {},
  })),
}

/** A directory that polls `orders` from this server every `pollMs`, with its first list in hand. */
export async function pollOrders(
  server: { host: string; port: number },
  pollMs: number,
  overrides: Overrides = {},
): Promise<{ directory: ServiceDirectory; ports(): number[]; changes(): number; failures(): number }> {
  const transport = openTransport([server], overrides)
  const logger = collectLog()
  const { emit, names } = collectEvents()
  const directory = createServiceDirectory({
    transport: { ...transport, watchService: pollServices({ ask: transport.list, intervalMs: pollMs, logger }) },
    namespace: '',
    group: 'DEFAULT_GROUP',
    settings: { pollInterval: pollMs, emptyProtection: 0 },
    logger,
    emit,
  })
  onTestFinished(() => directory.close())
  await directory.get('orders')
  await vi.waitFor(() => directory.peek('orders') ?? Promise.reject(new Error('no list yet')))
  return {
    directory,
    ports: () =>
      directory
        .peek('orders')!
        .instances.map(({ port }) => port)
        .sort(),
    changes: () => names().filter((name) => name === 'instancesChanged').length,
    failures: () => directory.status()[0]!.failures,
  }
}
