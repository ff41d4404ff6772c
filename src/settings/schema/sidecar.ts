import { autoOr, durationMs, flag, headerName, integer, oneOf, port, positiveMs, section, text } from '../kinds.js'

const ejection = section({
  /** Takes instances that keep failing out of the list for a while. */
  enabled: flag.default(true),
  /** Failures in a row (5xx, timeouts, broken connections) that take an instance out. */
  failures: integer(1, 10_000).default(5),
  /** Connections in a row that did not come about that do. */
  connectFailures: integer(1, 10_000).default(1),
  /** How long the first time; doubled each further time, and shortened at random by up to a fifth. */
  time: durationMs.default(5_000),
  /** How long at most. */
  maxTime: durationMs.default(30_000),
  /** Never more than this share of the list, in percent. */
  maxShare: integer(0, 100).default(50),
  /** Where less than this share of the list is left, in percent, all of it is used again. */
  panicShare: integer(0, 100).default(50),
})

/** `sidecar`: settings that Spring has no name for. */
export const sidecar = section({
  /**
   * How long the instance keeps serving after it has left the registry. `auto`: 12 s, and longer while requests still
   * come from callers whose list is older (Spring Cloud LoadBalancer keeps one for 35 s), until none has come for 3 s, at
   * most for `leave-timeout`; health checks do not count. A duration is a fixed drain; 0 is none.
   */
  drain: autoOr(durationMs, 'expected auto, or a duration such as 12s (0 for none)').default('auto'),
  /** How long a drain that is `auto` may last. Keep the platform's grace period 5 s above it. */
  leaveTimeout: durationMs.default(40_000),
  /**
   * At the end of the drain, send WebSockets a close frame (1001, going away) and end `text/event-stream` answers. Without
   * it they have 9 s until they are cut; the event `closing` tells the app of them.
   */
  endStreams: flag.default(false),
  /** Cap on the deregistration request. */
  deregisterTimeout: durationMs.default(3_000),
  /** How long an empty list is held before it is believed. */
  emptyProtection: durationMs.default(30_000),
  /** `listen` registers once the app listens; `manual` waits for `sidecar.register()`. */
  registerOn: oneOf('listen', 'manual').default('listen'),
  /** Interval of list polls where nothing pushes; jittered by ±10 %. */
  pollInterval: positiveMs.default(10_000),
  /**
   * Follows the changes of shared and extension configs that say nothing of `refresh` too, where Spring reads those once,
   * at the start.
   */
  refreshAll: flag.default(false),
  /** Balancer of every service that `feign.client.<name>.balancer` says nothing of. */
  balancer: text.default('round-robin'),
  ejection: ejection.prefault({}),
  /** Retries of requests that may have arrived, in percent of a service's calls of the last ten seconds. */
  retryBudget: integer(0, 100).default(20),
  /** Header of an incoming request that says which version of other services it wants; it travels on. Empty: none. */
  versionHeader: headerName.default('x-sidecar-version'),
  /**
   * Whether the token, trace and version of a request travel on to the services its handler calls. `false` for an app
   * that calls nobody: following a request through its promises costs Node 20 and 22 a few microseconds.
   */
  forwardContext: flag.default(true),
  /** Where the registry's gRPC is. @default the HTTP port + `grpc-port-offset` */
  grpcPort: port.optional(),
  /** gRPC port = HTTP port + this. */
  grpcPortOffset: integer(-65535, 65535).default(1000),
  /** `auto` subscribes over gRPC where the port answers; `off` stays on HTTP. */
  push: oneOf('auto', 'off').default('auto'),
  /**
   * Where what the registry last said is kept for a start without it; `off` keeps it in memory only.
   * @default $XDG_STATE_HOME, $XDG_CACHE_HOME or ~/.cache, and nacos-sidecar below it
   */
  snapshotDir: text.optional(),
  /** A file to which the log's lines are appended as well, from `logging.level.nacos-sidecar` on; made with mode 0640. */
  logFile: text.optional(),
  health: section({
    /** Answers `/health` and `/actuator/health` where the app does not. */
    enabled: flag.default(true),
  }).prefault({}),
})
