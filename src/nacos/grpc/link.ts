import { SidecarError } from '../../errors.js'
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
import { pause, withDeadline } from '../../util/deadline.js'
import { fixedAddresses } from '../address-source.js'
import type { RequestLimiter } from '../request-limiter.js'
import type { ConfigListener, FailureListener, ServiceListener } from '../transport.js'
import { grpcAddressOf, resetTargetOf } from './addresses.js'
import { openChannel } from './channel.js'
import { createConfigWatches } from './config-watches.js'
import { openConnection, type Connection } from './connection.js'
import { createConnector, type Connector } from './connector.js'
import { isUnregistered, unavailable } from './errors.js'
import { instanceRequest, type InstanceOperation, type Message, type Request } from './messages.js'
import { fetchConfig, fetchInstances, fetchServiceNames, deleteConfig, storeConfig } from './operations.js'
import { limitsOf, type GrpcLinkOptions } from './options.js'
import { createSessionHolder, type LinkListener, type LinkState } from './session-holder.js'
import { createReconciler } from './reconciler.js'
import { createRegistrations } from './registrations.js'
import { createServiceWatches } from './service-watches.js'
import { createSession, type Session } from './session.js'

/**
 * A standing gRPC connection to a Nacos cluster: subscriptions, listening and registrations that are kept up over
 * reconnects, and the single requests. Rejects with `SidecarError`: `SIDECAR_REGISTRY_UNAVAILABLE` without a
 * connection, `…_REFUSED`, `…_UNSUPPORTED` and `…_ANSWER` for what the server says, `SIDECAR_STOPPED` after `close`.
 */
export interface GrpcLink {
  state(): LinkState
  watchService(key: ServiceKey, listener: ServiceListener, onFailure?: FailureListener): Unsubscribe
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
  onUp(listener: LinkListener): Unsubscribe
  /** Called at each change to down. */
  onDown(listener: LinkListener): Unsubscribe
  /** Connects without waiting for the back-off, because the registry answers over HTTP again. */
  retryNow(): void
  close(): Promise<void>
}

