import { plainRecord } from './instance.js'
import type { BeatTimes, InstanceView, Override, Published } from './instance.js'

/** `namespace` is a Nacos namespace id, `public` for the public one. */
export interface ServiceId {
  readonly namespace: string
  readonly group: string
  readonly name: string
}

export interface ServiceRecord extends ServiceId {
  readonly ephemeral: boolean
  readonly protectThreshold: number
  readonly metadata: Readonly<Record<string, string>>
  readonly instanceCount: number
  readonly healthyCount: number
  readonly clusters: readonly string[]
}

/** An instance with what the registry itself knows of it. */
export interface Entry {
  published: Published
  times: BeatTimes
  healthy: boolean
  lastBeatMs: number
  /** The connection it lives by, instead of a heartbeat. */
  owner: string | undefined
}

/** A service as the registry keeps it. */
export interface Service {
  readonly id: ServiceId
  ephemeral: boolean
  protectThreshold: number
  metadata: Readonly<Record<string, string>>
  readonly entries: Map<string, Entry>
  readonly overrides: Map<string, Override & { goneMs?: number }>
  emptySinceMs: number
}

/** A service is ephemeral or persistent as a whole. */
export class ServiceKindError extends Error {
  constructor(id: ServiceId, ephemeral: boolean) {
    const [is, other] = ephemeral ? ['ephemeral', 'persistent'] : ['persistent', 'ephemeral']
    super(`Current service ${fullName(id)} is ${is} service, can't register ${other} instance. `)
  }
}

/** `group@@name`, as Nacos writes a service. */
export function fullName(id: ServiceId): string {
  return `${id.group}@@${id.name}`
}

export function keyOf(id: ServiceId): string {
  return JSON.stringify([id.namespace, id.group, id.name])
}

// In Nacos the address alone is the client: a cluster is one of its fields, not part of its name.
export function addressOf(address: { ip: string; port: number }): string {
  return `${address.ip}#${address.port}`
}

export function overrideKey(address: { ip: string; port: number; cluster: string }): string {
  return `${addressOf(address)}#${address.cluster}`
}

export function view(service: Service, { published, healthy }: Entry): InstanceView {
  const word = service.overrides.get(overrideKey(published))
  if (!word) return { ...published, healthy }
  return {
    ...published,
    weight: word.weight ?? published.weight,
    enabled: word.enabled ?? published.enabled,
    metadata: word.metadata ? plainRecord(Object.entries(word.metadata), published.metadata) : published.metadata,
    healthy,
  }
}

/** An instance as a list shows it, with what lies below the operator's word. */
export interface InstanceDetail {
  readonly instance: InstanceView
  readonly published: Published
  /** The connection it lives by, instead of a heartbeat. */
  readonly owner: string | undefined
}

export function record(service: Service): ServiceRecord {
  const entries = [...service.entries.values()]
  return {
    ...service.id,
    ephemeral: service.ephemeral,
    protectThreshold: service.protectThreshold,
    metadata: service.metadata,
    instanceCount: entries.length,
    healthyCount: entries.filter(({ healthy }) => healthy).length,
    clusters: [...new Set(entries.map(({ published }) => published.cluster))],
  }
}
