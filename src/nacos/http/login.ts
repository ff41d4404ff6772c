import type { LoginResult } from '../credentials.js'
import { assertSuccess, isObject, malformed, parseJson, wordsOf } from './dialects/answers.js'
import type { Operation } from './dialects/dialect.js'
import { RequestFailure } from './failure.js'

export const LOGIN_PATHS = { v1: '/v1/auth/login', v3: '/v3/auth/user/login' } as const

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
      if (response.status === 500) throw new RequestFailure('denied', `HTTP 500 "${wordsOf(response)}"`)
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
