import {
  alertRules,
  autoOr,
  durationMs,
  flag,
  forwardedHeaders,
  headerName,
  hostNames,
  integer,
  oneOf,
  port,
  positiveMs,
  section,
  text,
  webUrl,
} from '../kinds.js'
import { events } from './events.js'
import { observe } from './observe.js'

const ejection = section({
  /** `true` ejects failing instances from the list for a while. */
  enabled: flag.default(true),
  /** Consecutive failed calls (5xx, timeouts, broken connections) that eject an instance. */
  failures: integer(1, 10_000).default(5),
  /** Consecutive failed connection attempts that eject an instance. */
  connectFailures: integer(1, 10_000).default(1),
  /** Duration of the first ejection. It doubles each further time, and is shortened at random by up to a fifth. */
  time: durationMs.default(5_000),
  /** Longest duration of an ejection. */
  maxTime: durationMs.default(30_000),
  /** Largest share of the list that may be ejected, in percent. */
  maxShare: integer(0, 100).default(50),
  /** If ejection leaves fewer than this percentage of instances, ignore it and use them all. */
  panicShare: integer(0, 100).default(50),
})

const alerts = section({
  /** Address that alerts are sent to with POST. A chat's webhook is a secret: give it by the environment. @default none: no alerts; the same if it is empty */
  webhook: webUrl.optional(),
  /** Form of the message: `json`, or that of a chat. */
  format: oneOf('json', 'dingtalk', 'feishu', 'wecom', 'slack').default('json'),
  /** Key that signs the message, where the webhook of DingTalk or Feishu asks for it. */
  secret: text.optional(),
  /**
   * What is reported. `registry-lost`: no server of the registry answers. `config-rejected`: a version of a document
   * cannot be used. `ejected`: an instance of another service fails. `error-rate>5%/1m`: more than 5 % of the requests
   * that this instance served within a minute failed.
   * @default registry-lost, config-rejected, ejected
   */
  on: alertRules.default(['registry-lost', 'config-rejected', 'ejected']),
  /** A condition that ends within this time is not reported. */
  for: durationMs.default(10_000),
  /** How often a condition that lasts is reported again. 0: once. */
  repeat: durationMs.default(0),
  /** Deadline of one request to the webhook. */
  timeout: positiveMs.default(5_000),
})

