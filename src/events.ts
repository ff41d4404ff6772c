import type { SidecarError } from './errors.js'
import type { ServiceInstance, ServiceKey } from './types.js'

/** What a `Sidecar` emits. Never `error`: an unheard event must not end the process. */
export interface SidecarEvents {
  registered: [event: { instance: ServiceInstance; again: boolean }]
  deregistered: [event: { instance: ServiceInstance }]
  beatFailed: [event: { instance: ServiceInstance; error: unknown; failures: number }]
  beatRecovered: [event: { instance: ServiceInstance; failures: number }]
  /** No address of the registry answers any more. */
  registryLost: [event: { servers: readonly string[]; error: unknown }]
  registryFound: [event: { server: string }]
  instancesChanged: [event: { service: ServiceKey; instances: readonly ServiceInstance[] }]
  configChanged: [event: { keys: readonly string[] }]
  /** A document was deleted in Nacos; `kept`: its values stay (`cloud.nacos.config.on-delete`). */
  configDeleted: [event: { dataId: string; group: string; kept: boolean }]
  /** A new version is unusable and the one before stays in use. `source`: the data id, or what was bound. */
  configRejected: [event: { source: string; error: SidecarError }]
  ejected: [event: { instance: ServiceInstance; forMs: number }]
  restored: [event: { instance: ServiceInstance }]
  draining: [event: { forMs: number }]
  stopped: []
}

/** How inner layers announce something without knowing the `Sidecar`. */
export type Emit = <K extends keyof SidecarEvents>(event: K, ...args: SidecarEvents[K]) => void
