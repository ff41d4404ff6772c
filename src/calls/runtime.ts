import type { EjectionListener } from '../balance/outlier-detector.js'
import { createRoutes, type Routes } from '../balance/routes.js'
import { createServiceDirectory, type ServiceDirectory, type ServiceDirectoryOptions } from '../discovery/directory.js'
import { createServiceStore } from '../discovery/service-store.js'
import { messageOf, SidecarError } from '../errors.js'
import { hostPort } from '../instance.js'
import type { LogFields, Logger } from '../logger.js'
import { Recorder } from '../observe/recorder.js'
import type { Settings } from '../settings/schema.js'
import type { SnapshotFolder } from '../snapshot/folder.js'
import type { ServiceInstance } from '../types.js'
import { timeLimit } from '../util/longest-timer.js'
import { sharedBy } from '../util/shared-by.js'
import { parseBaseUrl } from './base-url.js'
import { Breaker, type BreakerOptions } from './breaker.js'
import { clientSettings, routeChoice } from './client-settings.js'
import type { ConnectionsStatus } from './connections.js'
import { createPools, MAX_CONNECTIONS, type Pools } from './pools.js'
import { RetryBudget } from './retry-budget.js'
import { createServiceNames, type ServiceNames } from './service-names.js'
import type { ConnectionLimits, Target } from './target.js'

/** Timeout of one connection attempt, if nothing else is set. */
export const CONNECT_TIMEOUT_MS = 2_000

/**
 * What all calls of one sidecar share, typed clients, `fetch`, axios and undici alike. A `service` is `name` or
 * `group@@name`; both spellings of one service have one state.
 */
export interface CallRuntime {
  readonly directory: ServiceDirectory
  readonly settings: CallSettings
  readonly logger: Logger
  readonly routes: Routes
  /** Where the figures of calls are written. */
  readonly recorder: Recorder
  /** Which host names are services. */
  readonly names: ServiceNames
  /** Where calls by logical name go, as bootstrap.yml has it: to a fixed URL, or along a route. */
  target(service: string): Target
  /** What the calls of a service share of retries. */
  budget(service: string): RetryBudget
  /** The circuit of a service; one for all clients that want the same of it. */
  breaker(service: string, options: BreakerOptions): Breaker
  /**
   * The connections of all that want the same of them.
   *
   * @throws SidecarError `SIDECAR_STOPPED` after `close`
   */
  pools(limits: ConnectionLimits): Pools
  /** The connections of all calls, by address. */
  connections(): readonly ConnectionsStatus[]
  /** Closes all that the runtime has made: the directory at once, connections when what they carry has ended. */
  close(): Promise<void>
}

/** The part of the settings that calls read. */
export type CallSettings = Pick<Settings, 'feign' | 'sidecar'>

/** The client of the registry, the logger, and the receiver of events. */
export interface CallRuntimeOptions extends Pick<
  ServiceDirectoryOptions,
  'transport' | 'namespace' | 'logger' | 'emit'
> {
  readonly settings: Settings
  /** Keeps lists of instances beyond the process. @default memory only */
  readonly snapshots?: SnapshotFolder | undefined
  /** @default one that writes nothing */
  readonly recorder?: Recorder
}

/** Makes what calls need: of a sidecar, or of a script that only calls. */
export function createCallRuntime(options: CallRuntimeOptions): CallRuntime {
  const { settings, logger, emit, snapshots } = options
  const { recorder = new Recorder({ ...settings.sidecar.observe, enabled: false }) } = options
  const { balancer, ejection, retryBudget } = settings.sidecar
  const { group, clusterName: cluster } = settings.cloud.nacos.discovery
  const store = snapshots && createServiceStore(snapshots)
  const directory = createServiceDirectory({ ...options, group, settings: settings.sidecar, store })
  const pools = new Map<string, Pools>()
  const budgets = new Map<string, RetryBudget>()
  const breakers = new Map<string, Breaker>()
  let closed = false

  const listener: EjectionListener = {
    ejected(instance, forMs) {
      logger.warn(`${nameOf(instance)} keeps failing: it gets no calls for ${forMs} ms`, {
        ...factsOf(instance),
        forMs,
      })
      emit('ejected', { instance, forMs })
    },
    restored(instance) {
      logger.info(`${nameOf(instance)} answers again`, factsOf(instance))
      emit('restored', { instance })
    },
  }
  const retire = (instances: readonly ServiceInstance[]) => {
    for (const each of pools.values()) each.retire(instances)
  }
  const onBalancerFailed = (service: string, error: unknown) => {
    logger.error(
      `The balancer of ${service} failed: ${messageOf(error)}; instances take equal turns instead. Correct it, or set sidecar.balancer or feign.client.${service}.balancer`,
    )
    emit('balancerFailed', { service, error })
  }
  const routes = createRoutes({ directory, balancer, ejection, cluster, listener, onGone: retire, onBalancerFailed })

  /** One state for a service, however its name is written. */
  const one = (service: string) => directory.nameOf(service)

  return {
    directory,
    settings,
    logger,
    routes,
    recorder,
    names: createServiceNames(directory, settings),
    target(written) {
      const service = one(written)
      const { options: own } = clientSettings(settings.feign, service)
      const { retry, connectTimeoutMs, maxConnections } = own
      const limits = { retry, connectTimeoutMs, maxConnections }
      if (own.url !== undefined)
        return { url: parseBaseUrl(own.url, service), forwards: own.forwardContext === true, ...limits }
      return { route: routes.to(service, routeChoice(own)), ...limits }
    },
    budget: (service) => sharedBy(budgets, one(service), () => new RetryBudget(retryBudget)),
    breaker: (service, wanted) =>
      sharedBy(breakers, JSON.stringify([one(service), wanted.failures, wanted.openForMs]), () => new Breaker(wanted)),
    pools({ connectTimeoutMs = CONNECT_TIMEOUT_MS, maxConnections = MAX_CONNECTIONS }) {
      if (closed) throw new SidecarError('SIDECAR_STOPPED', 'This sidecar has stopped: its clients make no more calls')
      const limitMs = timeLimit(connectTimeoutMs)
      return sharedBy(pools, `${limitMs} ${maxConnections}`, () =>
        createPools({
          connectTimeoutMs: limitMs < Infinity ? limitMs : 0, // undici's word for none
          maxConnections,
          onStuck: (message) => logger.warn(message),
        }),
      )
    },
    connections: () => [...pools.values()].flatMap((each) => each.status()),
    async close() {
      closed = true
      directory.close()
      routes.close()
      await Promise.all([...pools.values()].map((each) => each.close()))
    },
  }
}

function factsOf(instance: ServiceInstance): LogFields {
  return { service: instance.service, instance: hostPort(instance) }
}

function nameOf({ service, ip, port }: ServiceInstance): string {
  return `Instance ${ip}:${port} of ${service}`
}
