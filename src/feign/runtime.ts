import type { EjectionListener } from '../balance/outlier-detector.js'
import { createRoutes, type Routes } from '../balance/routes.js'
import type { ServiceRoute } from '../balance/service-route.js'
import type { ServiceDirectory } from '../discovery/directory.js'
import { messageOf, SidecarError } from '../errors.js'
import type { Emit } from '../events.js'
import { hostPort } from '../instance.js'
import type { LogFields, Logger } from '../logger.js'
import type { Settings } from '../settings/schema.js'
import { processState } from '../process-state.js'
import type { ServiceInstance } from '../types.js'
import { sharedBy } from '../util/shared-by.js'
import { parseBaseUrl, type BaseUrl } from './base-url.js'
import { Breaker, type BreakerOptions } from './breaker.js'
import { clientSettings, routeChoice } from './client-settings.js'
import { createPools, MAX_CONNECTIONS, type Pools } from './pools.js'
import { RetryBudget } from './retry-budget.js'
import { timeLimit } from './time-limit.js'

/** Timeout of one connection attempt, if nothing else is set. */
export const CONNECT_TIMEOUT_MS = 2_000

/** What typed clients, `fetch` and the adapters need of the sidecar they run in. */
export interface FeignRuntime {
  readonly directory: ServiceDirectory
  readonly settings: FeignSettings
  readonly logger: Logger
  readonly routes: Routes
  /** Where calls by logical name go, as bootstrap.yml has it: to a fixed URL, or along a route. */
  target(service: string): Target
  /** What the calls of a service share of retries. */
  budget(service: string): RetryBudget
  /** The circuit of a service; one for all clients that want the same of it. */
  breaker(service: string, options: BreakerOptions): Breaker
  /** The connections of all that want the same of them. */
  pools(limits: ConnectionLimits): Pools
  /** Waits for what is in flight. The directory is its owner's to close. */
  close(): Promise<void>
}

/** One of the two. */
export type Target = FixedTarget | RoutedTarget

export interface FixedTarget {
  readonly url: BaseUrl
  /** The caller's token and trace are sent there as well. */
  readonly forwards: boolean
  readonly route?: undefined
}

export interface RoutedTarget extends ConnectionLimits {
  readonly url?: undefined
  readonly route: ServiceRoute
  /** Further attempts of idempotent calls. @default 1 */
  readonly retry: number | undefined
}

/** What connections are opened by. */
export interface ConnectionLimits {
  /** Deadline of one connection attempt, and of a wait for a free connection. @default 2000 */
  readonly connectTimeoutMs?: number | undefined
  /** Connections to one instance. @default 128 */
  readonly maxConnections?: number | undefined
}

/** The part of bootstrap.yml that clients read. */
export type FeignSettings = Pick<Settings, 'feign' | 'sidecar'>

export interface FeignRuntimeOptions {
  readonly directory: ServiceDirectory
  readonly settings: FeignSettings
  readonly logger: Logger
  /** Called for instances that are ejected and restored. @default no listener */
  readonly emit?: Emit
  /** Nacos cluster of this process. @default 'DEFAULT' */
  readonly cluster?: string
}

export function createFeignRuntime(options: FeignRuntimeOptions): FeignRuntime {
  const { directory, settings, logger, emit = () => {}, cluster = 'DEFAULT' } = options
  const { balancer, ejection, retryBudget } = settings.sidecar
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
      `The balancer of ${service} failed: ${messageOf(error)}; what it cannot choose takes equal turns. Mend it, or set sidecar.balancer or feign.client.${service}.balancer`,
    )
    emit('balancerFailed', { service, error })
  }
  const routes = createRoutes({ directory, balancer, ejection, cluster, listener, onGone: retire, onBalancerFailed })

  /** One state for a service, however its name is written. */
  const one = (service: string) => directory.nameOf?.(service) ?? service

  return {
    directory,
    settings,
    logger,
    routes,
    target(written) {
      const service = one(written)
      const { options: own } = clientSettings(settings.feign, service)
      if (own.url !== undefined) return { url: parseBaseUrl(own.url, service), forwards: own.forwardContext === true }
      const { retry, connectTimeoutMs, maxConnections } = own
      return { route: routes.to(service, routeChoice(own)), retry, connectTimeoutMs, maxConnections }
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
    async close() {
      closed = true
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

/**
 * The runtime of this process: that of `initSidecar`, or one made by the factory the package installs (it loads
 * bootstrap.yml), so that a script that only calls needs no `initSidecar`.
 */
export function activeRuntime(): FeignRuntime {
  const state = processState()
  if (state.runtime !== undefined) return state.runtime
  if (state.runtimeFactory === undefined) {
    throw new SidecarError(
      'SIDECAR_CLIENT_INVALID',
      'A typed client was called in a process without a sidecar: import it from "nacos-sidecar", or call initSidecar() first',
    )
  }
  return (state.runtime = state.runtimeFactory())
}

/** Installs the process's runtime; `undefined` takes it away. */
export function setActiveRuntime(runtime: FeignRuntime | undefined): void {
  processState().runtime = runtime
}

/** Installs what makes a runtime for a client that is used without `initSidecar`. */
export function setRuntimeFactory(factory: () => FeignRuntime): void {
  processState().runtimeFactory = factory
}
