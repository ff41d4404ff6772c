import type { IncomingHttpHeaders } from 'node:http'
import { parseAuthResponse, type Verdict } from './auth-response.js'

/** The request to the central auth service; `CallAuthService` knows how to reach the service. */
export interface VerifyCall {
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

/** Sends a GET to the auth service. Must not follow redirects; rejects where no answer came. */
export type CallAuthService = (call: VerifyCall) => Promise<{ readonly status: number; readonly body: string }>

/** What a `verify` function learns of the request it decides on. */
export interface VerifyRequest {
  /** `GET` for a HEAD request: the same handler runs. */
  readonly method: string
  /** The path without its query, decoded once. */
  readonly url: string
  /** A decision that looked at the headers is neither cached nor shared: others may send other headers. */
  readonly headers: IncomingHttpHeaders
  /** Aborted after `auth.timeout`, or when the sidecar stops. */
  readonly signal: AbortSignal
}

/**
 * Decides in code instead of asking a central service.
 *
 * @returns `true` permits the request, anything else is 403 but `401`, for a token that is not valid.
 * @throws whatever it throws counts as "the verifier is down": 503, or `auth.fail-open`.
 * @example
 * const verify: Verify = async (token) => ((await sessions.has(token)) ? true : 401)
 */
export type Verify = (token: string, request: VerifyRequest) => boolean | 401 | 403 | Promise<boolean | 401 | 403>

/** Decides, or rejects: the verifier is down. */
export type Verifier = (token: string, request: VerifyRequest) => Promise<Verdict>

/** Asks the central service: `GET {service}{path}?url=&method=&code=`. The token goes in a header, never in the URL. */
export function createServiceVerifier(options: {
  call: CallAuthService
  path: string
  code: string | undefined
}): Verifier {
  const { call, path, code } = options
  return async (token, { method, url, signal }) => {
    const { status, body } = await call({
      path,
      query: { url, method, ...(code === undefined ? {} : { code }) },
      headers: { accept: 'application/json', 'from-source': 'inner', authorization: `Bearer ${token}` },
      signal,
    })
    return parseAuthResponse(status, body)
  }
}

/** Wraps a user's function. */
export function createFunctionVerifier(verify: Verify): Verifier {
  return async (token, request) => {
    const result = await verify(token, request)
    if (result === 401) return 'unauthenticated'
    return result === true ? 'allowed' : 'refused'
  }
}
