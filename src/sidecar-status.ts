import type { ServiceDirectory } from './discovery/directory.js'
import type { HookStatus } from './lifecycle/hooks.js'
import type { ResourceStatus } from './lifecycle/resource.js'
import type { Lifecycle } from './lifecycle/lifecycle.js'
import type { TransportStatus } from './nacos/transport.js'
import type { RemoteDocumentStatus } from './config/remote-document.js'
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
  /** What `provide` has given: UP or DOWN, with the reason. */
  readonly resources: readonly ResourceStatus[]
}
