import type { ConnectionOptions } from '../../settings/connection.js'
import type { Dialect } from './dialects/dialect.js'
import { v1 } from './dialects/v1.js'
import { v3 } from './dialects/v3.js'

/** What a dialect can do. */
export type OperationName = Exclude<keyof Dialect, 'version'>

/**
 * Where a server has both APIs, v1 does these better: its list holds every cluster (the one of v3 holds DEFAULT on 3.0
 * to 3.2), only it has a config listener, and for the rest v3 has an admin API that is closed to most.
 */
const BETTER_BY_V1: ReadonlySet<OperationName> = new Set<OperationName>([
  'list',
  'listServices',
  'publishConfig',
  'deleteConfig',
  'listen',
])

/** A refusal may have been of a moment: v1 is tried again after it. */
const REFUSED_FOR_MS = 600_000

/** Which API each operation goes to, learnt from what the server answers. */
export interface ApiChoice {
  /** The dialects to use, the best first, if the server has the API `spoken`. */
  dialectsFor(verb: OperationName, spoken: Dialect): readonly [Dialect, Dialect?]
  /** v1 does not do it here: it has no such route, or refuses where v3 lets us in. */
  markUnsupported(verb: OperationName, because: 'absent' | 'refused'): void
  /** v1 does it here. */
  markSupported(verb: OperationName): void
  /** Whether it has done so since the registry was found. */
  isSupported(verb: OperationName): boolean
  /** The registry may be another one by now. */
  reset(): void
}

/** @param apiVersion other than `auto`: the only one that is asked */
export function createApiChoice(apiVersion: ConnectionOptions['apiVersion']): ApiChoice {
  const lacking = new Map<OperationName, number>()
  const working = new Set<OperationName>()
  return {
    dialectsFor(verb, spoken) {
      if (apiVersion !== 'auto' || spoken !== v3 || !BETTER_BY_V1.has(verb)) return [spoken]
      return performance.now() < (lacking.get(verb) ?? 0) ? [v3] : [v1, v3]
    },
    markUnsupported(verb, because) {
      lacking.set(verb, because === 'absent' ? Infinity : performance.now() + REFUSED_FOR_MS)
    },
    markSupported: (verb) => void working.add(verb),
    isSupported: (verb) => working.has(verb),
    reset() {
      lacking.clear()
      working.clear()
    },
  }
}
