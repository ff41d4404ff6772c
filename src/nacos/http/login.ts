import type { ConnectionOptions } from '../../settings/connection.js'
import { isObject } from '../../util/is-object.js'
import type { LoginResult } from './credentials.js'
import { assertSuccess, malformed, parseJson, errorTextOf } from './dialects/parse-response.js'
import type { Operation } from './dialects/dialect.js'
import { isFailure, RequestFailure, type FailureKind } from './failure.js'

const PATHS = { v1: '/v1/auth/login', v3: '/v3/auth/user/login' } as const

/** What r-nacos gives for a token while authentication is off. */
const AUTH_DISABLED = 'AUTH_DISABLED'

/** A login: name and password in the body, never in the URL. */
export function loginOperation(path: string, username: string, password: string): Operation<LoginResult> {
  return {
    what: 'logging in',
    request: { method: 'POST', path, form: { username, password } },
    resource: { type: 'naming' },
    decode(response) {
      // A wrong password is a 403 of Nacos 2 and a 500 of Nacos 3: the node is well.
      if (response.status === 500) throw new RequestFailure('denied', `HTTP 500 "${errorTextOf(response)}"`)
      assertSuccess(response)
      const answer = parseJson(response)
      if (!isObject(answer) || typeof answer['accessToken'] !== 'string') throw malformed('holds no token', response)
      const ttlS = Number(answer['tokenTtl'])
      return {
        token: answer['accessToken'] === AUTH_DISABLED ? undefined : answer['accessToken'],
        ttlMs: Number.isFinite(ttlS) && ttlS > 0 ? ttlS * 1000 : 60_000,
      }
    },
  }
}

/** Answers that are none of the login: the other path may have one. */
const PASSED_OVER: readonly FailureKind[] = ['no-route', 'denied', 'status', 'redirect', 'page', 'malformed']

export interface LoginOptions {
  readonly username: string
  readonly password: string
  readonly apiVersion: ConnectionOptions['apiVersion']
  send(operation: Operation<LoginResult>): Promise<LoginResult>
}

/** Logs in by whichever of the two paths the server, and a gateway in front of it, lets through. */
export function createLogin({ username, password, apiVersion, send }: LoginOptions): () => Promise<LoginResult> {
  /** The one that worked comes first. */
  const paths: [string, string] = apiVersion === 'v3' ? [PATHS.v3, PATHS.v1] : [PATHS.v1, PATHS.v3]
  return async () => {
    try {
      return await send(loginOperation(paths[0], username, password))
    } catch (error) {
      if (!(error instanceof RequestFailure) || !PASSED_OVER.includes(error.kind)) throw error
      // Nacos itself has judged the password: a second question would count as another attempt.
      if (error.kind === 'denied' && /user|password|account/i.test(error.detail)) throw error
      try {
        const result = await send(loginOperation(paths[1], username, password))
        paths.reverse()
        return result
      } catch (second) {
        throw isFailure(second, 'no-route') && !isFailure(error, 'no-route') ? error : second
      }
    }
  }
}
