import type { Verdict } from './auth-response.js'

/** Remembers for a short while what was decided on a token and a target. */
export interface DecisionCache {
  get(token: string, target: string): Verdict | undefined
  set(token: string, target: string, verdict: Verdict, ttlMs: number): void
  /** Memory that entries take, about, in bytes. */
  readonly bytes: number
  /** Entries, about: one that is used again may be there twice. */
  readonly size: number
}

interface Entry {
  readonly verdict: Verdict
  readonly expiresAtMs: number
}

/** What an entry takes beside its text, about. */
const ENTRY_BYTES = 160

/**
 * Bounded, in entries and in bytes, and about least-recently-used, in two generations: a full young one becomes the old one, what is used
 * meanwhile moves up, the rest is dropped at once. A flood of made-up tokens cannot push out those in use.
 *
 * Entries hold the token itself: a digest of it for every request would be half the price of a decision. So they go by
 * time as well, whether requests come or not: no token is in memory for longer than twice the time to live after its
 * last use.
 *
 * @param limit entries kept at most.
 * @param maxBytes of their tokens and targets, about.
 * @param maxTtlMs the longest time to live of an entry.
 */
export function createDecisionCache(
  limit: number,
  maxTtlMs: number,
  now: () => number,
  maxBytes = Infinity,
): DecisionCache {
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
  const put = (token: string, target: string, entry: Entry) => {
    const full = young.size >= limit / 2 || young.bytes + costOf(token, target) > maxBytes / 2
    if (full && !young.find(token, target)) turn()
    if (costOf(token, target) <= maxBytes / 2) young.put(token, target, entry)
    timer ??= setTimeout(age, maxTtlMs).unref()
  }

  return {
    get(token, target) {
      const recent = young.find(token, target)
      const entry = recent ?? old.find(token, target)
      if (!entry || entry.expiresAtMs <= now()) return undefined
      if (!recent) put(token, target, entry)
      return entry.verdict
    },
    set(token, target, verdict, ttlMs) {
      put(token, target, { verdict, expiresAtMs: now() + ttlMs })
    },
    get bytes() {
      return young.bytes + old.bytes
    },
    get size() {
      return young.size + old.size
    },
  }
}

function costOf(token: string, target: string): number {
  return token.length + target.length + ENTRY_BYTES
}

/** A text of its own: a slice would keep the whole header or URL it was cut out of. */
function copyOf(text: string): string {
  return Buffer.from(text).toString()
}

/** What was decided on one token. */
interface Known {
  readonly token: string
  readonly byTarget: Map<string, Entry>
}

/** Tell tokens apart well enough: a JWT ends with its signature. */
const TAIL_LENGTH = 8

/** A number made of the last characters, which costs a tenth of what V8 takes to hash the whole token. */
function tailOf(token: string): number {
  let tail = 0
  for (let at = Math.max(0, token.length - TAIL_LENGTH); at < token.length; at++)
    tail = (Math.imul(tail, 31) + token.charCodeAt(at)) & 0x3fff_ffff
  return tail
}

function createGeneration() {
  const byTail = new Map<number, Known>()
  /** Those whose tail another one has. */
  const byToken = new Map<string, Known>()
  let size = 0
  let bytes = 0

  const lookUp = (token: string) => {
    const known = byTail.get(tailOf(token))
    return !known || known.token === token ? known : byToken.get(token)
  }
  const add = (sent: string) => {
    const token = copyOf(sent)
    const known: Known = { token, byTarget: new Map() }
    const tail = tailOf(token)
    if (byTail.has(tail)) byToken.set(token, known)
    else byTail.set(tail, known)
    return known
  }

  return {
    /** Entries, not tokens. */
    get size() {
      return size
    },
    get bytes() {
      return bytes
    },
    find: (token: string, target: string) => lookUp(token)?.byTarget.get(target),
    put(token: string, target: string, entry: Entry): void {
      const { byTarget } = lookUp(token) ?? add(token)
      if (byTarget.has(target)) return void byTarget.set(target, entry)
      size++
      bytes += costOf(token, target)
      byTarget.set(copyOf(target), entry)
    },
  }
}