const CONCURRENCY = 16
const LONGEST_TURN_MS = 60_000
const RETRY_MS = 1_000

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
  const { limiter, logger, requestTimeoutMs, source = fixedAddresses(options.addresses) } = options
  const addresses = () => source.current
  const limits = limitsOf(options)
  const ended = new AbortController()
  const sessions = createSessionHolder(addresses, requestTimeoutMs, logger)
  const reconciler = createReconciler<Session>({
    concurrency: CONCURRENCY,
    verifyIntervalMs: limits.verifyIntervalMs,
    retryMs: RETRY_MS,
    logger,
  })
  const services = createServiceWatches(reconciler, logger)
  const configs = createConfigWatches(reconciler, logger)
  const registrations = createRegistrations(reconciler)
  const retiring = new Set<Promise<void>>()

  const connect = async (address: ServerAddress, signal: AbortSignal, onLost: (reason: SidecarError) => void) => {
    const endpoint = grpcAddressOf(address, options)
    sessions.setTarget(address.authority, endpoint.authority)
    // A 3.x server sends SetupAck before the connection is up.
    const standing: { connection?: Connection } = {}
    standing.connection = await openConnection({
      ...limits,
      address: endpoint,
      openChannel: (target, deadline) => openChannel({ ...limits, address: target, tls: options.tls }, deadline),
      module: options.module ?? 'naming',
      tenant: options.namespace,
      logger,
      signal,
      onPush: (type, message) => onPush(standing.connection, address, type, message),
      onLost,
    })
    return standing.connection
  }

  const onPush = (connection: Connection | undefined, address: ServerAddress, type: string, message: Message): void => {
    // A push on a replaced connection is ignored.
    if (!connection || sessions.session?.connection !== connection) return
    if (type === 'NotifySubscriberRequest') services.onNotify(message)
    else if (type === 'ConfigChangeNotifyRequest') configs.onNotify(message)
    else if (type === 'ConnectResetRequest') {
      const target = resetTargetOf(message, address)
      logger.info(`Nacos ${address.authority} asks to connect to ${target?.authority ?? 'another server'}`)
      connector.move(target)
    }
  }

  /**
   * Keeps the old connection until everything is registered on the new one, so that no instance disappears meanwhile.
   */
  const retire = async (previous: Connection): Promise<void> => {
    await Promise.race([reconciler.settled(), pause(MOVE_MS, ended.signal)])
    await previous.close()
  }

  const connector: Connector = createConnector({
    ...limits,
    addresses,
    connect,
    ready: (signal) => source.ready(signal),
    acquirePermit: limiter && ((signal) => acquirePermit(limiter, signal)),
    quiet: options.quiet ?? false,
    logger,
    onUp(connection, address, previous) {
      const session = createSession(connection, address.authority, options, requestTimeoutMs)
      logger.info(`Nacos ${address.authority}: connected by gRPC on port ${connection.address.port}`)
      reconciler.attach(session)
      sessions.up(session)
      if (!previous) return
      const retired = retire(previous).finally(() => retiring.delete(retired))
      retiring.add(retired)
    },
    onDown(reason) {
      reconciler.attach(undefined)
      sessions.down(reason.message)
    },
  })

  const unsubscribe = source.onChange(() => {
    const server = sessions.session?.server
    if (server !== undefined && !addresses().some(({ authority }) => authority === server)) connector.move()
  })

  const stopped = () => new SidecarError('SIDECAR_STOPPED', 'the gRPC link to Nacos has been closed')

  /**
   * Wraps each operation: one deadline, an end when the link closes, and only `SidecarError`s or the caller's own
   * reason.
   */
  const bounded = async <T>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    if (ended.signal.aborted) throw stopped()
    try {
      return await withDeadline(requestTimeoutMs, [ended.signal, signal], work)
    } catch (error) {
      if (ended.signal.aborted) throw stopped()
      signal?.throwIfAborted()
      if (error instanceof SidecarError) throw error
      throw sessions.session ? unavailable('a request', sessions.state.server, error) : sessions.unavailableError()
    }
  }

  /** Tries once more where the connection went away under the request and a repetition does no harm. */
  const send = async (signal: AbortSignal, request: Request, repeatable = true): Promise<Message> => {
    const first = await sessions.waitForSession(signal)
    try {
      return await first.request(request, { signal })
    } catch (error) {
      const lost = sessions.session !== first && repeatable
      if (signal.aborted || !(lost || isUnregistered(error))) throw error
      const second = await sessions.waitForSession(signal)
      return second.request(request, { signal })
    }
  }

  const ask = <T>(
    outer: AbortSignal | undefined,
    work: (server: string, send: (request: Request) => Promise<Message>) => Promise<T>,
  ): Promise<T> => bounded(outer, (signal) => work(sessions.state.server, (request) => send(signal, request)))

  const instance = async (of: ServiceInstance, operation: InstanceOperation, signal: AbortSignal): Promise<void> => {
    await send(signal, instanceRequest(of, operation))
  }

  return {
    state: () => sessions.state,
    watchService: (key, listener, onFailure) => services.watch(key, listener, onFailure),
    watchConfig: (key, knownMd5, listener) => configs.watch(key, knownMd5, listener),
    register: (of, outer) =>
      bounded(outer, async (signal) => {
        if (!of.ephemeral) return instance(of, 'registerInstance', signal)
        await sessions.waitForSession(signal)
        await registrations.register(of, signal)
      }),
    deregister: (of, outer) =>
      bounded(outer, async (signal) => {
        if (of.ephemeral && (await registrations.deregister(of, signal))) return
        await instance(of, 'deregisterInstance', signal)
      }),
    list: (key, outer) => ask(outer, (server, send) => fetchInstances(key, server, send)),
    getConfig: (key, outer) => ask(outer, (server, send) => fetchConfig(key, server, send)),
    publishConfig: (item, casMd5, outer) =>
      bounded(outer, async (signal) => {
        const { server, connection } = await sessions.waitForSession(signal)
        // Sent twice, a compare-and-set would find its own work and call it a conflict.
        const once = (request: Request) => send(signal, request, casMd5 === undefined)
        return storeConfig(item, casMd5, server, connection.negotiates, once)
      }),
    deleteConfig: (key, outer) => ask(outer, (_server, send) => deleteConfig(key, send)),
    listServices: (page, outer) => ask(outer, (server, send) => fetchServiceNames(page, server, send)),
    onUp: sessions.onUp,
    onDown: sessions.onDown,
    retryNow: () => connector.retryNow(),
    async close() {
      ended.abort(stopped())
      unsubscribe()
      sessions.close()
      reconciler.close()
      await connector.close()
      await Promise.all(retiring)
    },
  }
}

/** Waits for a permit, however long: a failing registry gets no attempt beyond its limit. */
async function acquirePermit(budget: RequestLimiter, signal: AbortSignal): Promise<void> {
  while ((await budget.acquire(false, LONGEST_TURN_MS, signal)) === 'late');
}
