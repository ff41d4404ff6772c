import { SidecarError } from '../../errors.js'
import type { Logger } from '../../logger.js'
import type { ConnectionOptions } from '../../settings/connection.js'
import { createAddressServer, fixedAddresses, type AddressSource } from '../address-source.js'
import type { AccessTokenSource } from '../access-token.js'
import { createRequestLimiter, type RequestLimiter } from '../request-limiter.js'
import type { ServiceInstance, ServiceKey } from '../../types.js'
import type { RegistryTransport } from '../transport.js'
import { createApiChoice } from './api-choice.js'
import { createHttpClient } from './client.js'
import { createConsoleCheck } from './console-check.js'
import { createConfigWatch } from './config-watch.js'
import { Credentials } from './credentials.js'
import { createDetection } from './detection.js'
import { createExchange, type SendOptions } from './exchange.js'
import { RequestFailure, sidecarError } from './failure.js'
import { createLists, type WholeList } from './lists.js'
import { createLogin, type LoginOptions } from './login.js'
import { ServerList } from './server-list.js'
import { createWithDialect } from './with-dialect.js'
import { createRedactor, redacting } from '../../util/redactor.js'

export interface HttpTransportOptions extends ConnectionOptions {
  readonly logger: Logger
  /** Namespaces it is used for: a user may have rights in one only. @default [namespace] */
  readonly namespaces?: readonly string[]
  /** No address answers any more. */
  readonly onLost?: (event: { servers: readonly string[]; error: unknown }) => void
  /** The first answer, and the first one after an outage. */
  readonly onFound?: (event: { server: string }) => void
  /** How often an address server is asked. @default 30000 */
  readonly addressRefreshMs?: number
  /** Our own cluster. @default none */
  readonly cluster?: string
  /** Every cluster of interest, where the settings name them. @default none */
  readonly watchClusters?: readonly string[]
  /** Shared by transports to the same cluster. @default one of its own: one request a second */
  readonly limiter?: RequestLimiter
  /** How long the server may hold a config watch. @default 30000 */
  readonly longPollMs?: number
  /** How often watched configs are read where the server has no long poll (v3). @default 10000 */
  readonly configPollMs?: number
  /** Largest accepted answer in bytes, decompressed. @default 33554432 */
  readonly maxResponseBytes?: number
  /** @default Math.random */
  readonly random?: () => number
}

/** All of the seam but service subscriptions, which HTTP does not have. */
export type HttpTransport = Required<Omit<RegistryTransport, 'watchService' | 'list'>> & {
  /** @param whole asked where HTTP lists by cluster only */
  list(key: ServiceKey, signal?: AbortSignal, whole?: WholeList): Promise<ServiceInstance[]>
  /** Records the clusters of instances from another source: where HTTP lists by cluster, they are queried. */
  recordClusters(instances: readonly ServiceInstance[]): void
  /** Which API the server speaks; `undefined` before the first answer. */
  readonly api: 'v1' | 'v3' | undefined
  /** False where the server has no config listener over HTTP, so that documents are polled. */
  readonly longPolls: boolean
  /** The nodes of the cluster, for other protocols to it. */
  readonly source: AddressSource
  /** The login, for other protocols to the same registry; absent without a user. */
  readonly tokens: AccessTokenSource | undefined
}

const LONG_POLL_MS = 30_000
/** A server answers a long poll a little before its time is up; a black-holed one never does. */
const LONG_POLL_SLACK_MS = 10_000
const CONFIG_POLL_MS = 10_000
const MAX_RESPONSE_BYTES = 32 * 1024 * 1024

/**
 * Speaks to Nacos 1.x, 2.x, 3.x and r-nacos over HTTP. Nothing is sent before the first call. Which API the server
 * has is found out then (`apiVersion: 'auto'`).
 *
 * Rejects with `SIDECAR_REGISTRY_UNAVAILABLE` (no node answers), `…_REFUSED` (it says no), `…_LOGIN` (wrong user or
 * password), `…_ANSWER` (it cannot be read), `…_UNSUPPORTED` (it has no such API), `SIDECAR_STOPPED` after `close`.
 *
 * @example
 * const transport = createHttpTransport({ ...connectionOf(settings.cloud.nacos, 'discovery'), logger })
 */
