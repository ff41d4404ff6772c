import type { OutlierStatus } from '../balance/outlier-detector.js'
import type { FollowedService } from '../discovery/directory.js'
import type { ServiceSnapshot } from '../discovery/snapshot.js'
import { hostPort, instanceId, serviceKeyText } from '../instance.js'
import type { EjectedReport, InstanceReport, ServiceReport } from '../pages/service-report.js'
import { masked } from '../properties/secrets.js'
import type { ServiceInstance } from '../types.js'
import { mask } from '../util/secrets.js'

/** Instances of all services together: a report is read every few seconds. */
const MAX_INSTANCES = 1_000

/** The services that are followed, each with its instances. */
export function servicesOf(
  followed: readonly FollowedService[],
  snapshots: readonly (ServiceSnapshot | undefined)[],
  outliers: readonly OutlierStatus[],
): ServiceReport[] {
  let room = MAX_INSTANCES
  const out = new Map(outliers.map((one) => [keyOf(one.instance), one.state]))
  return followed.map((service, index) => {
    const snapshot = snapshots[index]
    const all = snapshot?.all ?? []
    // Large lists are cut: what is wrong must not be in the part that is left out.
    const first = all.length > room ? byRank(all, out) : all
    const shown = first.slice(0, room)
    room -= shown.length
    const callable = new Set(snapshot?.instances)
    const list = shown.map((instance) => instanceOf(instance, out.get(keyOf(instance)), callable.has(instance)))
    const { lastError } = service
    return { ...service, ...(lastError && { lastError: mask(lastError) }), list, omitted: all.length - shown.length }
  })
}

const keyOf = (instance: ServiceInstance) => `${serviceKeyText(instance)} ${instanceId(instance)}`

/** Those that are out first, then those that may not be called. */
function byRank(all: readonly ServiceInstance[], out: ReadonlyMap<string, unknown>): ServiceInstance[] {
  const ranks: ServiceInstance[][] = [[], [], []]
  for (const one of all) {
    const rank = out.size > 0 && out.has(keyOf(one)) ? 0 : one.healthy && one.enabled ? 2 : 1
    ranks[rank]!.push(one)
  }
  return ranks.flat()
}

function instanceOf(
  instance: ServiceInstance,
  out: OutlierStatus['state'] | undefined,
  callable: boolean,
): InstanceReport {
  const { ip, port, weight, healthy, enabled, ephemeral, cluster } = instance
  const metadata = maskedMetadata(instance)
  const state = callable ? (out ?? 'callable') : 'excluded'
  return { ip, port, weight, healthy, enabled, ephemeral, cluster, metadata, state }
}

export function maskedMetadata({ metadata }: ServiceInstance): Readonly<Record<string, string>> {
  return masked([], metadata) as Readonly<Record<string, string>>
}

/** An instance that is out for now. */
export function ejectedOf({ instance, since, until, ...facts }: OutlierStatus): EjectedReport {
  const { group, service, cluster } = instance
  const times = { since: since.toISOString(), until: until?.toISOString() }
  return { group, service, instance: hostPort(instance), cluster, ...facts, ...times }
}