/** `sidecar`: settings that do not exist in Spring. */
export const sidecar = section({
  /**
   * How long the instance keeps serving after it was deregistered. `auto`: 12 s, and longer while requests still arrive
   * from callers with an older list (Spring Cloud LoadBalancer keeps one for 35 s), until none has arrived for 3 s, at
   * most `drain-timeout`. Health checks do not count. A duration is a fixed drain; 0 means no drain.
   */
  drain: autoOr(durationMs, 'expected auto, or a duration such as 12s (0 for none)').default('auto'),
  /** Longest duration of an `auto` drain. Set the grace period of the platform at least 5 s above it. */
  drainTimeout: durationMs.default(40_000),
  /**
   * Longest duration of a whole shutdown: hooks, deregistration, drain, requests in progress. The drain ends early enough
   * to leave a quarter of it, at most 5 s, for what follows. What is still open at its end is named in one warning, and
   * cut. Set it 1 s below the grace period of the platform. @default none: each part has its own limit
   */
  leaveTimeout: positiveMs.optional(),
  /**
   * `true`: at the end of the drain, send WebSockets a close frame (1001, going away) and end `text/event-stream`
   * answers. `false`: they are cut after 9 s, and the event `closing` reports them to the app.
   */
  endStreams: flag.default(false),
  /** Deadline of the deregistration. */
  deregisterTimeout: durationMs.default(3_000),
  /** When Nacos suddenly returns no instances, keep the old list this long, then check again. */
  emptyProtection: durationMs.default(30_000),
  /**
   * `true` deregisters the instance when the process ends. `false` leaves it in the registry, without a drain; Nacos
   * removes it `ip-delete-timeout` after its last heartbeat.
   */
  deregisterOnExit: flag.default(true),
  /**
   * When to register: `listen` as soon as the app listens, `request` when it has answered its first request, `manual` when
   * it calls `sidecar.register()`. Health probes, CORS preflights and requests answered with 401, 403, 429 or 503 are no
   * first request.
   */
  registerOn: oneOf('listen', 'request', 'manual').default('listen'),
  /**
   * How often a failed first registration is tried again. Then one error is logged, and the app serves without being
   * registered until it calls `sidecar.register()`; with `fail-fast` the start ends. @default again and again
   */
  registerRetries: integer(0, 1_000_000).optional(),
  /** Pause between two tries of the first registration. @default 1 to 2 s, then 2 to 4 s */
  registerRetryInterval: positiveMs.optional(),
  /** Interval of list polls while there is no push; varied at random by ±10 %. */
  pollInterval: positiveMs.default(10_000),
  /**
   * `true` also follows the changes of shared and extension configs without `refresh`. Spring reads those once, at the
   * start.
   */
  refreshAll: flag.default(false),
  /** Balancer of every service without `feign.client.<name>.balancer`. */
  balancer: text.default('round-robin'),
  ejection: ejection.prefault({}),
  /** Limit of retries of requests that may have arrived, in percent of a service's calls of the last ten seconds. */
  retryBudget: integer(0, 100).default(20),
  /** Header of an incoming request that names the version of other services to call; it is sent on. An empty value switches it off. */
  versionHeader: headerName.default('x-sidecar-version'),
  /**
   * `true` sends the token, trace and version of a request on to the services that its handler calls. Set `false` if the
   * app calls no service: following a request through its promises costs Node 20 and 22 a few microseconds.
   */
  forwardContext: flag.default(true),
  /**
   * Further headers of a request that are sent on to the services its handler calls: `x-tenant-id, accept-language,
   * baggage`. Never to another host, and to a fixed `url` only with its `forward-context`. The token and the trace are
   * sent on without being named.
   */
  forwardHeaders: forwardedHeaders.default([]),
  /**
   * Names that are services in every URL, whatever the registry says: `demo.api`, which has a dot and so is a host
   * elsewhere; `AUTH-Service`, which a parsed URL turns to lower case.
   */
  logicalNames: hostNames.default([]),
  /** gRPC port of the registry. @default the HTTP port + `grpc-port-offset` */
  grpcPort: port.optional(),
  /** Difference between the gRPC port and the HTTP port of the registry. */
  grpcPortOffset: integer(-65535, 65535).default(1000),
  /** How changes arrive: `auto` subscribes over gRPC if its port answers, `off` uses HTTP only. */
  push: oneOf('auto', 'off').default('auto'),
  /**
   * Folder of the snapshots (last lists and documents of the registry), used by a start without the registry. `off`
   * keeps them in memory only.
   * @default nacos-sidecar in $XDG_STATE_HOME, $XDG_CACHE_HOME or ~/.cache
   */
  snapshotDir: text.optional(),
  /** File to which log lines are appended too, from the level `logging.level.nacos-sidecar`. It is created with mode 0640. */
  logFile: text.optional(),
  /**
   * Whether the service runs in production. There `/_sidecar` needs the guard and is off without `page: true`, a log level is changed behind
   * the guard only, and a watcher of sources is not looked for. `defineService` switches the stack traces of Express off.
   * @default true with `NODE_ENV=production`, or with a profile `prod` or `production`
   */
  production: flag.optional(),
  /**
   * `true` answers `/_sidecar`: a page that shows where this sidecar stands, with JSON beside it. In production it needs the
   * guard (`auth.enabled`) and a token; elsewhere, without the guard, it is for a browser on this machine only. Read at the
   * start. @default true, in production false
   */
  page: flag.optional(),
  observe: observe.prefault({}),
  alerts: alerts.prefault({}),
  events: events.prefault({}),
  health: section({
    /** `true` answers `/health` and `/actuator/health` unless the app does. */
    enabled: flag.default(true),
  }).prefault({}),
})
