import { z } from 'zod'
import {
  amount,
  durationMs,
  flag,
  headerName,
  integer,
  list,
  logLevel,
  oneOf,
  port,
  section,
  serverAddresses,
  stringMap,
  text,
} from './kinds.js'

/**
 * bootstrap.yml as Spring writes it, keys in camelCase, one schema for types, defaults, errors and the published
 * bootstrap.schema.json. A setting is read under the very path it is written under:
 * `settings.cloud.nacos.discovery.heartBeatInterval`. Durations are milliseconds; YAML may also say `10s` or `2m`.
 */

/** How to reach one Nacos cluster; `discovery` and `config` inherit what they leave out. */
const connection = {
  /** `host:port`, several separated by commas; `http://` or `https://` in front chooses TLS. */
  serverAddr: serverAddresses.optional(),
  /** Namespace id; empty and `public` are the public namespace. */
  namespace: text.optional(),
  username: text.optional(),
  password: text.optional(),
  accessKey: text.optional(),
  secretKey: text.optional(),
  /** STS token that goes with a temporary access key. */
  securityToken: text.optional(),
  /** Region id for V4 signatures (Alibaba MSE); without it the older signature is sent. */
  regionId: text.optional(),
  /** First path segment of the server. @default /nacos */
  contextPath: text.optional(),
}

/** A data id, alone or with its group. */
const documentRef = z.union(
  [
    text.transform((dataId) => ({
      dataId,
      group: undefined as string | undefined,
      refresh: undefined as boolean | undefined,
    })),
    section({ dataId: text, group: text.optional(), refresh: flag.optional() }),
  ],
  { error: 'expected a data id, or data-id, group and refresh' },
)

const discovery = section({
  ...connection,
  enabled: flag.default(true),
  group: text.default('DEFAULT_GROUP'),
  clusterName: text.default('DEFAULT'),
  /** Registered name; `application.name` where it is left out. */
  service: text.optional(),
  weight: amount(0, 10_000).default(1),
  metadata: stringMap.default({}),
  ip: text.optional(),
  port: port.optional(),
  networkInterface: text.optional(),
  /** Address prefixes or regular expressions; the first private address that matches one is taken. */
  preferredNetworks: list.default([]),
  registerEnabled: flag.default(true),
  instanceEnabled: flag.default(true),
  ephemeral: flag.default(true),
  /** Adds `secure=true` to the metadata: callers use https. */
  secure: flag.default(false),
  heartBeatInterval: durationMs.default(10_000),
  heartBeatTimeout: durationMs.default(30_000),
  ipDeleteTimeout: durationMs.default(90_000),
  /** An impossible registration ends the start with an error instead of a log line. */
  failFast: flag.default(false),
}).superRefine((own, context) => {
  // The server refuses such a registration; better to hear it at the start, with the line.
  if (own.heartBeatTimeout > own.heartBeatInterval && own.ipDeleteTimeout >= own.heartBeatTimeout) return
  const message = 'expected heart-beat-interval < heart-beat-timeout ≤ ip-delete-timeout'
  context.addIssue({ code: 'custom', path: ['heartBeatTimeout'], message })
})

const config = section({
  ...connection,
  enabled: flag.default(true),
  group: text.default('DEFAULT_GROUP'),
  /** Data id without profile and extension; `name`, then `application.name` where it is left out. */
  prefix: text.optional(),
  name: text.optional(),
  /** @default yml (Spring: properties) */
  fileExtension: text.default('yml'),
  sharedConfigs: z.array(documentRef, { error: 'expected a list of data ids' }).default([]),
  extensionConfigs: z.array(documentRef, { error: 'expected a list of data ids' }).default([]),
  refreshEnabled: flag.default(true),
  /** Deadline of the first pull. */
  timeout: durationMs.default(3_000),
  encode: text.default('utf-8'),
  failFast: flag.default(false),
  /** What a document deleted while running leaves behind. */
  onDelete: oneOf('keep', 'clear').default('keep'),
  /** Largest accepted document, in bytes; larger ones would stall the process while they are read. */
  maxBytes: integer(1, 1_000_000_000).default(1024 * 1024),
})

const tls = section({
  enabled: flag.optional(),
  /** PEM files. */
  caFile: text.optional(),
  certFile: text.optional(),
  keyFile: text.optional(),
  keyPassphrase: text.optional(),
  serverName: text.optional(),
})

const nacos = section({
  ...connection,
  tls: tls.prefault({}),
  /** `auto` asks the server once; `v1` for Nacos 1.x–3.1 and r-nacos, `v3` for Nacos 3.x. */
  apiVersion: oneOf('auto', 'v1', 'v3').default('auto'),
  /** What registers: HTTP with its heartbeat, or the gRPC connection. */
  transport: oneOf('http', 'grpc').default('http'),
  /** Deadline of one request to the registry. */
  requestTimeout: durationMs.default(5_000),
  /** Deadline of one heartbeat; the next address is tried after it. */
  beatTimeout: durationMs.default(2_000),
  discovery: discovery.prefault({}),
  config: config.prefault({}),
})

