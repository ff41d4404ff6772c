import { Command } from 'commander'
import { SidecarError } from '../errors.js'
import { hostPort, parseServiceName } from '../instance.js'
import { connectionOf } from '../settings/connection.js'
import type { ServiceInstance } from '../types.js'
import type { Sidecar } from '../sidecar.js'
import { createLimiter } from '../util/limiter.js'
import { printable } from '../util/printable.js'
import { serviceName } from './arguments.js'
import { asGuest, withGuestOptions, WITHOUT_DOCUMENTS, type GuestFlags } from './guest.js'
import { formatTable, yesOrNo, type Cell } from './table.js'

const PAGE_SIZE = 100
/** Lists that are asked for at the same time. */
const AT_ONCE = 8

/** `nacos-sidecar services [name]`: what the registry holds. */
export function servicesCommand(): Command {
  return withGuestOptions(
    new Command('services')
      .description('List the services of a group, or the instances of one service.')
      .argument('[name]', 'name, or group@@name; exit code 1 if it has no instance that may be called', serviceName),
  ).action((name: string | undefined, flags: GuestFlags) =>
    asGuest(flags, WITHOUT_DOCUMENTS, (sidecar) =>
      name === undefined ? printServices(sidecar, flags) : printInstances(sidecar, name, flags),
    ),
  )
}

async function printServices(sidecar: Sidecar, { json }: GuestFlags): Promise<void> {
  const { group } = sidecar.settings.cloud.nacos.discovery
  const names = await namesIn(sidecar, group)
  const limit = createLimiter(AT_ONCE)
  const services = await Promise.all(
    names.map((service) =>
      limit(async () => {
        const instances = await sidecar.nacos.list({ namespace: namespaceOf(sidecar), group, service })
        return { service, group, instances: instances.length, healthy: instances.filter(isCallable).length }
      }),
    ),
  )
  if (json) return console.log(JSON.stringify(services, undefined, 2))
  if (services.length === 0) return console.log(`No service in the group ${printable(group)}.`)
  const rows = services.map(({ service, instances, healthy }): Cell[] => [
    service,
    instances,
    { text: String(healthy), state: healthy > 0 ? 'good' : 'bad' },
  ])
  console.log(formatTable(['service', 'instances', 'healthy'], rows))
}

async function printInstances(sidecar: Sidecar, name: string, { json }: GuestFlags): Promise<void> {
  const { discovery } = sidecar.settings.cloud.nacos
  const key = parseServiceName(name, namespaceOf(sidecar), discovery.group)
  const instances = await sidecar.nacos.list(key)
  if (!instances.some(isCallable)) process.exitCode = 1
  if (json) return console.log(JSON.stringify(instances, undefined, 2))
  if (instances.length === 0)
    return console.log(`${printable(key.service)} has no instance in the group ${printable(key.group)}.`)
  const rows = instances.map((one): Cell[] => [
    ...[hostPort(one), one.cluster, one.weight],
    ...[yesOrNo(one.healthy), yesOrNo(one.enabled)],
    Object.entries(one.metadata)
      .map(([key, value]) => `${key}=${value}`)
      .join(' '),
  ])
  console.log(formatTable(['instance', 'cluster', 'weight', 'healthy', 'enabled', 'metadata'], rows))
}

const isCallable = ({ healthy, enabled, weight }: ServiceInstance) => healthy && enabled && weight > 0

/** Where services are looked up. */
export function namespaceOf({ settings }: Sidecar): string {
  return connectionOf(settings.cloud.nacos, 'discovery').namespace
}

/** The names of the services of a group, sorted. */
export async function namesIn(sidecar: Sidecar, group: string): Promise<string[]> {
  const { nacos } = sidecar
  const page = { namespace: namespaceOf(sidecar), group, pageSize: PAGE_SIZE }
  const names: string[] = []
  for (let pageNo = 1; ; pageNo++) {
    const listed = await nacos.listServices?.({ ...page, pageNo })
    if (!listed) throw new SidecarError('SIDECAR_REGISTRY_UNSUPPORTED', 'this registry has no list of services')
    names.push(...listed.names)
    if (listed.names.length === 0 || names.length >= listed.count) return names.sort()
  }
}
