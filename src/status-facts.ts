import { isDeepStrictEqual } from 'node:util'
import type { Alerts } from './alerts/alerts.js'
import type { CallRuntime } from './calls/runtime.js'
import type { GuardedApp } from './guarded-app.js'
import type { Lifecycle } from './lifecycle/lifecycle.js'
import type { Resources } from './lifecycle/resources.js'
import type { Timers } from './timers/timers.js'
import type { SidecarHost } from './messaging/host.js'
import type { SidecarLog } from './logging.js'
import type { Observation } from './observe/observation.js'
import type { PropertyStore } from './properties/store.js'
import type { Member } from './registration/member.js'
import { leaseOf } from './registration/instance.js'
import type { RemoteConfig } from './config/remote.js'
import type { RegistryClient, RegistryClients } from './registry-clients.js'
import type { Settings } from './settings/schema.js'
import { sidecarStatus } from './sidecar-status.js'
import type { StatusFacts } from './status-page/build-report.js'
import type { RegistryReport } from './pages/status-report.js'

/** The parts of a sidecar that `/_sidecar` tells of; those that are made later are asked for when a report is made. */
export interface ShownParts {
  readonly settings: Settings
  readonly store: PropertyStore
  readonly log: SidecarLog
  readonly alerts: Alerts
  readonly registry: RegistryClients
  readonly observation: Observation
  readonly runtime: CallRuntime
  readonly remote: RemoteConfig
  readonly member: Member
  readonly lifecycle: Lifecycle
  readonly resources: Resources
  readonly timers: Timers
  readonly host: SidecarHost
  readonly verifies: boolean
  readonly production: boolean
  guarded(): GuardedApp
  managementPort(): number | undefined
}

/** What `/_sidecar` shows of this sidecar. */
export function statusFacts(parts: ShownParts): StatusFacts {
  const { settings, store, log, alerts, registry, observation, runtime, member, lifecycle } = parts
  const { directory, routes } = runtime
  return {
    ...{ settings, store, verifies: parts.verifies, production: parts.production, registers: member.registers },
    heartbeatMs: leaseOf(settings.cloud.nacos.discovery).intervalMs,
    status: () => sidecarStatus({ ...parts, directory, nacos: registry.discovery.transport }),
    registration: () => member.state,
    addressReason: () => member.addressReason,
    registries: () => registriesOf(registry),
    snapshots: () => directory.snapshots(),
    outliers: () => routes.outliers(),
    stats: () => observation.stats(),
    log: () => log.recent(),
    alerts: () => alerts.status(),
    guardCounts: () => parts.guarded().guard.counts(),
    connections: () => ({
      incoming: lifecycle.connections(),
      outgoing: runtime.connections(),
      managementPort: parts.managementPort(),
    }),
  }
}

/** Mostly one registry for both. */
function registriesOf({ discovery, config }: RegistryClients): RegistryReport[] {
  const of = ({ transport, namespace }: RegistryClient) => ({ ...transport.describe(), namespace })
  const [services, documents] = [of(discovery), of(config)]
  if (isDeepStrictEqual(services, documents)) return [{ ...services, uses: ['services', 'config'] }]
  return [
    { ...services, uses: ['services'] },
    { ...documents, uses: ['config'] },
  ]
}
