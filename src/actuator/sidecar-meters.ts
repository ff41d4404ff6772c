import type { Emit, SidecarEvents } from '../events.js'
import { canonicalName, serviceKeyText } from '../instance.js'
import type { ServiceInstance } from '../types.js'
import { single, type Meter } from './meter.js'

/** What the meters of the sidecar itself are made of. */
export interface SidecarFacts {
  readonly phase: 'starting' | 'serving' | 'leaving' | 'left'
  readonly registered: boolean
  /** The last request to the registry got an answer. */
  readonly connected: boolean
  readonly lastBeatAt: Date | undefined
  readonly services: readonly {
    readonly group: string
    readonly service: string
    readonly instances: number
    readonly callable: number
  }[]
  /** Of each service that is called. */
  readonly ejected: readonly { readonly service: string; readonly instances: number }[]
  /** States of the documents that Nacos was asked for. */
  readonly documents: readonly string[]
}

export interface SidecarMetersOptions {
  readonly facts: () => SidecarFacts
  /** Group whose services go by their bare name. */
  readonly group: string
}

/** The meters, and what tells them of events. */
export interface SidecarMeters {
  readonly meters: readonly Meter[]
  readonly onEvent: Emit
}

const PHASES = ['starting', 'serving', 'leaving'] as const
const DOCUMENT_STATES = ['loaded', 'absent', 'snapshot', 'failed', 'deleted', 'pending']
/** Names of services that ejections are counted for. */
const MAX_SERVICES = 1_000

export function createSidecarMeters({ facts, group }: SidecarMetersOptions): SidecarMeters {
  const counts = new Map<keyof SidecarEvents, number>()
  const ejections = new Map<string, number>()
  let draining = false

  const nameOf = (key: Pick<ServiceInstance, 'group' | 'service'>) => canonicalName(serviceKeyText(key), group)

  const onEvent: Emit = (event, ...args) => {
    counts.set(event, (counts.get(event) ?? 0) + 1)
    if (event === 'draining') draining = true
    if (event === 'closing' || event === 'stopped') draining = false
    if (event !== 'ejected') return
    const service = nameOf((args as SidecarEvents['ejected'])[0].instance)
    if (ejections.has(service) || ejections.size < MAX_SERVICES)
      ejections.set(service, (ejections.get(service) ?? 0) + 1)
  }

  const counter = (name: string, description: string, event: keyof SidecarEvents) =>
    single('counter', `nacos.sidecar.${name}`, description, () => counts.get(event) ?? 0)
  const flag = (name: string, description: string, value: () => boolean) =>
    single('gauge', `nacos.sidecar.${name}`, description, () => Number(value()))

  const meters: Meter[] = [
    flag('registered', '1 while the registry lists this instance', () => facts().registered),
    flag('registry.connected', '1 while the last request to the registry got an answer', () => facts().connected),
    single(
      'gauge',
      'nacos.sidecar.heartbeat.age',
      'Time since the registry last accepted a heartbeat',
      () => {
        const { lastBeatAt } = facts()
        return lastBeatAt && (Date.now() - lastBeatAt.getTime()) / 1000
      },
      'seconds',
    ),
    counter('heartbeat.failures', 'Heartbeats that failed', 'beatFailed'),
    counter('registry.lost', 'How often no address of the registry answered any more', 'registryLost'),
    {
      ...{ type: 'gauge', name: 'nacos.sidecar.phase', description: '1 for the phase that the sidecar is in' },
      *samples() {
        const { phase } = facts()
        for (const one of PHASES) yield { tags: { phase: one }, value: Number(phase === one) }
      },
    },
    {
      type: 'gauge',
      ...{
        name: 'nacos.sidecar.instances',
        description: 'Instances of a service that is called, by whether they may be',
      },
      *samples() {
        for (const { callable, instances, ...key } of facts().services) {
          const service = nameOf(key)
          yield { tags: { service, state: 'callable' }, value: callable }
          yield { tags: { service, state: 'other' }, value: instances - callable }
        }
      },
    },
    {
      type: 'gauge',
      ...{
        name: 'nacos.sidecar.ejected.instances',
        description: 'Instances that get no calls because they keep failing',
      },
      *samples() {
        for (const { service, instances } of facts().ejected) yield { tags: { service }, value: instances }
      },
    },
    {
      ...{ type: 'counter', name: 'nacos.sidecar.ejections', description: 'How often an instance was ejected' },
      *samples() {
        for (const [service, value] of ejections) yield { tags: { service }, value }
      },
    },
    {
      ...{ type: 'gauge', name: 'nacos.sidecar.config.documents', description: 'Documents of Nacos by their state' },
      *samples() {
        const { documents } = facts()
        for (const state of DOCUMENT_STATES)
          yield { tags: { state }, value: documents.filter((one) => one === state).length }
      },
    },
    counter('config.changes', 'Changes of the configuration that were applied', 'configChanged'),
    counter('config.rejected', 'Versions of a document that could not be used', 'configRejected'),
    flag('drain.active', '1 while the instance is deregistered and still serves', () => draining),
  ]
  return { meters, onEvent }
}
