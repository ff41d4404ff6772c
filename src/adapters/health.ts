import { isHealthRequest } from '../auth/unguarded.js'
import { withoutQuery } from '../auth/route-path.js'
import type { AppHooks, DirectAnswer } from './adapter.js'

/** What the health pages are made of. */
export interface HealthStatus {
  /** `starting` until the sidecar has done its part, `leaving` from the first signal on. */
  readonly phase: 'starting' | 'serving' | 'leaving'
  readonly registered: boolean
  /** When the registry last accepted a heartbeat. */
  readonly lastBeat?: Date
  /** Further facts for `/actuator/health`. The page is open to everyone: no addresses, no secrets. */
  readonly details?: Readonly<Record<string, unknown>>
}

/**
 * The pages of `AppHooks.health`, in Spring Boot's format. Only readiness ever answers 503, and only while starting and
 * leaving: an outage of the registry must not restart the fleet.
 */
export function createHealth(status: () => HealthStatus | undefined): AppHooks['health'] {
  return (method, target) => {
    if (!isHealthRequest(method, target)) return undefined
    const now = status()
    return now && page(withoutQuery(target), now)
  }
}

/** The path of a health page; `undefined` for any other target. */
export function healthPage(method: string, target: string): string | undefined {
  return isHealthRequest(method, target) ? withoutQuery(target) : undefined
}

function page(path: string, { phase, registered, lastBeat, details }: HealthStatus): DirectAnswer {
  const ready = phase === 'serving'
  const facts = { registered, lastBeat: lastBeat?.toISOString() ?? null }
  switch (path) {
    case '/actuator/health/liveness':
      return { status: 200, body: { status: 'UP' } }
    case '/actuator/health/readiness':
      return ready
        ? { status: 200, body: { status: 'UP' } }
        : { status: 503, body: { status: 'OUT_OF_SERVICE', phase } }
    case '/actuator/health': {
      const nacos = { status: registered ? 'UP' : 'DOWN', details: { ...facts, ...details } }
      return { status: 200, body: { status: 'UP', phase, ...facts, components: { nacos } } }
    }
    default:
      return { status: 200, body: { status: 'UP', phase, ...facts } }
  }
}
