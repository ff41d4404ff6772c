import type { ConnectionOptions } from '../../settings/connection.js'
import type { Dialect } from './dialects/dialect.js'
import { v1 } from './dialects/v1.js'
import { v3 } from './dialects/v3.js'

/** What a dialect can do. */
export type Verb = Exclude<keyof Dialect, 'version'>

/**
 * Where a server has both APIs, v1 does these better: its list holds every cluster (the one of v3 holds DEFAULT on 3.0
 * to 3.2), only it has a config listener, and for the rest v3 has an admin API that is closed to most.
 */
const BETTER_BY_V1: ReadonlySet<Verb> = new Set<Verb>([
  'list',
  'listServices',
  'publishConfig',
  'deleteConfig',
  'listen',
])

/** A refusal may have been of a moment: v1 is tried again after it. */
const REFUSED_FOR_MS = 600_000

/** Which API each operation goes to, learnt from what the server answers. */
export interface Choice {
  /** The dialects to ask, the best first, where the server speaks `spoken`. */
  of(verb: Verb, spoken: Dialect): readonly [Dialect, Dialect?]
  /** v1 does not do it here: it has no such route, or refuses where v3 lets us in. */
  without(verb: Verb, because: 'absent' | 'refused'): void
  /** v1 does it here. */
  with(verb: Verb): void
  /** Whether it has done so since the registry was found. */
  works(verb: Verb): boolean
  /** The registry may be another one by now. */
  forget(): void
}

/** @param apiVersion other than `auto`: the only one that is asked */
export function createChoice(apiVersion: ConnectionOptions['apiVersion']): Choice {
  const lacking = new Map<Verb, number>()
  const working = new Set<Verb>()
  return {
    of(verb, spoken) {
      if (apiVersion !== 'auto' || spoken !== v3 || !BETTER_BY_V1.has(verb)) return [spoken]
      return performance.now() < (lacking.get(verb) ?? 0) ? [v3] : [v1, v3]
    },
    without(verb, because) {
      lacking.set(verb, because === 'absent' ? Infinity : performance.now() + REFUSED_FOR_MS)
    },
    with: (verb) => void working.add(verb),
    works: (verb) => working.has(verb),
    forget() {
      lacking.clear()
      working.clear()
    },
  }
}
