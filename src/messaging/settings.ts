import { followSettings } from '../config/follow-settings.js'
import type { PropertyStore } from '../properties/store.js'
import type { Settings } from '../settings/schema.js'
import { events } from '../settings/schema/events.js'
import type { SidecarHost } from './host.js'
import type { RetryRules } from './rules.js'
import { readRabbitmq } from './spring-rabbitmq.js'

/** `sidecar.events`, with the keys of Spring for what it leaves out. */
export interface EventSettings {
  readonly url: string | undefined
  readonly concurrency: number
  readonly emitTimeoutMs: number
  readonly forwardToken: boolean
  readonly retry: RetryRules
}

type OwnSettings = Settings['sidecar']['events']
/** What Spring's keys say instead. */
type SpringSettings = Partial<RetryRules> & { readonly concurrency?: number | undefined }

const CONCURRENCY = 10
const RETRY: RetryRules = { attempts: 3, delayMs: 5_000, factor: 1, maxDelayMs: 600_000 }

/** As they are now: Nacos may change them. */
export function eventSettings(host: SidecarHost): EventSettings {
  return (host.eventSettings ??= liveSettings(host))()
}

function liveSettings(host: SidecarHost): () => EventSettings {
  let read: EventSettings | undefined
  // They are first read by the first bus, when Nacos may have been loaded: what it says may be wrong.
  const before = host.settings.sidecar.events
  let own: OwnSettings = followSettings(events, 'sidecar.events', host, (changed) => (own = changed), before)
  // Spring's keys may have changed, too.
  host.store.watch(() => void (read = undefined))
  return () => (read ??= merged(own, ofSpring(host.store)))
}

function merged(
  { url, concurrency, emitTimeout, forwardToken, retry }: OwnSettings,
  spring: SpringSettings,
): EventSettings {
  return {
    url: url === '' ? undefined : url,
    concurrency: concurrency ?? spring.concurrency ?? CONCURRENCY,
    emitTimeoutMs: emitTimeout,
    forwardToken,
    retry: {
      attempts: retry.attempts ?? spring.attempts ?? RETRY.attempts,
      delayMs: retry.delay ?? spring.delayMs ?? RETRY.delayMs,
      factor: retry.factor ?? spring.factor ?? RETRY.factor,
      maxDelayMs: retry.maxDelay ?? spring.maxDelayMs ?? RETRY.maxDelayMs,
    },
  }
}

function ofSpring(store: PropertyStore): SpringSettings {
  try {
    const { prefetch: concurrency, retry } = readRabbitmq(store).listener.simple
    if (!retry.enabled) return { concurrency }
    const { maxAttempts: attempts, initialInterval: delayMs, multiplier: factor, maxInterval: maxDelayMs } = retry
    return { concurrency, attempts, delayMs, factor, maxDelayMs }
  } catch {
    // It may need Nacos. The connection says what is wrong.
    return {}
  }
}
