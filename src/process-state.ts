import type { AsyncLocalStorage } from 'node:async_hooks'
import type { Server as HttpServer } from 'node:http'
import type { MetricsRegistry } from './actuator/prometheus-page.js'
import type { OwnedApp } from './app-owners.js'
import type { BalancerFactory } from './balance/balancer.js'
import type { ActiveStore } from './config/accessors.js'
import type { RequestContext } from './context.js'
import type { CallRuntime } from './calls/runtime.js'
import type { ExitHooks } from './lifecycle/exit-hook.js'
import type { WrappedServer } from './lifecycle/graceful-server.js'
import type { Signals } from './lifecycle/signals.js'
import type { WithinNamekoCall } from './messaging/nameko-context.js'
import type { MemoryQueues } from './messaging/memory/queues.js'
import type { NamekoCall } from './nameko/current-call.js'
import type { NamekoRpc } from './nameko/types.js'
import type { Sidecar } from './sidecar.js'
import type { TestSeam } from './under-test.js'
import type { Work } from './work/work.js'

/**
 * All state that exists once in a process, even if the package is loaded twice (ESM beside CommonJS, two copies in
 * node_modules). The copies may be of different versions: a slot's name and shape change with the major version only.
 */
export interface ProcessState {
  /** The sidecar of `initSidecar`, and the app it was given. */
  'process-sidecar': { readonly app: unknown; readonly sidecar: Sidecar }
  /** The service object that has that sidecar. */
  'process-service': object
  /** What typed clients made with `new`, `fetch` and `axios` of the package call through. */
  runtime: CallRuntime | undefined
  /** Makes that runtime in a process without `initSidecar`. */
  runtimeFactory: (() => CallRuntime) | undefined
  /** What `config`, `configLocal` and `configRemote` read. */
  store: ActiveStore
  /** Built in, and registered by the app. */
  balancers: Map<string, BalancerFactory>
  /** The context of the request that is handled. */
  context: AsyncLocalStorage<RequestContext>
  /** The call of Nameko, or the event, that is worked on. */
  namekoContext: AsyncLocalStorage<WithinNamekoCall>
  /** The call of another service that `nameko.serve` works on. */
  namekoCall: AsyncLocalStorage<NamekoCall>
  /** Calls of Nameko of each sidecar, by service, exchange and URL: all share one queue of replies. */
  namekoRpcs: WeakMap<object, Map<string, NamekoRpc>>
  /** The piece of work that is done. */
  work: AsyncLocalStorage<Work>
  /** The signal listener, and the sidecars that shut down on a signal. */
  signals: Signals
  /** The exit and crash listeners, and the sidecars that deregister in them. */
  'exit-hook': ExitHooks
  /** Servers whose `close` waits for the drain. */
  gracefulServers: WeakMap<HttpServer, WrappedServer>
  /** `NACOS_SIDECAR_DEBUG` has been read, and is printed. */
  debugLog: true
  /** The sidecars of each app. */
  appOwners: WeakMap<object, Set<OwnedApp>>
  /** prom-client's default metrics, where the app has none. */
  defaultMetrics: MetricsRegistry
  /** The queues of `memory:` brokers, by name. */
  memoryQueues: Map<string, MemoryQueues>
  /** Probes by which sidecars look for the servers of their apps at this moment: how many of each nonce. */
  probes: Map<string, number>
  /** Servers of this package, which are never taken for the app's: the embedded registry, test helpers. */
  ignoredServers: WeakSet<object>
  /** What tests change in the sidecars of their registries, by the address of the registry. */
  testSeams: Map<string, TestSeam>
}

/** It carries the major version: two majors share nothing. */
const KEY = Symbol.for('nacos-sidecar/0')

/** The slots as they are: one that has not been used yet is `undefined`. */
export function processState(): Partial<ProcessState> {
  const holder = globalThis as { [KEY]?: Partial<ProcessState> }
  return (holder[KEY] ??= Object.create(null) as Partial<ProcessState>)
}

/** The value of a slot, made on first use. Each slot has one caller, which knows how to make it. */
export function processSlot<K extends keyof ProcessState>(
  slot: K,
  create: () => NonNullable<ProcessState[K]>,
): NonNullable<ProcessState[K]> {
  const state = processState()
  return (state[slot] ??= create()) as NonNullable<ProcessState[K]>
}

/** The one slot with several users. */
export function ignoredServers(): WeakSet<object> {
  return processSlot('ignoredServers', () => new WeakSet())
}

/** Whether the registry at this address is one of `nacos-sidecar/testing`, in this process. */
export function isTestRegistry(address: string | undefined): boolean {
  return address !== undefined && processState().testSeams?.has(address) === true
}
