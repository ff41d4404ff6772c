import type { NamekoContext } from '../messaging/nameko-context.js'

/** Options of `namekoRpc`. */
export interface NamekoOptions {
  /**
   * The own name among the services of Nameko: that of the queue which `serve` reads. In Python it often has underscores.
   *
   * @default `application.name`
   */
  readonly service?: string
  /** As Nameko's `rpc_exchange`. @default 'nameko-rpc' */
  readonly exchange?: string
  /** `amqp://user:password@host:5672/vhost`. @default `sidecar.events.url`, else `spring.rabbitmq` */
  readonly url?: string
  /** How long a call waits for its reply, and for the connection: milliseconds, or text such as `'30s'`. @default '30s' */
  readonly timeout?: number | string
  /**
   * The largest body of a request or a reply, in bytes, as `maxBytes` of `events`. A larger request is refused where it is sent, and answered with
   * `MalformedRequest` unread where it comes; a larger result is replied to as an `UnserializableValueError`; a larger reply fails its call
   * unread with `SIDECAR_CALL_BODY`.
   *
   * @default 16 MiB, the limit of RabbitMQ 4
   */
  readonly maxBytes?: number
}

/** Options of one call, or of all calls of a service. */
export interface NamekoCallOptions {
  /** @default that of `namekoRpc` */
  readonly timeout?: number | string
  /** Ends the wait: the service is not told, and may do the work all the same. */
  readonly signal?: AbortSignal
  /**
   * Nameko's context data, such as `{ user_id: 7, language: 'fr' }`: what of it the message has that is worked on goes along without being
   * named. @default none
   */
  readonly context?: NamekoContext
}

/** Arguments and options of a call. */
export interface NamekoCallRequest extends NamekoCallOptions {
  /** Positional arguments. @default none */
  readonly args?: readonly unknown[]
  /** Keyword arguments. @default none */
  readonly kwargs?: Readonly<Record<string, unknown>>
}

/** A method of a service. */
export interface NamekoMethodCall<A extends readonly unknown[], R> {
  /** Calls it with positional arguments. */
  (...args: A): Promise<Awaited<R>>
  /**
   * Calls it with keyword arguments.
   *
   * @example await greeting.hello.with({ name: 'Ada' }, { timeout: '2s' })
   */
  with(kwargs: Readonly<Record<string, unknown>>, options?: NamekoCallOptions): Promise<Awaited<R>>
}

/** Methods by their names. */
export type NamekoMethods = Record<string, (...args: never[]) => unknown>

/** A service, with the methods of the type that describes it. */
export type NamekoService<T extends object> = {
  readonly [M in keyof T as T[M] extends (...args: never[]) => unknown ? M : never]: T[M] extends (
    ...args: infer A
  ) => infer R
    ? NamekoMethodCall<A, R>
    : never
}

/** Options of `nameko.serve`. */
export interface NamekoServeOptions {
  /** Calls that are worked on at the same time in this process, as Nameko's `max_workers`. @default 10 */
  readonly concurrency?: number
}

/** What `nameko.serve` returns. */
export interface NamekoServing {
  /** Settles when the queue is read for the first time. Rejects if the settings name no RabbitMQ. */
  readonly ready: Promise<void>
}

/** Calls services of Nameko, and answers their calls. */
export interface NamekoRpc {
  /**
   * A service by its name. Its methods are called with positional arguments, or `.with` keyword arguments.
   *
   * @example
   * interface GreetingService { hello(name: string): string }
   * const greeting = nameko.service<GreetingService>('greeting_service')
   * await greeting.hello('Ada')
   */
  service<T extends object>(name: string, options?: NamekoCallOptions): NamekoService<T>
  /**
   * Calls a method with all that a call can have.
   *
   * @throws NamekoRemoteError with the error of the service (`SIDECAR_NAMEKO_REMOTE`; of Nameko itself: `MethodNotFound`,
   * `IncorrectSignature`, `MalformedRequest`, `UnserializableValueError`), `UnknownService` (`SIDECAR_NO_INSTANCE`) or `RpcTimeout`
   * (`SIDECAR_CALL_TIMEOUT`); SidecarError `SIDECAR_CALL_FAILED` if the connection broke before the broker had the request, or the queue
   * of replies was deleted, `SIDECAR_CALL_ABORTED`, `SIDECAR_CALL_INVALID` for arguments that are no JSON, `SIDECAR_CALL_BODY` for a reply
   * that is none, `SIDECAR_NAMEKO_INVALID`, `SIDECAR_STOPPED`
   * @example await nameko.call('greeting_service', 'hello', { args: ['Ada'], kwargs: { title: 'Countess' } })
   */
  call<T = unknown>(service: string, method: string, request?: NamekoCallRequest): Promise<T>
  /**
   * Answers calls of the own service, from the end of the start until the process leaves; calls in hand are awaited as requests are. A
   * handler that throws fails the call, with the name and the message of its error.
   *
   * @throws SidecarError `SIDECAR_NAMEKO_INVALID` for a wrong name or option, `SIDECAR_STOPPED` while leaving
   * @example
   * nameko.serve({
   *   hello: async (name: string) => `Hello, ${name}!`,
   *   book: withParams(['seat', 'class?'], async (seat: number, fare = 'economy') => seats.book(seat, fare)),
   * })
   */
  serve(methods: NamekoMethods, options?: NamekoServeOptions): NamekoServing
}
