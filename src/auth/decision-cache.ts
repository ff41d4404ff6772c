import type { Verdict } from './verdict.js'

interface Entry {
  readonly token: string
  readonly verdict: Verdict
  readonly expiresAtMs: number
}

/** Remembers for a short while what was decided on a token and a target (`GET /users/1`). */
export interface DecisionCache {
  get(token: string, target: string): Verdict | undefined
  set(token: string, target: string, verdict: Verdict, ttlMs: number): void
}

/** Tells tokens apart well enough (a JWT ends with its signature), and is hashed in a tenth of the time. */
const TAIL_LENGTH = 16

/**
 * Bounded and about least-recently-used, in two generations: a full young one becomes the old one, what is used
 * meanwhile moves up, the rest is dropped at once. A hit is one `Map.get`, and a flood of made-up tokens cannot
 * push out those in use.
 *
 * Entries hold the token itself: a digest of it for every request would be half the price of a decision. So they go by
 * time as well, whether requests come or not: no token is in memory for longer than twice the time to live after its
 * last use.
 *
 * @param limit entries kept at most.
 * @param maxTtlMs the longest time to live of an entry.
 */
export function createDecisionCache(limit: number, maxTtlMs: number, now: () => number): DecisionCache {
  let young = new Map<string, Entry>()
  let old = new Map<string, Entry>()
  let timer: NodeJS.Timeout | undefined

  const turn = () => {
    old = young
    young = new Map()
  }
  const age = () => {
    turn()
    timer = old.size > 0 ? setTimeout(age, maxTtlMs).unref() : undefined
  }
  const put = (key: string, entry: Entry) => {
    if (young.size >= limit / 2 && !young.has(key)) turn()
    young.set(key, entry)
    timer ??= setTimeout(age, maxTtlMs).unref()
  }

  return {
    get(token, target) {
      const key = keyOf(token, target)
      const entry = young.get(key) ?? old.get(key)
      if (!entry || entry.token !== token || entry.expiresAtMs <= now()) return undefined
      if (old.size > 0 && !young.has(key)) put(key, entry)
      return entry.verdict
    },
    set(token, target, verdict, ttlMs) {
      put(keyOf(token, target), { token, verdict, expiresAtMs: now() + ttlMs })
    },
  }
}

/** Tokens hold no space, so no two pairs of tail and target share a key. */
function keyOf(token: string, target: string): string {
  return `${token.slice(-TAIL_LENGTH)} ${target}`
}
