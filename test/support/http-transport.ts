import { onTestFinished } from 'vitest'
import { createHttpTransport, type HttpTransport, type HttpTransportOptions } from '../../src/nacos/http/transport.js'
import type { ServiceInstance } from '../../src/types.js'
import { collectLog } from './collect.js'

export type Overrides = Omit<Partial<HttpTransportOptions>, 'addresses' | 'logger'> & {
  readonly scheme?: 'http' | 'https'
}
export type OpenedTransport = HttpTransport & {
  /** What it logged, as `level message`. */
  readonly lines: string[]
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
    namespace: '',
    contextPath: '/nacos',
    username: undefined,
    password: undefined,
    accessKey: undefined,
    secretKey: undefined,
    securityToken: undefined,
    regionId: undefined,
    tls: {
      enabled: scheme === 'https',
      caFile: undefined,
      certFile: undefined,
      keyFile: undefined,
      keyPassphrase: undefined,
      serverName: undefined,
    },
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
