import { SidecarError } from '../errors.js'
import { leaseOf as leaseIn, leaseProblem, LEASE_NAMES, type Lease } from '../settings/lease.js'
import type { DiscoverySettings, Settings } from '../settings/schema.js'
import type { ServiceInstance } from '../types.js'
import { configuredAddress } from './address.js'
import { isServiceName } from '../instance.js'

const SOURCE = 'preserved.register.source'

export interface InstanceOptions {
  readonly settings: Settings
  /** `''` is the public namespace (`connectionOf(…).namespace`). */
  readonly namespace: string
  /** The chosen address, without brackets. */
  readonly ip: string
  /** The port the app really listens on; `cloud.nacos.discovery.port` goes before it (port mapping). */
  readonly port: number
  /** The server found uses TLS itself; `cloud.nacos.discovery.secure` is for a proxy in front. @default false */
  readonly secure?: boolean
  /** Weaker than the metadata of the settings. @default none */
  readonly metadata?: Readonly<Record<string, string>> | undefined
}

/**
 * The instance as it is registered.
 *
 * @throws `SIDECAR_SETTINGS_INVALID` without a usable service name, or with a lease no registry accepts.
 * @example
 * const { ip } = chooseAddress(settings.cloud.nacos.discovery)
 * const instance = createInstance({ settings, namespace: '', ip, port: 9202 })
 */
export function createInstance({
  settings,
  namespace,
  ip,
  port,
  secure = false,
  metadata,
}: InstanceOptions): ServiceInstance {
  const { discovery } = settings.cloud.nacos
  return Object.freeze({
    namespace,
    group: discovery.group,
    service: serviceNameOf(settings),
    ip,
    port: discovery.port ?? port,
    weight: discovery.weight,
    healthy: true,
    enabled: discovery.instanceEnabled,
    ephemeral: discovery.ephemeral,
    cluster: discovery.clusterName,
    metadata: Object.freeze({ ...metadata, ...metadataOf(discovery, secure || discovery.secure) }),
  })
}

/**
 * Reports at the start what is wrong with the instance before its address is known.
 *
 * @throws `SIDECAR_SETTINGS_INVALID` as `createInstance` would.
 */
export function checkInstance(settings: Settings): void {
  serviceNameOf(settings)
  configuredAddress(settings.cloud.nacos.discovery)
  leaseOf(settings.cloud.nacos.discovery)
}

/**
 * The registered name: `cloud.nacos.discovery.service`, else `application.name`.
 *
 * @throws `SIDECAR_SETTINGS_INVALID`
 */
export function serviceNameOf(settings: Settings): string {
  const key =
    settings.cloud.nacos.discovery.service === undefined ? 'application.name' : 'cloud.nacos.discovery.service'
  const name = (settings.cloud.nacos.discovery.service ?? settings.application.name ?? '').trim()
  if (!name) {
    throw new SidecarError(
      'SIDECAR_SETTINGS_INVALID',
      `${key} is missing: a service registers under its name. Set it in bootstrap.yml, or NACOS_SERVICE_NAME, or switch registration off with cloud.nacos.discovery.register-enabled: false`,
    )
  }
  if (!isServiceName(name)) {
    throw new SidecarError(
      'SIDECAR_SETTINGS_INVALID',
      `${key}: "${name}" is not a service name: up to 512 characters without blanks, Chinese characters, /, \\, ?, #, @ and %`,
    )
  }
  return name
}

/**
 * The lease of an instance: `preserved.*` of its metadata, as Java services write it, before the settings.
 *
 * @throws `SIDECAR_SETTINGS_INVALID` where a timeout is below the interval: a registry would refuse it.
 */
export function leaseOf(discovery: DiscoverySettings): Lease {
  const lease = leaseIn(discovery)
  const problem = leaseProblem(lease, discovery)
  if (!problem) return lease
  throw new SidecarError('SIDECAR_SETTINGS_INVALID', `cloud.nacos.discovery: ${problem.message}`)
}

function metadataOf(discovery: DiscoverySettings, secure: boolean): Record<string, string> {
  const lease = leaseOf(discovery)
  return {
    [SOURCE]: 'NODE',
    ...discovery.metadata,
    // A persistent instance has no lease: the registry probes it.
    ...(discovery.ephemeral && {
      [LEASE_NAMES.intervalMs.metadata]: String(Math.round(lease.intervalMs)),
      [LEASE_NAMES.timeoutMs.metadata]: String(Math.round(lease.timeoutMs)),
      [LEASE_NAMES.deleteAfterMs.metadata]: String(Math.round(lease.deleteAfterMs)),
    }),
    ...(secure && { secure: 'true' }),
  }
}