export function createHttpTransport(options: HttpTransportOptions): HttpTransport {
  const {
    logger,
    namespaces = [options.namespace],
    username,
    password = '',
    accessKey,
    secretKey,
    apiVersion,
    requestTimeoutMs,
  } = options
  const longPollMs = options.longPollMs ?? LONG_POLL_MS
  const closed = new AbortController()
  const redact = createRedactor([password, secretKey, options.securityToken, options.tls.keyPassphrase])
  const clean = redacting(logger, redact)

  const client = createHttpClient({
    contextPath: options.contextPath,
    tls: options.tls,
    maxResponseBytes: options.maxResponseBytes ?? MAX_RESPONSE_BYTES,
  })
  const source = options.addressServer
    ? createAddressServer({
        url: options.addressServer,
        tlsByDefault: options.tls.enabled,
        client,
        logger: clean,
        timeoutMs: requestTimeoutMs,
        refreshMs: options.addressRefreshMs,
      })
    : fixedAddresses(options.addresses)
  const servers = new ServerList({
    source,
    limiter: options.limiter ?? createRequestLimiter(),
    logger: clean,
    onLost: ({ servers: all, error }) =>
      options.onLost?.({ servers: all, error: wrap('reaching the registry', error) }),
    onFound(event) {
      choice.reset()
      lists.reset()
      watch.wake()
      options.onFound?.(event)
    },
    random: options.random,
  })

  const own = { timeoutMs: requestTimeoutMs, signal: closed.signal }
  const anonymous = createExchange({ client, servers })
  const send: LoginOptions['send'] = async (operation) => {
    const result = await anonymous(operation, { ...own, priority: true })
    redact.add(result.token)
    return result
  }
  const credentials = username
    ? new Credentials({
        username,
        logger: clean,
        server: () => servers.current,
        login: createLogin({ username, password, apiVersion, send }),
      })
    : undefined
  const exchange = createExchange({
    client,
    servers,
    credentials,
    accessKey:
      accessKey && secretKey
        ? { accessKey, secretKey, securityToken: options.securityToken, regionId: options.regionId }
        : undefined,
  })

  const detection = createDetection({
    apiVersion,
    namespaces,
    send: (operation) => exchange(operation, { ...own, priority: true }),
    onFound({ version }) {
      choice.reset()
      lists.reset()
      logger.info(`Registry ${servers.current} speaks the ${version} API`)
    },
  })

  function wrap(what: string, error: unknown, hint?: string): SidecarError {
    if (closed.signal.aborted) {
      return new SidecarError('SIDECAR_STOPPED', `${what} failed: the connection to the registry has been closed`)
    }
    const failure = error instanceof RequestFailure ? error : new RequestFailure('aborted', 'it was cancelled')
    const advice =
      failure.advice ?? hint ?? (failure.kind === 'denied' && !credentials && !accessKey ? WANTS_LOGIN : undefined)
    return sidecarError(what, failure, servers.current, redact, advice)
  }

  const choice = createApiChoice(apiVersion)
  const withDialect = createWithDialect({
    detection,
    choice,
    exchange,
    timeoutMs: requestTimeoutMs,
    closed: closed.signal,
    inspectFailure: createConsoleCheck({ client, address: () => servers.currentAddress, closed: closed.signal }),
    failed: wrap,
  })

  const { cluster, watchClusters = [] } = options
  const lists = createLists({
    withDialect,
    clusters: [...(cluster ? [cluster] : []), ...watchClusters],
    named: watchClusters.length > 0,
    server: () => servers.current,
    logger: clean,
    failed: wrap,
  })

  const watch = createConfigWatch({
    listen: (configs, signal) =>
      withDialect('listen', (dialect) => dialect.listen?.(configs, longPollMs), {
        signal,
        timeoutMs: longPollMs + LONG_POLL_SLACK_MS,
        waitMs: requestTimeoutMs,
        background: true,
      }),
    read: (key, signal) => withDialect('getConfig', (dialect) => dialect.getConfig(key), { signal }),
    pollIntervalMs: options.configPollMs ?? CONFIG_POLL_MS,
    logger,
  })

  const vital = (signal?: AbortSignal): Partial<SendOptions> => ({ signal, priority: true })
  return {
    source,
    tokens: credentials,
    get api() {
      return detection.current?.version
    },
    get longPolls() {
      const { current } = detection
      return current === undefined || choice.dialectsFor('listen', current)[0].listen !== undefined
    },
    recordClusters: lists.recordClusters,
    register: (instance, signal) => withDialect('register', (dialect) => dialect.register(instance), vital(signal)),
    deregister: (instance, signal) =>
      withDialect('deregister', (dialect) => dialect.deregister(instance), vital(signal)),
    async beat(instance, signal, onInterval) {
      const how = { ...vital(signal), timeoutMs: options.beatTimeoutMs }
      const { known, intervalMs } = (await withDialect('beat', (dialect) => dialect.beat(instance), how))!
      if (intervalMs !== undefined) onInterval?.(intervalMs)
      return known ? 'ok' : 'unknown'
    },
    list: lists.list,
    listServices: async (page, signal) =>
      (await withDialect('listServices', (dialect) => dialect.listServices(page), { signal }))!,
    getConfig: (key, signal) => withDialect('getConfig', (dialect) => dialect.getConfig(key), { signal }),
    publishConfig: async (item, casMd5, signal) =>
      (await withDialect('publishConfig', (dialect) => dialect.publishConfig(item, casMd5), { signal }))!,
    deleteConfig: async (key, signal) =>
      (await withDialect('deleteConfig', (dialect) => dialect.deleteConfig(key), { signal }))!,
    watchConfig: watch.watch,
    deregisterRequest: (instance) =>
      detection.current && servers.currentAddress && exchange.plain(detection.current.deregister(instance)),
    describe: () => ({
      server: servers.current,
      servers: servers.all,
      ...(source.url !== undefined && { addressServer: source.url }),
      protocol: `http ${detection.current?.version ?? '?'}`,
      connected: servers.connected,
      ...(detection.reason !== undefined && { reason: detection.reason }),
      ...(lists.partial && { clusters: lists.partial }),
    }),
    async close() {
      closed.abort()
      source.close()
      watch.close()
      client.close()
    },
  }
}

const WANTS_LOGIN = 'The registry requires a login: set cloud.nacos.username and cloud.nacos.password.'
