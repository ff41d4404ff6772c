import type { GuardDecision } from './decision.js'

/** Remembers for a short while what was decided on a credential and a target. */
export interface DecisionCache {
  get(credential: string, target: string): GuardDecision | undefined
  set(credential: string, target: string, decision: GuardDecision, ttlMs: number): void
}

interface Entry {
  readonly decision: GuardDecision
  readonly expiresAtMs: number
}

/** What was decided on one credential. */
interface Known {
  readonly credential: string
  readonly byTarget: Map<string, Entry>
}

/** Tells credentials apart well enough (a JWT ends with its signature), and is hashed in a tenth of the time. */
const TAIL_LENGTH = 16

/**
 * Bounded and about least-recently-used, in two generations: a full young one becomes the old one, what is used
 * meanwhile moves up, the rest is dropped at once. A flood of made-up tokens cannot push out those in use.
 *
 * Entries hold the credential itself: a digest of it for every request would be half the price of a decision. So they
 * go by time as well, whether requests come or not: no token is in memory for longer than twice the time to live after
 * its last use.
 *
 * @param limit entries kept at most.
 * @param maxTtlMs the longest time to live of an entry.
 */
export function createDecisionCache(limit: number, maxTtlMs: number, now: () => number): DecisionCache {
  let young = createGeneration()
  let old = createGeneration()
  let timer: NodeJS.Timeout | undefined

  const turn = () => {
    old = young
    young = createGeneration()
  }
  const age = () => {
    turn()
    timer = old.size > 0 ? setTimeout(age, maxTtlMs).unref() : undefined
  }
  const put = (credential: string, target: string, entry: Entry) => {
    if (young.size >= limit / 2 && !young.find(credential, target)) turn()
    young.put(credential, target, entry)
    timer ??= setTimeout(age, maxTtlMs).unref()
  }

  return {
    get(credential, target) {
      const recent = young.find(credential, target)
      const entry = recent ?? old.find(credential, target)
      if (!entry || entry.expiresAtMs <= now()) return undefined
      if (!recent) put(credential, target, entry)
      return entry.decision
    },
    set(credential, target, decision, ttlMs) {
      put(credential, target, { decision, expiresAtMs: now() + ttlMs })
    },
  }
}

function createGeneration() {
  const byTail = new Map<string, Known>()
  let size = 0
  const tailOf = (credential: string) => credential.slice(-TAIL_LENGTH)

  return {
    /** Entries, not credentials. */
    get size() {
      return size
    },
    find(credential: string, target: string): Entry | undefined {
      const known = byTail.get(tailOf(credential))
      return known?.credential === credential ? known.byTarget.get(target) : undefined
    },
    put(credential: string, target: string, entry: Entry): void {
      const tail = tailOf(credential)
      let known = byTail.get(tail)
      if (known?.credential !== credential) {
        size -= known?.byTarget.size ?? 0
        byTail.set(tail, (known = { credential, byTarget: new Map() }))
      }
      if (!known.byTarget.has(target)) size++
      known.byTarget.set(target, entry)
    },
  }
}
