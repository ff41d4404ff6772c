import { z } from 'zod'

/**
 * bootstrap.yml as Spring writes it, keys in camelCase, one schema for types, defaults, errors and the published
 * bootstrap.schema.json. A setting is read under the very path it is written under:
 * `settings.cloud.nacos.discovery.heartBeatInterval`. Durations are milliseconds; YAML may also say `10s` or `2m`.
 */

const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

const durationMs = z
  .union([z.number().nonnegative(), z.string().regex(/^\s*\d+(\.\d+)?\s*(ms|s|m|h)?\s*$/, 'expected a duration such as 500, 500ms, 10s or 2m')])
  .transform((value) => {
    if (typeof value === 'number') return value
    const [, amount, unit] = /^\s*([\d.]+)\s*(ms|s|m|h)?\s*$/.exec(value)!
    return Number(amount) * UNIT_MS[unit ?? 'ms']!
  })

const flag = z.union([z.boolean(), z.enum(['true', 'false', 'on', 'off', 'yes', 'no']).transform((v) => v === 'true' || v === 'on' || v === 'yes')])
const text = z.union([z.string(), z.number().transform(String), z.boolean().transform(String)])
const integer = (min: number, max: number) => z.coerce.number().int().min(min).max(max)
const port = integer(0, 65535)
/** `a,b` or a YAML list. */
const list = z.union([z.array(text), text.transform((v) => v.split(',').map((part) => part.trim()).filter(Boolean))])
const stringMap = z.record(z.string(), text)

/** How to reach one Nacos cluster; `discovery` and `config` inherit what they leave out. */
const connection = {
  /** `host:port`, several separated by commas; `http://` or `https://` in front chooses TLS. */
  serverAddr: text.optional(),
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

const documentRef = z.union([
  text.transform((dataId) => ({ dataId, group: undefined as string | undefined, refresh: undefined as boolean | undefined })),
  z.object({ dataId: text, group: text.optional(), refresh: flag.optional() }),
])

const discovery = z.object({
  ...connection,
  enabled: flag.default(true),
  group: text.default('DEFAULT_GROUP'),
  clusterName: text.default('DEFAULT'),
  /** Registered name; `application.name` where it is left out. */
  service: text.optional(),
  weight: z.coerce.number().min(0).max(10_000).default(1),
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
})

const config = z.object({
  ...connection,
  enabled: flag.default(true),
  group: text.default('DEFAULT_GROUP'),
  /** Data id without profile and extension; `name`, then `application.name` where it is left out. */
  prefix: text.optional(),
  name: text.optional(),
  /** @default yml (Spring: properties) */
  fileExtension: text.default('yml'),
  sharedConfigs: z.array(documentRef).default([]),
  extensionConfigs: z.array(documentRef).default([]),
  refreshEnabled: flag.default(true),
  /** Deadline of the first pull. */
  timeout: durationMs.default(3_000),
  encode: text.default('utf-8'),
  failFast: flag.default(false),
  /** What a document deleted while running leaves behind. */
  onDelete: z.enum(['keep', 'clear']).default('keep'),
  /** Largest accepted document, in bytes. */
  maxBytes: integer(1, 1_000_000_000).default(10 * 1024 * 1024),
})

const tls = z.object({
  enabled: flag.optional(),
  /** PEM files. */
  caFile: text.optional(),
  certFile: text.optional(),
  keyFile: text.optional(),
  keyPassphrase: text.optional(),
  serverName: text.optional(),
})

const nacos = z.object({
  ...connection,
  tls: tls.prefault({}),
  /** `auto` asks the server once; `v1` for Nacos 1.x–3.1 and r-nacos, `v3` for Nacos 3.x. */
  apiVersion: z.enum(['auto', 'v1', 'v3']).default('auto'),
  /** What registers: HTTP with its heartbeat, or the gRPC connection. */
  transport: z.enum(['http', 'grpc']).default('http'),
  /** Deadline of one request to the registry. */
  requestTimeout: durationMs.default(5_000),
  /** Deadline of one heartbeat; the next address is tried after it. */
  beatTimeout: durationMs.default(2_000),
  discovery: discovery.prefault({}),
  config: config.prefault({}),
})

const auth = z.object({
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
  token: z.object({ query: flag.default(true), cookies: flag.default(true) }).prefault({}),
  /** `first` guards every route by itself; `manual` leaves it to `sidecar.guard()`. */
  mount: z.enum(['first', 'manual']).default('first'),
})

const feignClient = z.object({
  /** A fixed base URL: no discovery. */
  url: text.optional(),
  connectTimeout: durationMs.optional(),
  readTimeout: durationMs.optional(),
  /** Further attempts after the first. */
  retry: integer(0, 10).optional(),
  headers: stringMap.optional(),
  /** Name of a balancer. */
  balancer: text.optional(),
  /** Sends the caller's token and trace to a fixed `url` as well. */
  forwardContext: flag.optional(),
})

const sidecar = z.object({
  /** How long the instance keeps serving after it has left the registry. */
  drain: durationMs.default(12_000),
  /** Cap on the deregistration request. */
  deregisterTimeout: durationMs.default(3_000),
  /** How long an empty list is held before it is believed. */
  emptyProtection: durationMs.default(30_000),
  /** `listen` registers once the app listens; `manual` waits for `sidecar.register()`. */
  registerOn: z.enum(['listen', 'manual']).default('listen'),
  /** Interval of list polls where nothing pushes; jittered by ±10 %. */
  pollInterval: durationMs.default(10_000),
  balancer: text.default('round-robin'),
  grpcPort: port.optional(),
  /** gRPC port = HTTP port + this. */
  grpcPortOffset: integer(-65535, 65535).default(1000),
  /** `auto` subscribes over gRPC where the port answers; `off` stays on HTTP. */
  push: z.enum(['auto', 'off']).default('auto'),
  snapshotDir: text.optional(),
  logFile: text.optional(),
  health: z.object({ enabled: flag.default(true) }).prefault({}),
})

export const settingsSchema = z.object({
  server: z.object({ port: port.optional() }).prefault({}),
  application: z.object({ name: text.optional(), code: text.optional() }).prefault({}),
  profiles: z.object({ active: list.default([]) }).prefault({}),
  config: z.object({ import: list.default([]) }).prefault({}),
  cloud: z.object({ nacos: nacos.prefault({}) }).prefault({}),
  auth: auth.prefault({}),
  feign: z.object({ client: z.record(z.string(), feignClient).default({}) }).prefault({}),
  sidecar: sidecar.prefault({}),
  logging: z.object({ level: z.record(z.string(), z.enum(['debug', 'info', 'warn', 'error', 'silent'])).default({}) }).prefault({}),
})

type DeepReadonly<T> = T extends (infer U)[] ? readonly DeepReadonly<U>[] : T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T

/** bootstrap.yml with every default filled in; frozen. */
export type Settings = DeepReadonly<z.output<typeof settingsSchema>>
export type NacosSettings = Settings['cloud']['nacos']
export type DiscoverySettings = NacosSettings['discovery']
export type ConfigSettings = NacosSettings['config']
export type AuthSettings = Settings['auth']
export type SidecarSettings = Settings['sidecar']
export type FeignClientSettings = DeepReadonly<z.output<typeof feignClient>>
