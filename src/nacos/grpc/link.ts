import { isIP } from 'node:net'
import { messageOf, SidecarError } from '../../errors.js'
import type { Logger } from '../../logger.js'
import type { ConnectionOptions } from '../../settings/connection.js'
import type { ServerAddress } from '../../settings/server-address.js'
import type {
  ConfigItem,
  ConfigKey,
  Page,
  ServiceInstance,
  ServiceKey,
  ServiceNames,
  Unsubscribe,
} from '../../types.js'
import type { ConfigListener, ServiceListener } from '../transport.js'
import { openChannel } from './channel.js'
import { createConfigWatches } from './config-watches.js'
import { openConnection, type Connection } from './connection.js'
import { createConnector } from './connector.js'
import { pause, withDeadline } from './deadline.js'
import { isUnregistered } from './errors.js'
import { instanceRequest, type InstanceOperation, type Message, type Request } from './messages.js'
import { fetchConfig, fetchInstances, fetchServiceNames, removeConfig, storeConfig } from './operations.js'
import { createReconciler } from './reconciler.js'
import { createRegistrations } from './registrations.js'
import { createServiceWatches } from './service-watches.js'
import { createSession, type Credentials, type Session } from './session.js'

export interface GrpcLinkOptions extends ConnectionOptions, Credentials {
  readonly logger: Logger
  /** One gRPC port for every address, instead of HTTP port + offset. */
  readonly grpcPort?: number
  /** gRPC port = HTTP port + this. @default 1000 */
  readonly grpcPortOffset?: number
  /** What Nacos files the connection under; only `naming` ones can register. @default 'naming' */
  readonly module?: 'naming' | 'config'
  /** Deadline of one attempt to connect. @default 3000 */
  readonly connectTimeoutMs?: number
  /** Silence after which the server is asked for a sign of life. @default 1000 */
  readonly livenessIntervalMs?: number
  /** Silence after that which ends the connection: with the interval, how long a half-open one goes unnoticed. @default 800 */
  readonly livenessTimeoutMs?: number
  /** Every subscription is made sure of about this often, in case a push was lost. @default 60000 */
  readonly verifyIntervalMs?: number
  /** Least time between two attempts to connect. @default 1000 */
  readonly minAttemptMs?: number
  /** Longest time between two attempts to connect. @default 4000 */
  readonly maxBackoffMs?: number
  /** Cap on one message either way, in bytes. @default 10485760 */
  readonly maxMessageBytes?: number
}

export interface LinkState {
  /** `connecting` only until the first attempt has ended. */
  readonly status: 'connecting' | 'up' | 'down'
  /** The configured address in use, `host:port`; the last one tried where none is. */
  readonly server: string
  /** Why it is down; '' otherwise. */
  readonly reason: string
}

/**
 * A standing gRPC connection to a Nacos cluster: subscriptions, listening and registrations that are kept up over
 * reconnects, and the single requests. Rejects with `SidecarError`: `SIDECAR_REGISTRY_UNAVAILABLE` without a connection,
 * `…_REFUSED`, `…_UNSUPPORTED` and `…_ANSWER` for what the server says, `SIDECAR_STOPPED` after `close`.
 */
export interface GrpcLink {
  state(): LinkState
  watchService(key: ServiceKey, listener: ServiceListener): Unsubscribe
  watchConfig(key: ConfigKey, knownMd5: string, listener: ConfigListener): Unsubscribe
  register(instance: ServiceInstance, signal?: AbortSignal): Promise<void>
  deregister(instance: ServiceInstance, signal?: AbortSignal): Promise<void>
  list(key: ServiceKey, signal?: AbortSignal): Promise<ServiceInstance[]>
  getConfig(key: ConfigKey, signal?: AbortSignal): Promise<ConfigItem | undefined>
  /** `false` if `casMd5` is given and is not the stored document's. */
  publishConfig(item: Omit<ConfigItem, 'md5'>, casMd5?: string, signal?: AbortSignal): Promise<boolean>
  deleteConfig(key: ConfigKey, signal?: AbortSignal): Promise<boolean>
  listServices(page: Page, signal?: AbortSignal): Promise<ServiceNames>
  /** Called at each change to up, and at once if it is up. */
  onUp(listener: (state: LinkState) => void): Unsubscribe
  /** Called at each change to down. */
  onDown(listener: (state: LinkState) => void): Unsubscribe
  /** Tries to connect without waiting out the back-off: somebody knows that the registry is back. */
  nudge(): void
  close(): Promise<void>
}

const DEFAULT_OFFSET = 1000
const CONCURRENCY = 16
const RETRY_MS = 1_000

/** How long a request waits for a connection that was just lost: a reconnect to a live server is quicker. */
const DOWN_WAIT_MS = 1_500

/** How long an old connection stands beside its successor while everything is moved over. */
const MOVE_MS = 3_000

