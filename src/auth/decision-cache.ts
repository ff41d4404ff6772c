import type { Verdict } from './verdict.js'

interface Entry {
  readonly verdict: Verdict
  readonly expiresAtMs: number
}

/** Remembers verdicts for a short while. Keys are digests: no token is kept. */
export interface DecisionCache {
  get(key: string): Verdict | undefined
  set(key: string, verdict: Verdict, ttlMs: number): void
  /** The last verdict known, however old: what is said of a token while nobody can be asked. */
  last(key: string): Verdict | undefined
}

/**
 * Bounded and about least-recently-used, in two generations: a full young one becomes the old one, what is used
 * meanwhile moves up, the rest is dropped at once. A hit is one `Map.get`, and a flood of made-up tokens cannot
 * push out those in use.
 *
 * @param limit entries kept at most.
 */
export function createDecisionCache(limit: number, now: () => number): DecisionCache {
  let young = new Map<string, Entry>()
  let old = new Map<string, Entry>()

  const put = (key: string, entry: Entry) => {
    if (young.size >= limit / 2 && !young.has(key)) {
      old = young
      young = new Map()
    }
    young.set(key, entry)
  }
  const find = (key: string): Entry | undefined => {
    const entry = young.get(key)
    if (entry) return entry
    const aged = old.get(key)
    if (aged) put(key, aged)
    return aged
  }

  return {
    get(key) {
      const entry = find(key)
      return entry && entry.expiresAtMs > now() ? entry.verdict : undefined
    },
    set: (key, verdict, ttlMs) => put(key, { verdict, expiresAtMs: now() + ttlMs }),
    last: (key) => find(key)?.verdict,
  }
}
