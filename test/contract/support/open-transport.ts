import type { Logger, NacosTransport } from 'nacos-sidecar'
import { createHttpTransport } from '../../../src/nacos/http/transport.js'
import { connectionOf, type ConnectionOptions } from '../../../src/settings/connection.js'
import { settingsSchema } from '../../../src/settings/schema.js'
import { openSdkTransport } from './open-sdk-transport.js'
import { CLUSTERS, type ContractTarget } from './target.js'

export interface TransportOverrides extends Partial<Pick<ConnectionOptions, 'namespace' | 'username' | 'password'>> {
  /** Another address of the same server: a recording proxy. */
  readonly server?: string
  readonly apiVersion?: ConnectionOptions['apiVersion']
  readonly logger?: Logger
  /** @default every cluster that the suite uses: then an empty list of v3 counts */
  readonly watchClusters?: readonly string[]
  /** No credentials, though the server wants some. */
  readonly anonymous?: boolean
}

/** The client under test, from settings as a user writes them. */
export function openTransport(target: ContractTarget, overrides: TransportOverrides = {}): NacosTransport {
  if (target.client === 'npm nacos') return openSdkTransport(target, overrides)
  const { server = target.server, apiVersion = target.apiVersion, logger = silent, anonymous, ...rest } = overrides
  const { watchClusters = CLUSTERS, ...own } = rest
  const user = anonymous ? undefined : (target.auth ?? target.admin)
  const credentials = user && { username: user.username, password: user.password }
  const settings = settingsSchema.parse({
    cloud: { nacos: { serverAddr: server, apiVersion, ...credentials, ...own } },
  })
  return createHttpTransport({
    ...connectionOf(settings.cloud.nacos, 'discovery'),
    logger,
    configPollMs: CONFIG_POLL_MS,
    watchClusters,
  })
}

/** v3 has no listener, so a watch reads; often enough here for a test to wait for it. */
const CONFIG_POLL_MS = 200

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }
