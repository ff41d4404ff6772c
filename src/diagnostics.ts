import { channel, type Channel } from 'node:diagnostics_channel'
import type { Outcome } from './balance/balancer.js'
import type { SidecarEvents } from './events.js'

/** What can be watched: each one has channels of its own, and is a word of `NACOS_SIDECAR_DEBUG`. */
export const DIAGNOSTIC_AREAS = ['registry', 'calls', 'config', 'guard', 'lifecycle', 'events', 'observe'] as const
export type DiagnosticArea = (typeof DIAGNOSTIC_AREAS)[number]

/** A request to the registry has ended. On `nacos-sidecar:registry:request`. */
export interface RegistryRequestMessage {
  /** `host:port` of the node. */
  readonly server: string
  readonly protocol: 'http' | 'grpc'
  /** `GET` and the like; the type of the request over gRPC. */
  readonly method: string
  /** Without the query. Over gRPC what the request is for: `group@@service`. */
  readonly path: string
  /** HTTP status, or `resultCode` of gRPC; `undefined` where no answer came. */
  readonly status: number | undefined
  /** Why there was no answer, or a refusal in words. */
  readonly error: string | undefined
  /** Milliseconds. */
  readonly ms: number
}

/** An attempt of a call has ended: a typed client's, or one of `fetch`, axios, undici. On `nacos-sidecar:calls:attempt`. */
export interface CallAttemptMessage {
  /** `undefined` for a fixed URL. */
  readonly service: string | undefined
  /** `host:port` it went to; `undefined` for a fixed URL. */
  readonly instance: string | undefined
  readonly method: string
  /** Without the query. */
  readonly path: string
  /** HTTP status; `undefined` where no answer came. */
  readonly status: number | undefined
  /** As the balancer is told. */
  readonly outcome: Outcome
  /** The first one is 1. */
  readonly attempt: number
  /** Milliseconds. */
  readonly ms: number
}

/** The guard has decided. On `nacos-sidecar:guard:decision`. Holds no token. */
export interface GuardDecisionMessage {
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly allowed: boolean
  /** HTTP status of a refusal. */
  readonly status: number | undefined
  /** Milliseconds; about 0 where the decision was known. */
  readonly ms: number
}

/**
 * By the names of the channels, which Node's `diagnostics_channel` finds. The events of a sidecar (`SidecarEvents`) are
 * published as well, each on a channel of its area: `nacos-sidecar:lifecycle:draining`.
 *
 * @example
 * import { subscribe } from 'node:diagnostics_channel'
 * subscribe('nacos-sidecar:calls:attempt', (message) => console.log(message))
 */
export interface DiagnosticMessages {
  readonly 'nacos-sidecar:registry:request': RegistryRequestMessage
  readonly 'nacos-sidecar:calls:attempt': CallAttemptMessage
  readonly 'nacos-sidecar:guard:decision': GuardDecisionMessage
}

const channels: Channel[] = []

const openChannel = (name: string): Channel => {
  const own = channel(name)
  channels.push(own)
  return own
}

const open = <Name extends keyof DiagnosticMessages>(name: Name) => {
  const own = openChannel(name)
  return {
    /** Nothing is put together, and no time is taken, where nothing listens. */
    get active(): boolean {
      return own.hasSubscribers
    },
    publish(message: DiagnosticMessages[Name]): void {
      own.publish(message)
    },
  }
}

export const registryRequests = open('nacos-sidecar:registry:request')
export const callAttempts = open('nacos-sidecar:calls:attempt')
export const guardDecisions = open('nacos-sidecar:guard:decision')

const EVENT_AREAS: Readonly<Record<keyof SidecarEvents, DiagnosticArea>> = {
  registered: 'registry',
  deregistered: 'registry',
  registrationFailed: 'registry',
  beatFailed: 'registry',
  beatRecovered: 'registry',
  registryLost: 'registry',
  registryFound: 'registry',
  instancesChanged: 'registry',
  configChanged: 'config',
  configDeleted: 'config',
  configRejected: 'config',
  configAccepted: 'config',
  ejected: 'calls',
  restored: 'calls',
  balancerFailed: 'calls',
  period: 'observe',
  request: 'observe',
  resourceReloaded: 'lifecycle',
  resourceFailed: 'lifecycle',
  timerFailed: 'lifecycle',
  eventFailed: 'events',
  busLost: 'events',
  busFound: 'events',
  draining: 'lifecycle',
  closing: 'lifecycle',
  stopped: 'lifecycle',
}

const eventChannels = new Map<string, Channel>(
  Object.entries(EVENT_AREAS).map(([event, area]) => [event, openChannel(`nacos-sidecar:${area}:${event}`)]),
)

/** Whether anything listens to the channel of an event. */
export function isEventWatched(event: keyof SidecarEvents): boolean {
  return eventChannels.get(event)?.hasSubscribers ?? false
}

/** Publishes an event of a sidecar. */
export function publishEvent<Event extends keyof SidecarEvents>(event: Event, payload: SidecarEvents[Event]): void {
  const own = eventChannels.get(event)
  if (own?.hasSubscribers) own.publish({ ...payload[0] })
}

/** The names of all channels of an area. */
export function channelsOf(area: DiagnosticArea): string[] {
  return channels.map(({ name }) => String(name)).filter((name) => name.startsWith(`nacos-sidecar:${area}:`))
}

/** Scheme and authority of an absolute-form target: `GET http://user:password@host/path`. */
const ORIGIN = /^[a-z][a-z\d+.-]*:\/\/[^/]*/i

/** A path as it may be shown: a query may hold a secret, and so may the user of an absolute URL. */
export function shownPath(url: string): string {
  const query = url.search(/[?#]/)
  const path = query < 0 ? url : url.slice(0, query)
  return path.startsWith('/') ? path : path.replace(ORIGIN, '') || '/'
}
