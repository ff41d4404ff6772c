import type { EventEmitter } from 'node:events'
import { publishEvent } from './diagnostics.js'
import { messageOf, type SidecarError } from './errors.js'
import type { Logger } from './logger.js'
import type { StatsPeriod } from './observe/operation.js'
import type { RequestEvent } from './observe/request-log.js'
import type { ServiceInstance, ServiceKey } from './types.js'
import { callListener } from './util/call-listener.js'
import { mask } from './util/secrets.js'

/** What a `Sidecar` emits. Never `error`: an unheard event must not end the process. */
export interface SidecarEvents {
  /** The registry took the instance; `again` after it had forgotten it. */
  registered: [event: { instance: ServiceInstance; again: boolean }]
  /** A registration failed, the `failures`th in a row; it is tried again (`sidecar.register-retries`). */
  registrationFailed: [event: { instance: ServiceInstance; error: unknown; failures: number }]
  /** The registry lists it no more. */
  deregistered: [event: { instance: ServiceInstance }]
  /** A heartbeat failed, the `failures`th in a row. */
  beatFailed: [event: { instance: ServiceInstance; error: unknown; failures: number }]
  /** A heartbeat arrived after `failures` that did not. */
  beatRecovered: [event: { instance: ServiceInstance; failures: number }]
  /** No address of the registry answers any more. */
  registryLost: [event: { servers: readonly string[]; error: unknown }]
  /** An address answers: the first answer, and the first one after an outage. */
  registryFound: [event: { server: string }]
  /** A service that this process follows has another list of those that may be called. */
  instancesChanged: [event: { service: ServiceKey; instances: readonly ServiceInstance[] }]
  /** Remote documents changed; the keys that have another value now. */
  configChanged: [event: { keys: readonly string[] }]
  /** A document was deleted in Nacos; `kept`: its values stay (`cloud.nacos.config.on-delete`). */
  configDeleted: [event: { dataId: string; group: string; kept: boolean }]
  /**
   * A version is unusable: the one before stays in use; at a start its last snapshot, or nothing of the document.
   * `source`: the data id, or what was bound.
   */
  configRejected: [event: { source: string; error: SidecarError }]
  /** The same source can be used again: the first version that is after one or more that were rejected, or its deletion. */
  configAccepted: [event: { source: string }]
  /** An instance keeps failing and gets no calls for `forMs` milliseconds. */
  ejected: [event: { instance: ServiceInstance; forMs: number }]
  /** It answered again. */
  restored: [event: { instance: ServiceInstance }]
  /** A balancer could not be made for a list, or threw: `service` goes on with equal turns. Once a change of the list. */
  balancerFailed: [event: { service: string; error: unknown }]
  /** The figures of the operations since the event before: each `sidecar.observe.period`, and once more while leaving. */
  period: [event: StatsPeriod]
  /** A request was served, or refused by the guard: its response is sent, or its caller has gone away. Health pages too. */
  request: [event: RequestEvent]
  /** The configuration of a resource changed, and a new one is in use (`sidecar.provide`). */
  resourceReloaded: [event: { name: string }]
  /** A resource could not be started: after a change of its configuration, or once the process serves. An old one stays in use. */
  resourceFailed: [event: { name: string; error: SidecarError }]
  /** A run of a timer failed, or took longer than its timeout (`sidecar.timer`). */
  timerFailed: [event: { name: string; error: unknown }]
  /**
   * The handler of an event between services failed (`nacos-sidecar/events`). `next`: it comes again after `delayMs`, or it went to the
   * dead letters. An event that cannot be read has no handler to fail: it goes there at once.
   */
  eventFailed: [event: EventFailure]
  /** The connection to the broker of events is lost; it is made anew by itself. */
  busLost: [event: { url: string; error: unknown }]
  /** The broker of events answers: the first time, and after an outage. */
  busFound: [event: { url: string }]
  /** Deregistered, and serving on for `forMs` milliseconds; for `atMostMs` while callers still come (`sidecar.drain: auto`). */
  draining: [event: { forMs: number; atMostMs: number }]
  /** The drain is over and the server closes: what is still open, WebSockets too, is cut after `forMs` milliseconds. */
  closing: [event: { connections: number; forMs: number }]
  /** The end: every connection is closed. */
  stopped: []
}

/** An event between services that was not handled. */
export interface EventFailure {
  /** The service that emitted it. */
  readonly source: string
  readonly type: string
  readonly queue: string
  /** `undefined` where another client set none. */
  readonly messageId: string | undefined
  readonly attempt: number
  readonly error: unknown
  readonly next: 'retry' | 'dead-letter'
  /** Of `retry`. */
  readonly delayMs?: number
}

/** How inner layers announce something without knowing the `Sidecar`. */
export type Emit = <K extends keyof SidecarEvents>(event: K, ...args: SidecarEvents[K]) => void

/** Emits so that a listener of the app that throws harms neither the sidecar nor the other listeners. */
export function createEmit(emitter: EventEmitter<SidecarEvents>, logger: Logger): Emit {
  return (event, ...args) => {
    publishEvent(event, args)
    const failed = (error: unknown) => logger.error(`a listener of "${event}" threw: ${mask(messageOf(error))}`)
    for (const listener of emitter.rawListeners(event)) {
      callListener(() => Reflect.apply(listener, emitter, args) as unknown, undefined, failed)
    }
  }
}
