import type { ServiceDirectory } from './discovery/directory.js'
import type { HookStatus } from './lifecycle/hooks.js'
import type { Resources } from './lifecycle/resources.js'
import type { Member } from './registration/member.js'
import type { RemoteConfig } from './config/remote.js'
import type { PropertyStore } from './properties/store.js'
import type { ResourceStatus } from './lifecycle/resource.js'
import type { Lifecycle } from './lifecycle/lifecycle.js'
import type { EventBusStatus } from './messaging/event.js'
import type { SidecarHost } from './messaging/host.js'
import type { TransportStatus } from './nacos/transport.js'
import type { RemoteDocumentStatus } from './config/remote-document.js'
import type { TimerStatus } from './timers/timer.js'
import type { Timers } from './timers/timers.js'
import type { ServiceInstance } from './types.js'

/** Where a sidecar stands. Holds no secret. */
export interface SidecarStatus {
  readonly phase: Lifecycle['phase']
  /** As it is registered, or will be. */
  readonly instance: ServiceInstance | undefined
  /** True from the first registration until the deregistration. */
  readonly registered: boolean
  /** When the registry last accepted a heartbeat. */
  readonly lastBeatAt: Date | undefined
  /** Why the last request of the registration failed; `undefined` once one has succeeded. */
  readonly lastError: string | undefined
  /** Which server and protocol are in use. */
  readonly registry: TransportStatus
  /** The services this process follows. */
  readonly services: ReturnType<ServiceDirectory['status']>
  /** The remote documents in use, lowest first. */
  readonly documents: readonly string[]
  /** Every document that was asked for, and what came of it: `snapshot` is what an earlier run left on disk. */
  readonly configs: readonly RemoteDocumentStatus[]
  /** The hooks of `onStart` and `onStop`, in the order of their addition. */
  readonly hooks: readonly HookStatus[]
  /** The timers of `sidecar.timer`. */
  readonly timers: readonly TimerStatus[]
  /** The event buses of `nacos-sidecar/events`. */
  readonly events: readonly EventBusStatus[]
  /** What `provide` has given: UP or DOWN, with the reason. */
  readonly resources: readonly ResourceStatus[]
}

/** What the status is made of. */
export interface StatusParts {
  readonly lifecycle: Lifecycle
  readonly member: Member
  readonly remote: RemoteConfig
  readonly resources: Resources
  readonly timers: Timers
  readonly host: SidecarHost
  readonly store: PropertyStore
  readonly directory: ServiceDirectory
  /** The client of the registry for services. */
  readonly nacos: { describe(): TransportStatus }
}

export function sidecarStatus({
  lifecycle,
  member,
  remote,
  resources,
  timers,
  host,
  store,
  directory,
  nacos,
}: StatusParts): SidecarStatus {
  const { instance, state } = member
  const { starts, stops } = lifecycle.hooks
  const starting = lifecycle.phase === 'serving' && !(remote.loaded && starts.done)
  return {
    phase: starting ? 'starting' : lifecycle.phase,
    instance,
    registered: state?.listed ?? false,
    lastBeatAt: state?.lastBeatAt === undefined ? undefined : new Date(state.lastBeatAt),
    lastError: state?.lastError,
    registry: nacos.describe(),
    services: directory.status(),
    documents: [...new Set(store.remoteDocuments.map((document) => document.name))],
    configs: remote.documents(),
    hooks: [...starts.status(), ...stops.status()],
    timers: timers.status(),
    events: [...host.buses.values()].map((bus) => bus.status()),
    resources: resources.status(),
  }
}
