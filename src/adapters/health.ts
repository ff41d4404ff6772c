import { isHealthRequest } from '../auth/unguarded.js'
import { withoutQuery } from '../auth/route-path.js'
import type { DirectAnswer, DirectPage } from './adapter.js'

/** What the health pages are made of. */
export interface HealthStatus {
  /** `starting` until the sidecar has done its part, `leaving` from the first signal on. */
  readonly phase: 'starting' | 'serving' | 'leaving'
  readonly registered: boolean
  /** When the registry last accepted a heartbeat. */
  readonly lastBeat?: Date
  /** Further facts for `/actuator/health`. The page is open to everyone: no addresses, no secrets. */
  readonly details?: Readonly<Record<string, unknown>>
  /** What of the app is shown beside the registry; `readiness`: only what keeps the instance from being ready. */
  components?(which?: 'readiness'): Promise<HealthComponents>
}

/** As Spring Boot shows them, by name. */
export type HealthComponents = Readonly<Record<string, HealthComponent>>

/** One part of the health page. */
export interface HealthComponent {
  readonly status: 'UP' | 'DOWN'
  /** The page is open to everyone. */
  readonly details?: Readonly<Record<string, unknown>>
}

/**
 * The health pages, in Spring Boot's format. Only readiness ever answers 503: while starting, while
 * leaving, and while a resource is DOWN that says it counts. An outage of the registry must not restart the fleet.
 */
export function createHealth(
  status: () => HealthStatus | undefined,
): (method: string, target: string) => DirectPage | undefined {
  return (method, target) => {
    if (!isHealthRequest(method, target)) return undefined
    const now = status()
    return now && (() => page(withoutQuery(target), now))
  }
}

function page(path: string, now: HealthStatus): DirectAnswer | Promise<DirectAnswer> {
  const { phase, registered, lastBeat, details, components } = now
  const facts = { registered, lastBeat: lastBeat?.toISOString() ?? null }
  switch (path) {
    case '/actuator/health/liveness':
      return { status: 200, body: { status: 'UP' } }
    case '/actuator/health/readiness':
      return components && phase === 'serving' ? components('readiness').then(readiness) : readinessOf(phase)
    case '/actuator/health': {
      const nacos = { status: registered ? 'UP' : 'DOWN', details: { ...facts, ...details } }
      const health = (others: HealthComponents = {}) => ({
        status: 200,
        body: { status: 'UP', phase, ...facts, components: { ...others, nacos } },
      })
      return components ? components().then(health) : health()
    }
    default:
      return { status: 200, body: { status: 'UP', phase, ...facts } }
  }
}

function readinessOf(phase: HealthStatus['phase']): DirectAnswer {
  return phase === 'serving'
    ? { status: 200, body: { status: 'UP' } }
    : { status: 503, body: { status: 'OUT_OF_SERVICE', phase } }
}

function readiness(components: HealthComponents): DirectAnswer {
  const down = Object.values(components).some(({ status }) => status === 'DOWN')
  return down ? { status: 503, body: { status: 'DOWN', components } } : readinessOf('serving')
}
