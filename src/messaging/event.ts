import { defineErrorClass } from '../errors.js'
import type { Subscription } from '../util/subscription.js'
import type { StandardSchema } from '../util/standard-schema.js'
import type { BrokerStatus, EventMode } from './broker.js'

/** What a handler is told of the event beside its data. */
export interface EventWork {
  /** The service that emitted it. */
  readonly source: string
  readonly type: string
  /**
   * The same in each delivery of one event: a handler that must not do a thing twice remembers it. `undefined` where another client,
   * such as Nameko, set none.
   */
  readonly messageId: string | undefined
  /** 1, and one more after each retry. */
  readonly attempt: number
  /** An earlier delivery of this attempt had no end: a process died, or a connection broke. What it did may be done already. */
  readonly redelivered: boolean
  /** When it was emitted. `undefined` where another client set none. */
  readonly timestamp: Date | undefined
  /** As they came; values of other clients can be lists and tables. */
  readonly headers: Readonly<Record<string, unknown>>
  /** Aborts at the timeout, and when the process leaves and waits no longer. */
  readonly signal: AbortSignal
}

/** What it returns is ignored; its promise is awaited. */
export type EventHandler<T = unknown> = (data: T, work: EventWork) => unknown

/** How a failed event comes again. */
export interface EventRetry {
  /** Deliveries in all, the first one included; 1 for no retry. @default `sidecar.events.retry.attempts`, 3 */
  readonly attempts?: number
  /** Before the second one: milliseconds, or text such as `'5s'`. @default `sidecar.events.retry.delay`, 5 s */
  readonly delay?: number | string
  /** Each further delay is so many times longer. @default `sidecar.events.retry.factor`, 1 */
  readonly factor?: number
  /** The longest delay. @default `sidecar.events.retry.max-delay`, 10 min */
  readonly maxDelay?: number | string
}

/** Options of `bus.on`. */
export interface OnOptions<T = unknown> {
  /**
   * `pool`: one instance of each service gets the event. `singleton`: one instance of all services. `broadcast`: each instance, as
   * long as it runs. @default 'pool'
   */
  readonly mode?: EventMode
  /** Part of the name of the queue: one that changes leaves the old queue behind, with what it holds. @default the type of the event */
  readonly name?: string
  /** How many events are in hand at the same time; 1 keeps their order. @default `sidecar.events.concurrency`, 10 */
  readonly concurrency?: number
  /** `false` for no retry: what fails goes to the dead letters at once. */
  readonly retry?: EventRetry | false
  /** Checks the data, and gives the handler what it makes of it. An event that does not pass goes to the dead letters at once. */
  readonly schema?: StandardSchema<T>
  /** A handler that takes longer is aborted, and has failed: milliseconds, or text such as `'30s'`. @default none */
  readonly timeout?: number | string
}

/** Options of `bus.emit`. */
export interface EmitOptions {
  /** In the name of another service. @default `application.name` */
  readonly source?: string
  /** By which handlers know an event that they have seen. @default a new UUID */
  readonly messageId?: string
  /** Beside those of the context (trace, `sidecar.forward-headers`), and stronger. */
  readonly headers?: Readonly<Record<string, string | number | boolean>>
  /** Sends text, or bytes, as they are, with this content type. @default JSON; for bytes `application/octet-stream` */
  readonly contentType?: string
  readonly signal?: AbortSignal
  /** How long the broker's confirm is awaited: milliseconds, or text. @default `sidecar.events.emit-timeout`, 5 s */
  readonly timeout?: number | string
}

/** A handler at work. Call it, or `using`, to take no further event; what is in hand ends. */
export interface EventSubscription extends Subscription {
  /** Settles when its queue is there and events arrive. That is after the start of the service. */
  readonly ready: Promise<void>
  /** Name of its queue. */
  readonly queue: string
}

/** Where a handler stands. Counts are those of this process. */
export interface EventHandlerStatus {
  readonly source: string
  readonly type: string
  readonly mode: EventMode
  readonly handler: string
  readonly queue: string
  readonly concurrency: number
  readonly inHand: number
  readonly handled: number
  readonly failed: number
  readonly retried: number
  /** To the dead letters. */
  readonly buried: number
  /** Secrets are masked. */
  readonly lastError: string | undefined
}

/** Where a bus stands. Holds no secret. */
export interface EventBusStatus {
  readonly broker: BrokerStatus
  readonly emitted: number
  readonly emitFailures: number
  readonly lastEmitError: string | undefined
  readonly handlers: readonly EventHandlerStatus[]
}

/**
 * A handler throws it where another attempt cannot help: the event goes to the dead letters at once.
 *
 * @example
 * bus.on('order-service', 'created', async ({ id }) => {
 *   const order = await orders.find(id)
 *   if (!order) throw new UnrecoverableError(`there is no order ${id}`)
 * })
 */
export class UnrecoverableError extends Error {}
defineErrorClass(UnrecoverableError, 'UnrecoverableError', 'nacos-sidecar.unrecoverable')
