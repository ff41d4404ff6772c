import { createRoutes, type Routes } from '../balance/routes.js'
import type { ServiceDirectory } from '../discovery/directory.js'
import { SidecarError } from '../errors.js'
import type { Logger } from '../logger.js'
import type { Settings } from '../settings/schema.js'
import { sharedState } from '../shared-state.js'
import type { ServiceInstance } from '../types.js'
import { createPools, type Pools } from './pools.js'

/** How long one connection may take to come about, where nothing else is set. */
export const CONNECT_TIMEOUT_MS = 2_000

/** What typed clients, `fetch` and the adapters need of the sidecar they run in. */
export interface FeignRuntime {
  readonly directory: ServiceDirectory
  readonly settings: FeignSettings
  readonly logger: Logger
  readonly routes: Routes
  /** Pools that give up connecting after so long. */
  pools(connectTimeoutMs: number): Pools
  /** Waits for what is in flight. The directory is its owner's to close. */
  close(): Promise<void>
}

/** The part of bootstrap.yml that clients read. */
export type FeignSettings = Pick<Settings, 'feign' | 'sidecar'>

export interface FeignRuntimeOptions {
  readonly directory: ServiceDirectory
  readonly settings: FeignSettings
  readonly logger: Logger
}

export function createFeignRuntime({ directory, settings, logger }: FeignRuntimeOptions): FeignRuntime {
  const pools = new Map<number, Pools>()
  let closed = false
  const retire = (instances: readonly ServiceInstance[]) => {
    for (const each of pools.values()) each.retire(instances)
  }
  return {
    directory,
    settings,
    logger,
    routes: createRoutes({ directory, balancer: settings.sidecar.balancer, onGone: retire }),
    pools(connectTimeoutMs) {
      if (closed) throw new SidecarError('SIDECAR_STOPPED', 'This sidecar has stopped: its clients make no more calls')
      let found = pools.get(connectTimeoutMs)
      if (!found) pools.set(connectTimeoutMs, (found = createPools({ connectTimeoutMs })))
      return found
    },
    async close() {
      closed = true
      await Promise.all([...pools.values()].map((each) => each.close()))
    },
  }
}

/**
 * The runtime of this process: that of `initSidecar`, or one made by the factory the package installs (it loads
 * bootstrap.yml), so that a script that only calls needs no `initSidecar`.
 */
export function activeRuntime(): FeignRuntime {
  const state = sharedState()
  const runtime = state['runtime'] as FeignRuntime | undefined
  if (runtime !== undefined) return runtime
  const factory = state['runtimeFactory'] as (() => FeignRuntime) | undefined
  if (factory === undefined) {
    throw new SidecarError(
      'SIDECAR_CLIENT_INVALID',
      'A typed client was called in a process without a sidecar: import it from "nacos-sidecar", or call initSidecar() first',
    )
  }
  return (state['runtime'] = factory()) as FeignRuntime
}

/** Installs the process's runtime; `undefined` takes it away. */
export function setActiveRuntime(runtime: FeignRuntime | undefined): void {
  sharedState()['runtime'] = runtime
}

/** Installs what makes a runtime for a client that is used without `initSidecar`. */
export function setRuntimeFactory(factory: () => FeignRuntime): void {
  sharedState()['runtimeFactory'] = factory
}
