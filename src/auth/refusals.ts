import { hash } from 'node:crypto'
import type { Verdict } from './verdict.js'

export type Refused = Exclude<Verdict, 'allowed'>

/** What was refused last time it could be asked: that stays refused while nobody can be asked. */
export interface Refusals {
  note(token: string, target: string, verdict: Verdict): void
  last(token: string, target: string): Refused | undefined
}

/** Bounded. Kept as digests: they stay for long, and no token should. */
export function createRefusals(limit: number): Refusals {
  const known = new Map<string, Refused>()
  return {
    note(token, target, verdict) {
      const digest = digestOf(token, target)
      // Again at the end: the oldest go first.
      known.delete(digest)
      if (verdict === 'allowed') return
      known.set(digest, verdict)
      if (known.size > limit) known.delete(known.keys().next().value!)
    },
    last: (token, target) => known.get(digestOf(token, target)),
  }
}

function digestOf(token: string, target: string): string {
  return hash('sha256', `${token} ${target}`, 'base64')
}
