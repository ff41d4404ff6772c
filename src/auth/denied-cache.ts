import { hash } from 'node:crypto'
import type { Verdict } from './auth-response.js'

export type Denial = Exclude<Verdict, 'allowed'>

/** What the verifier refused last: it stays refused while the verifier is down. */
export interface DeniedCache {
  record(token: string, target: string, verdict: Verdict): void
  lastDenial(token: string, target: string): Denial | undefined
}

/** Bounded. Kept as digests: they stay for long, and no token should. */
export function createDeniedCache(limit: number): DeniedCache {
  const known = new Map<string, Denial>()
  return {
    record(token, target, verdict) {
      const digest = digestOf(token, target)
      // Again at the end: the oldest go first.
      known.delete(digest)
      if (verdict === 'allowed') return
      known.set(digest, verdict)
      if (known.size > limit) known.delete(known.keys().next().value!)
    },
    lastDenial: (token, target) => known.get(digestOf(token, target)),
  }
}

function digestOf(token: string, target: string): string {
  return hash('sha256', `${token} ${target}`, 'base64')
}
