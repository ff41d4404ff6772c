import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RequestContext } from '../context.js'
import type { SpanFacts } from '../observe/traced.js'
import type { Subscription } from '../util/subscription.js'

/** What begins work of the app: a request over HTTP, an event, a request by messages (RPC), the clock. */
export type WorkKind = 'request' | 'event' | 'rpc' | 'timer'

/**
 * What `sidecar.around` hands to the handler of one piece of work. Declare what you put there:
 *
 * @example
 * declare module 'nacos-sidecar' {
 *   interface WorkLocals {
 *     db: PoolClient
 *   }
 * }
 */
export interface WorkLocals {
  [name: string]: unknown
}

interface AnyWork {
  /** What began it. */
  readonly kind: WorkKind
  /** `GET /orders/{id}`, `order-service created`, the name of a timer: of few values. */
  readonly name: string
  /** Aborts when its result is of no use any more: a timeout, a caller that went away, a process that waits no longer. */
  readonly signal: AbortSignal
  /** Of this one piece of work; empty at first. */
  readonly locals: WorkLocals
  /**
   * Whether it failed; known after `next()`. The handler, or an `around` further inside, threw. A request: its status is 500 or
   * more, or its caller got no whole response.
   */
  readonly failed: boolean
}

/** A request over HTTP. */
export interface RequestWork extends AnyWork {
  readonly kind: 'request'
  readonly method: string
  /** Its target as the app's router sees it. */
  readonly url: string
  /** The pattern of its route: with Fastify from the start, else once the route has handled it; `undefined` where none has. */
  readonly route: string | undefined
  /** `undefined` before the response begins. */
  readonly status: number | undefined
  readonly request: IncomingMessage
  /** Node's own: an `around` that does not call `next()` answers by it. */
  readonly response: ServerResponse
}

/** An event, or a request by messages. */
export interface MessageWork extends AnyWork {
  readonly kind: 'event' | 'rpc'
  /** The same in each delivery of a message; `undefined` where its sender set none. */
  readonly messageId: string | undefined
  /** 1 for the first delivery; more after a retry. */
  readonly attempt: number
}

/** A run of a timer. */
export interface TimerRun extends AnyWork {
  readonly kind: 'timer'
}

/** A piece of work of the app, whatever began it. */
export type Work = RequestWork | MessageWork | TimerRun

/** Work that begins without a request over HTTP. */
export interface WorkStart {
  readonly kind: Exclude<WorkKind, 'request'>
  readonly name: string
  readonly signal: AbortSignal
  /** Of a message. @default undefined */
  readonly messageId?: string | undefined
  /** Of a message. @default 1 */
  readonly attempt?: number | undefined
  /** What of the message travels on to the services that are called. @default nothing */
  readonly context?: RequestContext | undefined
  /** @default a span of the kind `INTERNAL` */
  readonly span?: SpanFacts | undefined
  /** What takes longer is no longer awaited, and fails with this error. Its `signal` aborts, too. @default none */
  readonly timeout?: { readonly ms: number; error(): Error } | undefined
}

/** Something that begins work by itself: timers, consumers of events. */
export interface WorkSource {
  /** For messages: `timers`, `events`. */
  readonly name: string
  /** The service has started. */
  start(): void
  /** No further work begins. The instance is deregistered at the same time. */
  stop(): void
  /** Something runs. */
  readonly busy: boolean
  /** Settles when nothing runs; what is left when the signal aborts is aborted. */
  finish(signal: AbortSignal): Promise<void>
  /** The last step: stop hooks of the app have run, and may have used it. @default nothing */
  close?(): Promise<void>
}

/** Runs work, and knows what begins it. One for each sidecar. */
export interface WorkRunner {
  /**
   * Runs `run` as one piece of work: outside of any request's context, inside of `sidecar.around`, with a figure and a span.
   *
   * @returns `undefined` if an `around` has not called `next()`: the work was left out
   */
  operate<T>(start: WorkStart, run: (work: Exclude<Work, RequestWork>) => Promise<T>): Promise<T | undefined>
  /**
   * From now on it starts and stops with the sidecar. One that is added after the start is started at once. The end of the
   * subscription stops it.
   *
   * @throws SidecarError `SIDECAR_STOPPED` while leaving
   */
  add(source: WorkSource): Subscription
}
