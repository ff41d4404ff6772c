import type { ServiceInstance, Settings } from 'nacos-sidecar'
import { onTestFinished, vi } from 'vitest'
import { createServiceDirectory, type ServiceDirectory } from '../../src/discovery/directory.js'
import { createTransport } from '../../src/nacos/connect.js'
import { createHttpTransport, type HttpTransport, type HttpTransportOptions } from '../../src/nacos/http/transport.js'
import { pollServices } from '../../src/nacos/polling.js'
import type { RegistryTransport } from '../../src/nacos/transport.js'
import { connectionOf } from '../../src/settings/connection.js'
import { settingsSchema } from '../../src/settings/schema.js'
import { collectLog, collectEvents } from './collect.js'

export type Overrides = Omit<Partial<HttpTransportOptions>, 'addresses' | 'logger'> & {
  readonly scheme?: 'http' | 'https'
}
export type OpenedTransport = HttpTransport & {
  /** What it logged, as `level message`. */
  readonly lines: string[]
}

export const NO_TLS = {
  enabled: false,
  caFile: undefined,
  certFile: undefined,
  keyFile: undefined,
  keyPassphrase: undefined,
  serverName: undefined,
}

/** Of a connection to a registry: nothing but the address is set. */
export const PLAIN_CONNECTION = {
  namespace: '',
  contextPath: '/nacos',
  username: undefined,
  password: undefined,
  accessKey: undefined,
  secretKey: undefined,
  securityToken: undefined,
  regionId: undefined,
  tls: NO_TLS,
}

/** A transport to these servers, in this order, that closes with the test. */
export function openTransport(
  servers: readonly { host: string; port: number }[],
  overrides: Overrides = {},
): OpenedTransport {
  const { scheme = 'http', ...rest } = overrides
  const logger = collectLog()
  const transport = createHttpTransport({
    addresses: servers.map(({ host, port }) => ({ host, port, tls: scheme === 'https', authority: `${host}:${port}` })),
    ...PLAIN_CONNECTION,
    tls: { ...NO_TLS, enabled: scheme === 'https' },
    apiVersion: 'v1',
    requestTimeoutMs: 2_000,
    beatTimeoutMs: 500,
    logger,
    random: () => 0, // start with the first server
    ...rest,
  })
  onTestFinished(() => transport.close())
  return Object.assign(transport, { lines: logger.lines }) as OpenedTransport
}

export const ORDERS = { namespace: '', group: 'DEFAULT_GROUP', service: 'orders' } as const

export function anInstance(overrides: Partial<ServiceInstance> = {}): ServiceInstance {
  return {
    ...ORDERS,
    ip: '10.0.0.7',
    port: 9001,
    weight: 1,
    healthy: true,
    enabled: true,
    ephemeral: true,
    cluster: 'DEFAULT',
    metadata: {},
    ...overrides,
  }
}

/** Settings as a user writes them, for whatever connects to a registry. */
export function registrySettings(serverAddr: string, nacos: object = {}, sidecar: object = {}) {
  return settingsSchema.parse({ cloud: { nacos: { serverAddr, apiVersion: 'v1', ...nacos } }, sidecar })
}

type Log = ReturnType<typeof collectLog>

/**
 * A transport as a sidecar opens it, closed when the test ends.
 *
 * @param finished that of the test's own context where tests run at the same time.
 */
export function openNacos(
  settings: Settings,
  logger: Log = collectLog(),
  finished: (cleanUp: () => Promise<void>) => void = onTestFinished,
): RegistryTransport {
  const connection = connectionOf(settings.cloud.nacos, 'discovery')
  const transport = createTransport({ connection, settings, logger })
  finished(() => transport.close())
  return transport
}

export interface OpenDirectory extends Pick<ReturnType<typeof collectEvents>, 'emit' | 'names'> {
  readonly transport: RegistryTransport
  readonly directory: ServiceDirectory
  readonly logger: Log
}

/** A directory over such a transport, and what both say. */
export function openDirectory(settings: Settings): OpenDirectory {
  const logger = collectLog()
  const transport = openNacos(settings, logger)
  const { emit, names } = collectEvents()
  const directory = createServiceDirectory({
    transport,
    namespace: '',
    group: 'DEFAULT_GROUP',
    settings: settings.sidecar,
    logger,
    emit,
  })
  onTestFinished(() => directory.close())
  return { transport, directory, logger, emit, names }
}

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