/**
 * Connects at once and stays connected until `close`.
 *
 * @example
 * const link = createGrpcLink({ ...connectionOf(settings.cloud.nacos, 'discovery'), logger })
 * const stop = link.watchService({ namespace: '', group: 'DEFAULT_GROUP', service: 'users' }, (list) => …)
 */
export function createGrpcLink(options: GrpcLinkOptions): GrpcLink {
  const { addresses, logger, requestTimeoutMs } = options
  const ended = new AbortController()
  const reconciler = createReconciler<Session>({
    concurrency: CONCURRENCY,
    verifyIntervalMs: options.verifyIntervalMs ?? 60_000,
    retryMs: RETRY_MS,
    logger,
  })
  const services = createServiceWatches(reconciler, logger)
  const configs = createConfigWatches(reconciler, logger)
  const registrations = createRegistrations(reconciler)
  const upListeners = new Set<(state: LinkState) => void>()
  const downListeners = new Set<(state: LinkState) => void>()
  const retiring = new Set<Promise<void>>()
  let state: LinkState = { status: 'connecting', server: addresses[0]!.authority, reason: '' }
  let session: Session | undefined

  const grpcAddress = ({ host, port, tls }: ServerAddress): ServerAddress => {
    const own = options.grpcPort ?? port + (options.grpcPortOffset ?? DEFAULT_OFFSET)
    return { host, port: own, tls, authority: authorityOf(host, own) }
  }

  const connect = async (address: ServerAddress, signal: AbortSignal, onLost: (reason: SidecarError) => void) => {
    if (state.status !== 'up') state = { ...state, server: address.authority }
    const connection: Connection = await openConnection({
      address: grpcAddress(address),
      openChannel: (target) =>
        openChannel({
          address: target,
          tls: options.tls,
          maxMessageBytes: options.maxMessageBytes ?? 10 * 1024 * 1024,
        }),
      module: options.module ?? 'naming',
      tenant: options.namespace,
      connectTimeoutMs: options.connectTimeoutMs ?? 3_000,
      livenessIntervalMs: options.livenessIntervalMs ?? 1_000,
      livenessTimeoutMs: options.livenessTimeoutMs ?? 800,
      logger,
      signal,
      onPush: (type, message) => onPush(connection, address, type, message),
      onLost,
    })
    servers.set(connection, address.authority)
    return connection
  }
  const servers = new WeakMap<Connection, string>()

  const onPush = (connection: Connection, address: ServerAddress, type: string, message: Message): void => {
    // What a connection says that is not ours any more counts for nothing.
    if (session?.connection !== connection) return
    if (type === 'NotifySubscriberRequest') services.onNotify(message)
    else if (type === 'ConfigChangeNotifyRequest') configs.onNotify(message)
    else if (type === 'ConnectResetRequest') {
      const target = resetTarget(message, address)
      logger.info(`Nacos ${address.authority} asks to connect to ${target?.authority ?? 'another server'}`)
      connector.move(target)
    }
  }

  const setState = (next: LinkState): void => {
    const changed = next.status !== state.status
    state = next
    if (!changed) return
    for (const listener of next.status === 'up' ? upListeners : downListeners) tell(listener)
  }
  const tell = (listener: (state: LinkState) => void): void => {
    try {
      listener(state)
    } catch (error) {
      logger.error(`a listener of the gRPC link threw: ${messageOf(error)}`)
    }
  }

  /** Keeps the old connection until everything holds on the new one, so that no instance is gone for a moment. */
  const retire = async (previous: Connection): Promise<void> => {
    await Promise.race([reconciler.settled(), pause(MOVE_MS, ended.signal)])
    await previous.close()
  }

  const connector = createConnector({
    addresses,
    connect,
    minAttemptMs: options.minAttemptMs ?? 1_000,
    maxBackoffMs: options.maxBackoffMs ?? 4_000,
    logger,
    onUp(connection, previous) {
      const server = servers.get(connection)!
      session = createSession(connection, server, options, requestTimeoutMs)
      logger.info(`Nacos ${server}: connected by gRPC on port ${connection.address.port}`)
      reconciler.attach(session)
      setState({ status: 'up', server, reason: '' })
      if (!previous) return
      const retired = retire(previous).finally(() => retiring.delete(retired))
      retiring.add(retired)
    },
    onDown(reason) {
      session = undefined
      reconciler.attach(undefined)
      setState({ status: 'down', server: state.server, reason: reason.message })
    },
  })

  const stopped = () => new SidecarError('SIDECAR_STOPPED', 'the gRPC link to Nacos has been closed')

  /** The session, waited for: as long as the first attempt takes, and a moment more where the connection was lost. */
  const present = async (signal: AbortSignal): Promise<Session> => {
    if (session) return session
    const arrived = await new Promise<Session | undefined>((resolve) => {
      let timer: NodeJS.Timeout | undefined
      // Not unref'd: somebody awaits the request.
      const wait = (ms: number) => {
        clearTimeout(timer)
        timer = setTimeout(done, ms)
      }
      const onDown = () => wait(DOWN_WAIT_MS)
      const done = () => {
        clearTimeout(timer)
        upListeners.delete(done)
        downListeners.delete(onDown)
        signal.removeEventListener('abort', done)
        resolve(session)
      }
      upListeners.add(done)
      downListeners.add(onDown)
      signal.addEventListener('abort', done, { once: true })
      wait(state.status === 'connecting' ? requestTimeoutMs : DOWN_WAIT_MS)
    })
    if (arrived) return arrived
    signal.throwIfAborted()
    throw noConnection()
  }
  const noConnection = () => {
    const list = addresses.map((address) => address.authority).join(', ')
    return new SidecarError(
      'SIDECAR_REGISTRY_UNAVAILABLE',
      `no gRPC connection to Nacos ${list}: ${state.reason || 'still connecting'}`,
    )
  }

  /** Everything a caller asks for: one deadline, an end when the link is closed, and only `SidecarError`s of our own. */
  const bounded = async <T>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    if (ended.signal.aborted) throw stopped()
    try {
      return await withDeadline(requestTimeoutMs, [ended.signal, signal], work)
    } catch (error) {
      if (ended.signal.aborted) throw stopped()
      signal?.throwIfAborted()
      throw error instanceof SidecarError ? error : session ? unanswered(error) : noConnection()
    }
  }
  const unanswered = (cause: unknown) =>
    new SidecarError('SIDECAR_REGISTRY_UNAVAILABLE', `Nacos ${state.server} (gRPC): ${messageOf(cause)}`, { cause })

  /** Tries once more where the connection went away under the request and a repetition does no harm. */
  const send = async (signal: AbortSignal, request: Request, repeatable = true): Promise<Message> => {
    const first = await present(signal)
    try {
      return await first.request(request, { signal })
    } catch (error) {
      const lost = session !== first && repeatable
      if (signal.aborted || !(lost || isUnregistered(error))) throw error
      return await (await present(signal)).request(request, { signal })
    }
  }

  const instance = async (of: ServiceInstance, operation: InstanceOperation, signal: AbortSignal): Promise<void> => {
    await send(signal, instanceRequest(of, operation))
  }

  return {
    state: () => state,
    watchService: (key, listener) => services.watch(key, listener),
    watchConfig: (key, knownMd5, listener) => configs.watch(key, knownMd5, listener),
    register: (of, outer) =>
      bounded(outer, async (signal) => {
        if (!of.ephemeral) return instance(of, 'registerInstance', signal)
        await present(signal)
        await registrations.register(of, signal)
      }),
    deregister: (of, outer) =>
      bounded(outer, async (signal) => {
        if (of.ephemeral && (await registrations.deregister(of, signal))) return
        await instance(of, 'deregisterInstance', signal)
      }),
    list: (key, outer) =>
      bounded(outer, (signal) => fetchInstances(key, state.server, (request) => send(signal, request))),
    getConfig: (key, outer) =>
      bounded(outer, (signal) => fetchConfig(key, state.server, (request) => send(signal, request))),
    publishConfig: (item, casMd5, outer) =>
      bounded(outer, async (signal) => {
        const { server, connection } = await present(signal)
        // Sent twice, a compare-and-set would find its own work and call it a conflict.
        const once = (request: Request) => send(signal, request, casMd5 === undefined)
        return storeConfig(item, casMd5, server, connection.negotiates, once)
      }),
    deleteConfig: (key, outer) => bounded(outer, (signal) => removeConfig(key, (request) => send(signal, request))),
    listServices: (page, outer) =>
      bounded(outer, (signal) => fetchServiceNames(page, state.server, (request) => send(signal, request))),
    onUp(listener) {
      const own = (now: LinkState) => listener(now)
      upListeners.add(own)
      if (state.status === 'up') tell(own)
      return () => void upListeners.delete(own)
    },
    onDown(listener) {
      const own = (now: LinkState) => listener(now)
      downListeners.add(own)
      return () => void downListeners.delete(own)
    },
    nudge: () => connector.nudge(),
    async close() {
      if (!ended.signal.aborted) {
        ended.abort(stopped())
        session = undefined
        reconciler.close()
        state = { status: 'down', server: state.server, reason: 'closed' }
        upListeners.clear()
        downListeners.clear()
      }
      await connector.close()
      await Promise.all(retiring)
    },
  }
}

/** Where a server sends us; only an address, for a name would be looked up on its word. */
function resetTarget(message: Message, from: ServerAddress): ServerAddress | undefined {
  const host = message['serverIp']
  const port = Number(message['serverPort'])
  if (typeof host !== 'string' || isIP(host) === 0 || !Number.isInteger(port) || port < 1 || port > 65535)
    return undefined
  return { host, port, tls: from.tls, authority: authorityOf(host, port) }
}

function authorityOf(host: string, port: number): string {
  return `${isIP(host) === 6 || host.includes(':') ? `[${host}]` : host}:${port}`
}
