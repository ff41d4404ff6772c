import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { createLoginThrottle } from './login-throttle.js'
import type { Generation } from './naming-view.js'

export interface Credentials {
  readonly username: string
  readonly password: string
  /** Life of a token in seconds. @default 18000 */
  readonly tokenTtlSeconds?: number
}

export type TokenState = 'ok' | 'missing' | 'invalid' | 'forged' | 'expired'
export type Login = { readonly token: string } | { readonly waitMs: number } | 'unknown-user' | 'wrong-password'

/** One user with all rights; or none, if auth is off. */
export interface Auth {
  readonly enabled: boolean
  readonly tokenTtlSeconds: number
  /** @param address of the caller: after many failures it waits (`waitMs`), right password or not. */
  login(username: string, password: string, address: string): Login
  check(token: string | undefined): TokenState
}

const REFUSALS = {
  missing: 'user not found!',
  invalid: 'token invalid!',
  forged: 'Invalid signature',
  expired: 'token expired!',
}

/** Why a token is refused, as 2.2.4 and 3.0.3 word it. */
export function tokenRefusal(state: Exclude<TokenState, 'ok'>, generation: Generation): string {
  if (generation === 2) return REFUSALS[state]
  const missing = 'User not found! Please check user exist or password is right!'
  return `Code: 401, Message: ${state === 'missing' ? missing : REFUSALS[state]}.`
}

/** @param clock monotonic milliseconds: a token's life does not follow the wall clock. */
export function createAuth(credentials: Credentials | undefined, clock: () => number): Auth {
  // Random per start: there is no default key to know, and a token of another run is worth nothing.
  const secret = randomBytes(32)
  const throttle = createLoginThrottle(clock)
  const tokenTtlSeconds = credentials?.tokenTtlSeconds ?? 18_000
  const sign = (text: string) => createHmac('sha256', secret).update(text).digest('base64url')

  return {
    enabled: credentials !== undefined,
    tokenTtlSeconds,

    login(username, password, address) {
      if (!credentials) return 'unknown-user'
      const waitMs = throttle.waitMs(address)
      if (waitMs > 0) return { waitMs }
      const known = same(username, credentials.username)
      if (!known || !same(password, credentials.password)) {
        throttle.failed(address)
        return known ? 'wrong-password' : 'unknown-user'
      }
      const head = encode({ alg: 'HS256' })
      const body = encode({
        sub: username,
        until: clock() + tokenTtlSeconds * 1000,
        nonce: randomBytes(8).toString('hex'),
      })
      return { token: `${head}.${body}.${sign(`${head}.${body}`)}` }
    },

    check(token) {
      if (!token) return 'missing'
      const parts = token.split('.')
      if (parts.length !== 3) return 'invalid'
      const [head, body, signature] = parts as [string, string, string]
      if (!same(signature, sign(`${head}.${body}`))) return 'forged'
      const { until } = JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) as { until: number }
      return clock() < until ? 'ok' : 'expired'
    },
  }
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

// Hashed first: equal lengths, and the comparison takes the same time whatever is wrong.
function same(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}
