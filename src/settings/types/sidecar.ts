// Written by `npm run schema` from ../schema.ts and ../schema/: change those.

import type { AlertSettings } from './alerts.js'
import type { EjectionSettings } from './ejection.js'
import type { EventsSettings } from './events.js'
import type { ObserveSettings } from './observe.js'

/** The settings below `sidecar`. */
export interface SidecarSettings {
  /**
   * How long the instance keeps serving after it was deregistered. `auto`: 12 s, and longer while requests still arrive
   * from callers with an older list (Spring Cloud LoadBalancer keeps one for 35 s), until none has arrived for 3 s, at
   * most `drain-timeout`. Health checks do not count. A duration is a fixed drain; 0 means no drain.
   */
  readonly drain: number | 'auto'
  /** Longest duration of an `auto` drain. Set the grace period of the platform at least 5 s above it. */
  readonly drainTimeout: number
  /**
   * `true`: at the end of the drain, send WebSockets a close frame (1001, going away) and end `text/event-stream`
   * answers. `false`: they are cut after 9 s, and the event `closing` reports them to the app.
   */
  readonly endStreams: boolean
  /** Deadline of the deregistration. */
  readonly deregisterTimeout: number
  /** When Nacos suddenly returns no instances, keep the old list this long, then check again. */
  readonly emptyProtection: number
  /**
   * `true` deregisters the instance when the process ends. `false` leaves it in the registry, without a drain; Nacos
   * removes it `ip-delete-timeout` after its last heartbeat.
   */
  readonly deregisterOnExit: boolean
  /**
   * When to register: `listen` as soon as the app listens, `request` when it has answered its first request, `manual` when
   * it calls `sidecar.register()`. Health probes, CORS preflights and requests answered with 401, 403, 429 or 503 are no
   * first request.
   */
  readonly registerOn: 'manual' | 'listen' | 'request'
  /** Interval of list polls while there is no push; varied at random by ±10 %. */
  readonly pollInterval: number
  /**
   * `true` also follows the changes of shared and extension configs without `refresh`. Spring reads those once, at the
   * start.
   */
  readonly refreshAll: boolean
  /** Balancer of every service without `feign.client.<name>.balancer`. */
  readonly balancer: string
  readonly ejection: EjectionSettings
  /** Limit of retries of requests that may have arrived, in percent of a service's calls of the last ten seconds. */
  readonly retryBudget: number
  /** Header of an incoming request that names the version of other services to call; it is sent on. An empty value switches it off. */
  readonly versionHeader: string
  /**
   * `true` sends the token, trace and version of a request on to the services that its handler calls. Set `false` if the
   * app calls no service: following a request through its promises costs Node 20 and 22 a few microseconds.
   */
  readonly forwardContext: boolean
  /**
   * Further headers of a request that are sent on to the services its handler calls: `x-tenant-id, accept-language,
   * baggage`. Never to another host, and to a fixed `url` only with its `forward-context`. The token and the trace are
   * sent on without being named.
   */
  readonly forwardHeaders: readonly string[]
  /**
   * Names that are services in every URL, whatever the registry says: `demo.api`, which has a dot and so is a host
   * elsewhere; `AUTH-Service`, which a parsed URL turns to lower case.
   */
  readonly logicalNames: readonly string[]
  /** Difference between the gRPC port and the HTTP port of the registry. */
  readonly grpcPortOffset: number
  /** How changes arrive: `auto` subscribes over gRPC if its port answers, `off` uses HTTP only. */
  readonly push: 'auto' | 'off'
  readonly observe: ObserveSettings
  readonly alerts: AlertSettings
  readonly events: EventsSettings
  readonly health: {
    /** `true` answers `/health` and `/actuator/health` unless the app does. */
    readonly enabled: boolean
  }
  /**
   * Longest duration of a whole shutdown: hooks, deregistration, drain, requests in progress. The drain ends early enough
   * to leave a quarter of it, at most 5 s, for what follows. What is still open at its end is named in one warning, and
   * cut. Set it 1 s below the grace period of the platform.
   * @default none: each part has its own limit
   */
  readonly leaveTimeout?: number | undefined
  /**
   * How often a failed first registration is tried again. Then one error is logged, and the app serves without being
   * registered until it calls `sidecar.register()`; with `fail-fast` the start ends.
   * @default again and again
   */
  readonly registerRetries?: number | undefined
  /**
   * Pause between two tries of the first registration.
   * @default 1 to 2 s, then 2 to 4 s
   */
  readonly registerRetryInterval?: number | undefined
  /**
   * gRPC port of the registry.
   * @default the HTTP port + `grpc-port-offset`
   */
  readonly grpcPort?: number | undefined
  /**
   * Folder of the snapshots (last lists and documents of the registry), used by a start without the registry. `off`
   * keeps them in memory only.
   * @default nacos-sidecar in $XDG_STATE_HOME, $XDG_CACHE_HOME or ~/.cache
   */
  readonly snapshotDir?: string | undefined
  /** File to which log lines are appended too, from the level `logging.level.nacos-sidecar`. It is created with mode 0640. */
  readonly logFile?: string | undefined
  /**
   * Whether the service runs in production. There `/_sidecar` needs the guard and is off without `page: true`, a log level is changed behind
   * the guard only, and a watcher of sources is not looked for. `defineService` switches the stack traces of Express off.
   * @default true with `NODE_ENV=production`, or with a profile `prod` or `production`
   */
  readonly production?: boolean | undefined
  /**
   * `true` answers `/_sidecar`: a page that shows where this sidecar stands, with JSON beside it. In production it needs the
   * guard (`auth.enabled`) and a token; elsewhere, without the guard, it is for a browser on this machine only. Read at the
   * start.
   * @default true, in production false
   */
  readonly page?: boolean | undefined
}
