import { beatTimesOf } from './instance.js'
import type { BeatTimes, InstanceView } from './instance.js'
import type { Naming } from './naming.js'
import { fullName } from './service.js'
import type { ServiceId } from './service.js'

/** Which Nacos the answers follow: 2.x and 3.x differ in a few words. */
export type Generation = 2 | 3

export interface ServiceStyle {
  readonly defaults: BeatTimes
  readonly generation: Generation
}

/** An instance as JSON, in v1 lists, v3 lists and gRPC pushes alike. */
export function instanceJson(id: ServiceId, instance: InstanceView, defaults: BeatTimes): Record<string, unknown> {
  const { metadata } = instance
  const times = beatTimesOf(metadata, defaults)
  // Nacos looks for the generator's name in the metadata, and takes its default only where there is none at all.
  const bare = Object.keys(metadata).length === 0
  const generator = bare ? 'simple' : metadata['preserved.instance.id.generator']
  return {
    ...(instance.instanceId !== undefined && { instanceId: instance.instanceId }),
    ip: instance.ip,
    port: instance.port,
    weight: weightJson(instance.weight),
    healthy: instance.healthy,
    enabled: instance.enabled,
    ephemeral: instance.ephemeral,
    clusterName: instance.cluster,
    serviceName: fullName(id),
    metadata,
    instanceHeartBeatInterval: times.intervalMs,
    instanceHeartBeatTimeOut: times.timeoutMs,
    ipDeleteTimeout: times.deleteMs,
    ...(generator !== undefined && { instanceIdGenerator: generator }),
  }
}

/** NaN is accepted at registration; Jackson writes it as text. */
export function weightJson(weight: number): number | string {
  return Number.isNaN(weight) ? 'NaN' : weight
}

export interface ServiceFilter {
  /** Comma-separated; '' for all. */
  readonly clusters: string
  readonly healthyOnly: boolean
}

/** A service as JSON: enabled instances of the clusters asked for, under the protection threshold. */
export function serviceJson(
  naming: Naming,
  id: ServiceId,
  filter: ServiceFilter,
  { defaults, generation }: ServiceStyle,
): Record<string, unknown> {
  const clusters = filter.clusters
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
  const hosts = naming
    .instances(id)
    .filter(
      ({ enabled, cluster, healthy }) =>
        enabled && (clusters.length === 0 || clusters.includes(cluster)) && (!filter.healthyOnly || healthy),
    )
  const threshold = naming.service(id)?.protectThreshold ?? 0
  const healthyCount = hosts.filter(({ healthy }) => healthy).length
  const protect = threshold > 0 && hosts.length > 0 && healthyCount / hosts.length <= threshold
  return {
    name: fullName(id),
    groupName: id.group,
    clusters: filter.clusters,
    cacheMillis: 10_000,
    hosts: hosts.map((instance) => instanceJson(id, protect ? { ...instance, healthy: true } : instance, defaults)),
    lastRefTime: Date.now(),
    checksum: '',
    [generation === 3 ? 'allIps' : 'allIPs']: false,
    reachProtectionThreshold: protect,
    valid: true,
  }
}
