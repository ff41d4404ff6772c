import type { IncomingMessage } from 'node:http'

/** Requests that still come after the deregistration: from callers with an older list. */
export interface RequestTracker {
  /** Counts a request. */
  record(request: IncomingMessage): void
  /** By `performance.now()`; `undefined` before the first. */
  readonly lastRequestAt: number | undefined
  /** The busiest of them, for the log: `Java/17.0.9 from 10.0.0.5 (412 requests), …`. */
  describe(): string
}

/** So many callers are counted apart; further ones count as others. */
const MOST_CALLERS = 200
const MOST_NAMED = 5

/** Monitors, load balancers and the platform: they go on for as long as the process answers. */
const PROBING_AGENT =
  /^(kube-probe|ELB-HealthChecker|GoogleHC|GoogleStackdriverMonitoring|Amazon-Route53|Azure Traffic Manager|Load Balancer Agent|Consul Health Check|Envoy\/HC|HAProxy|Prometheus|Blackbox|VictoriaMetrics|vm_promscrape|OpenTelemetry Collector|Datadog|Uptime|Pingdom|StatusCake|Zabbix|check_http|SkyWalking)/i
const PROBED_PATH =
  /^\/(actuator|_sidecar)(\/|$)|\/(health|healthz|health-?check|livez?|liveness|readyz?|readiness|startupz?|ping|metrics|prometheus)$/i

export function createRequestTracker(): RequestTracker {
  const counts = new Map<string, number>()
  let lastAt: number | undefined

  return {
    record(request) {
      if (isProbe(request)) return
      lastAt = performance.now()
      const name = callerOf(request)
      const known = counts.has(name) || counts.size < MOST_CALLERS ? name : 'others'
      counts.set(known, (counts.get(known) ?? 0) + 1)
    },
    get lastRequestAt() {
      return lastAt
    },
    describe() {
      const busiest = [...counts].sort(([, a], [, b]) => b - a)
      const named = busiest.slice(0, MOST_NAMED).map(([name, count]) => `${name} (${count} requests)`)
      const rest = busiest.length - named.length
      return [...named, ...(rest > 0 ? [`${rest} more`] : [])].join(', ')
    },
  }
}

/** A health check or the like, not a call. */
export function isProbe({ method, url = '/', headers }: Pick<IncomingMessage, 'method' | 'url' | 'headers'>): boolean {
  if (PROBING_AGENT.test(headers['user-agent'] ?? '')) return true
  if (method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS') return false
  return PROBED_PATH.test(url.replace(/[?#].*$/, '').replace(/\/+$/, ''))
}

function callerOf({ headers, socket }: IncomingMessage): string {
  // Untrusted input that goes to the log.
  const agent = (headers['user-agent'] ?? '').replace(/[^\x20-\x7e]/g, '?').slice(0, 60)
  return `${agent === '' ? 'no user agent' : agent} from ${socket?.remoteAddress ?? 'unknown'}`
}
