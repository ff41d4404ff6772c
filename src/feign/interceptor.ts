import type { ServiceInstance } from '../types.js'

/** A call on its way out, as interceptors see it: before an instance is chosen. */
export interface FeignRequest {
  /** Logical name, or the fixed base URL. */
  readonly service: string
  /** GET, POST, … */
  readonly method: string
  /** Path and query, encoded. */
  readonly path: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  /** As the caller gave it: not JSON yet. */
  readonly body: unknown
  readonly signal: AbortSignal | undefined
  readonly timeoutMs: number | undefined
}

/**
 * The answer, whatever its status, as interceptors see it and as calls with `result: 'response'` give it: a bad one
 * becomes a `FeignError` only outside of all interceptors.
 */
export interface FeignResponse<Body = unknown> {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  /** Decoded by its content type. */
  readonly body: Body
  /** The instance that answered; absent for a fixed `url`. */
  readonly instance?: ServiceInstance | undefined
  readonly attempts: number
}

export type Next = (request: FeignRequest) => Promise<FeignResponse>

/**
 * One layer around a call, retries included. May change the request (by a copy), answer by itself, call `next` again,
 * or change the response.
 *
 * @example
 * const tenant: Interceptor = (request, next) =>
 *   next({ ...request, headers: { ...request.headers, 'x-tenant': 'blue' } })
 */
export type Interceptor = (request: FeignRequest, next: Next) => FeignResponse | Promise<FeignResponse>

/** The first interceptor is the outermost layer. */
export function chain(interceptors: readonly Interceptor[], core: Next): Next {
  return interceptors.reduceRight<Next>((next, layer) => async (request) => layer(request, next), core)
}
