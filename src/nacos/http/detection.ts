import type { ConnectionOptions } from '../../settings/connection.js'
import { backOffMs } from '../../util/backoff.js'
import type { Dialect, Operation } from './dialects/dialect.js'
import { v1 } from './dialects/v1.js'
import { v3 } from './dialects/v3.js'
import { isFailure } from './failure.js'
import { probe } from './probe.js'

/** Detects the dialect of a registry, once and again when it changes. */
export interface Detection {
  readonly current: Dialect | undefined
  /** Why this one, for people. */
  readonly reason: string | undefined
  /** The dialect, detected if it is not known; concurrent callers wait for the same detection. */
  get(): Promise<Dialect>
  /** The server no longer has a route of `stale`: detects again, unless that was done meanwhile. */
  redetect(stale: Dialect): Promise<Dialect>
  /**
   * `stale` was answered with what may be no answer of the registry (a refusal, an error, a page): asks anew in the
   * background, unless it did so lately.
   */
  recheck(stale: Dialect): void
}

export interface DetectionOptions {
  /** `auto` detects it; any other value of the settings is used without a request. */
  readonly apiVersion: ConnectionOptions['apiVersion']
  /** Where the user may have rights. */
  readonly namespaces: readonly string[]
  /** A failure decides nothing and is not remembered. */
  send(operation: Operation<Dialect>): Promise<Dialect>
  /** It is another one than before. */
  onFound(dialect: Dialect): void
}

/** A gateway that refuses a route for good is not asked about it with each request. */
const RECHECK = { firstMs: 5_000, lastMs: 120_000, spread: 0.2 }

export function createDetection({ apiVersion, namespaces, send, onFound }: DetectionOptions): Detection {
  const fixed = apiVersion === 'auto' ? undefined : { v1, v3 }[apiVersion]
  let known = fixed
  let flight: Promise<Dialect> | undefined
  let rechecks = 0
  let recheckAtMs = 0

  const detect = () => (flight ??= ask().finally(() => (flight = undefined)))

  async function ask(): Promise<Dialect> {
    const dialect = await findDialect()
    if (dialect !== known) {
      rechecks = 0
      onFound(dialect)
    }
    return (known = dialect)
  }

  /** Asks where the user may have rights until somewhere the answer is not that there are none. */
  async function findDialect(): Promise<Dialect> {
    let denied: unknown
    for (const namespace of new Set(namespaces)) {
      for (const route of ['naming', 'config'] as const) {
        try {
          return await send(probe(route, namespace))
        } catch (error) {
          if (!isFailure(error, 'denied')) throw error
          denied = error
        }
      }
    }
    throw denied
  }

  return {
    get current() {
      return known
    },
    get reason() {
      if (fixed) return `cloud.nacos.api-version is ${apiVersion}`
      if (!known) return undefined
      return known === v3 ? 'the server answers the v3 client API' : 'the server answers v1 and not the v3 client API'
    },
    get: async () => known ?? detect(),
    async redetect(stale) {
      if (fixed) return fixed
      if (known && known !== stale) return known
      return detect()
    },
    recheck(stale) {
      if (fixed || flight || stale !== known || performance.now() < recheckAtMs) return
      recheckAtMs = performance.now() + backOffMs(++rechecks, RECHECK)
      detect().catch(() => {})
    },
  }
}