const auth = section({
  enabled: flag.default(false),
  /** Lets a request with a token pass while the auth service is down. */
  failOpen: flag.default(false),
  /** Paths that need no token: whole segments and globs. */
  excludePaths: list.default([]),
  timeout: durationMs.default(5_000),
  /** Logical name or base URL of the central auth service. */
  service: text.optional(),
  path: text.default('/external/auth/check'),
  /** What this application calls itself there; `application.code` where it is left out. */
  code: text.optional(),
  cacheTtl: durationMs.default(5_000),
  token: section({ query: flag.default(true), cookies: flag.default(true) }).prefault({}),
  /** `first` guards every route by itself; `manual` leaves it to `sidecar.guard()`. */
  mount: oneOf('first', 'manual').default('first'),
})

const breaker = section({
  enabled: flag.default(true),
  /** Failed calls in a row (no answer, or 5xx) that open the circuit. */
  failures: integer(1, 100_000).default(10),
  /** How long an open circuit refuses calls before one is let through to try. */
  openFor: durationMs.default(10_000),
})

const feignClient = section({
  /** A fixed base URL: no discovery. `NACOS_SIDECAR_OVERRIDE_<name>` in the environment sets it too. */
  url: text.optional(),
  connectTimeout: durationMs.optional(),
  readTimeout: durationMs.optional(),
  /** Deadline of one attempt, its connection and its whole answer included, in place of `read-timeout`. */
  attemptTimeout: durationMs.optional(),
  /** Deadline of the whole call, every attempt included. */
  timeout: durationMs.optional(),
  /** Further attempts after the first, for idempotent calls. @default 1 */
  retry: integer(0, 10).optional(),
  headers: stringMap.optional(),
  /** `round-robin`, `random`, `least-pending`, `consistent-hash`, `same-cluster-first`, or a registered one. */
  balancer: text.optional(),
  /** What `consistent-hash` goes by: `path:id`, `query:user` or `header:x-user`. */
  hashBy: text.optional(),
  /** Metadata an instance must have to be called. */
  filter: stringMap.optional(),
  /** Version (metadata `version`) of the instances to call, unless the request being handled asks for another. */
  version: text.optional(),
  /** A circuit breaker for the service. */
  breaker: breaker.optional(),
  /** Sends the caller's token and trace to a fixed `url` as well. */
  forwardContext: flag.optional(),
})

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

const sidecar = section({
  /** How long the instance keeps serving after it has left the registry. */
  drain: durationMs.default(12_000),
  /** Cap on the deregistration request. */
  deregisterTimeout: durationMs.default(3_000),
  /** How long an empty list is held before it is believed. */
  emptyProtection: durationMs.default(30_000),
  /** `listen` registers once the app listens; `manual` waits for `sidecar.register()`. */
  registerOn: oneOf('listen', 'manual').default('listen'),
  /** Interval of list polls where nothing pushes; jittered by ±10 %. */
  pollInterval: durationMs.default(10_000),
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
  logFile: text.optional(),
  health: section({ enabled: flag.default(true) }).prefault({}),
})

/** All settings; `z.output` of it is `Settings`. */
export const settingsSchema = section({
  server: section({ port: port.optional() }).prefault({}),
  application: section({ name: text.optional(), code: text.optional() }).prefault({}),
  profiles: section({ active: list.default([]) }).prefault({}),
  config: section({ import: list.default([]) }).prefault({}),
  cloud: section({ nacos: nacos.prefault({}) }).prefault({}),
  auth: auth.prefault({}),
  feign: section({ client: z.record(z.string(), feignClient).default({}) }).prefault({}),
  sidecar: sidecar.prefault({}),
  logging: section({ level: z.record(z.string(), logLevel).default({}) }).prefault({}),
})

type DeepReadonly<T> = T extends (infer U)[]
  ? readonly DeepReadonly<U>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T

/** bootstrap.yml with every default filled in; frozen. */
export type Settings = DeepReadonly<z.output<typeof settingsSchema>>
export type NacosSettings = Settings['cloud']['nacos']
export type DiscoverySettings = NacosSettings['discovery']
export type ConfigSettings = NacosSettings['config']
export type AuthSettings = Settings['auth']
export type SidecarSettings = Settings['sidecar']
export type EjectionSettings = SidecarSettings['ejection']
export type FeignClientSettings = DeepReadonly<z.output<typeof feignClient>>
