import type { InstanceFilter } from '../balance/filter.js'
import type { SidecarError } from '../errors.js'
import type { BreakerOptions } from '../calls/breaker.js'
import type { HeaderInput } from './headers.js'
import type { Interceptor } from './interceptor.js'
import type { QueryStyle } from './query.js'
import type { JsonCodec } from './decode.js'
import type { StandardSchema } from '../util/standard-schema.js'

/** The options of one call, and of every call of a client. Those of the method override those of the client. */
export interface CallOptions {
  /** Fixed base URL: no discovery, and nothing of the caller's context is sent unless `forwardContext`. */
  readonly url?: string
  /**
   * Deadline of the whole call, every attempt included, in ms; 0, here and below, is none. @default none; each attempt
   * has `readTimeoutMs`
   */
  readonly timeoutMs?: number
  /** Deadline of one connection attempt in ms; then the next instance. @default 2000 */
  readonly connectTimeoutMs?: number
  /**
   * Connections to one instance, for all calls that are under way; 1 or more. Where all are in use, further calls wait
   * until one becomes free; after `connectTimeoutMs` without any they go to the next instance, and a warning is logged.
   * @default 128
   */
  readonly maxConnections?: number
  /** Longest silence while waiting for an answer, in ms. @default 60000 */
  readonly readTimeoutMs?: number
  /**
   * Deadline of one attempt in ms, its connection and its whole answer included, in place of `readTimeoutMs`. With a
   * longer `timeoutMs` an instance that hangs costs an idempotent call this long, and another one answers. @default
   * none
   */
  readonly attemptTimeoutMs?: number
  /**
   * Further attempts, on another instance, of GET, HEAD, PUT and DELETE whose connection broke or timed out or whose
   * answer was 502, 503 or 504; at most `sidecar.retry-budget` (20 %) of a service's calls are repeated. A connection
   * that was never made goes to the next instance in any case; a POST is never sent twice. @default 1
   */
  readonly retry?: number
  /** Sent with every call; a header of the call itself wins. */
  readonly headers?: HeaderInput
  /**
   * How lists and objects of a call stand in its query.
   *
   * @example
   * GET('/users', { queryStyle: { arrays: 'comma', objects: 'dots' } }) // ?ids=1,2&page.size=20
   * @default { arrays: 'repeat', objects: 'refuse' }
   */
  readonly queryStyle?: QueryStyle
  /**
   * What a call gives: the body, or all of the answer (`FeignResponse`: status, headers, body, instance). With
   * `response` no status is an error, as where an OpenFeign method gives `Response`.
   *
   * @example
   * GET('/users/{id}', { result: 'response' }).as<(p: { id: string }) => Promise<FeignResponse<User>>>()
   * @default 'body'
   */
  readonly result?: 'body' | 'response'
  /** A 404 is `undefined` instead of an error. @default false */
  readonly decode404?: boolean
  /**
   * Takes `data` out of a `{ code, message, data }` envelope; another code than 0 or 200 is an error. @default false
   */
  readonly unwrap?: boolean | UnwrapOptions
  /** Checks, and may transform, the result: any Standard Schema (zod, valibot, arktype). */
  readonly validate?: StandardSchema
  /**
   * Reads and writes JSON in place of `JSON`, which loses digits of integers beyond 2^53: the ids of many Java
   * services.
   *
   * @example
   * defineClient({ name: 'order-service', json: JSONbig({ useNativeBigInt: true }) }, { … }) // npm json-bigint
   * @default JSON
   */
  readonly json?: JsonCodec
  /** Layers around the call; those of the client are outside those of the method. */
  readonly interceptors?: readonly Interceptor[]
  /**
   * Answers in place of a failed call; not for arguments that do not fit nor for a call its caller has aborted. On a
   * client also an object whose methods stand for the client's.
   */
  readonly fallback?: Fallback
  /** Largest answer in bytes, decompressed. @default 10485760 */
  readonly maxResponseBytes?: number
  /**
   * `round-robin`, `random`, `least-pending`, `consistent-hash`, `same-cluster-first`, or one given to
   * `registerBalancer`. @default `sidecar.balancer` of bootstrap.yml, `round-robin`
   */
  readonly balancer?: string
  /**
   * What `consistent-hash` goes by: `path:id` (a variable of the path), `query:user` or `header:x-user`. Calls without
   * it take turns. Given alone it chooses `consistent-hash`. @default none
   */
  readonly hashBy?: string
  /** Which instances may be called: metadata they must have, or a function. Define the function once, not per call. */
  readonly filter?: InstanceFilter
  /**
   * Version (metadata `version`) of the instances to call, unless the request being handled asks for another one that
   * is there (`sidecar.version-header`). @default any
   */
  readonly version?: string
  /**
   * Errors that are no failure in the figures (`sidecar.stats()`): the call rejects all the same. Statuses and codes for all
   * clients: `sidecar.observe.expected`.
   *
   * @example
   * GET('/users/{id}', { expected: (error) => error instanceof FeignError && error.status === 404 })
   * @default none
   */
  readonly expected?: (error: unknown) => boolean
  /** Fails fast, without sending, for a while after many failures in a row. @default false */
  readonly breaker?: boolean | BreakerOptions
  /** Sends the caller's token and trace to a fixed `url` as well. @default false */
  readonly forwardContext?: boolean
}

/** Where a client's calls go. Either `name` or `url`. */
export interface ClientOptions extends CallOptions {
  /** Logical name of the service; `group@@name` for another group. Also its key under `feign.client`. */
  readonly name?: string
  /** In front of every path. */
  readonly path?: string
}

export type MethodOptions = CallOptions

export interface UnwrapOptions {
  /** @default 'code' */
  readonly code?: string
  /** @default 'data' */
  readonly data?: string
  /** @default 'message', then 'msg' */
  readonly message?: string
  /** Codes that mean success. @default [0, 200] */
  readonly success?: readonly (string | number | boolean)[]
}

export type FallbackFunction = (error: SidecarError, call: FailedCall) => unknown
export type Fallback = FallbackFunction | Readonly<Record<string, (...args: never[]) => unknown>>

export interface FailedCall {
  /** Name of the client's method. */
  readonly method: string
  readonly args: readonly unknown[]
}
