import { z } from 'zod'
import {
  amount,
  durationMs,
  flag,
  integer,
  list,
  oneOf,
  port,
  positiveMs,
  section,
  serverAddresses,
  stringMap,
  text,
} from '../kinds.js'

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
  heartBeatInterval: positiveMs.default(10_000),
  heartBeatTimeout: durationMs.default(30_000),
  ipDeleteTimeout: durationMs.default(90_000),
  /** An impossible registration ends the start with an error instead of a log line. */
  failFast: flag.default(false),
}).superRefine((own, context) => {
  // The server refuses such a registration; better to hear it at the start, with the line.
  if (own.heartBeatTimeout > own.heartBeatInterval && own.ipDeleteTimeout >= own.heartBeatTimeout) return
  const { heartBeatInterval, heartBeatTimeout, ipDeleteTimeout } = own
  const message = `expected heart-beat-interval < heart-beat-timeout ≤ ip-delete-timeout, got ${heartBeatInterval}, ${heartBeatTimeout} and ${ipDeleteTimeout} ms`
  context.addIssue({ code: 'custom', path: ['heartBeatTimeout'], message, params: { says: true } })
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
  timeout: positiveMs.default(3_000),
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

/** `cloud.nacos`: the registry, and what is registered and read there. */
export const nacos = section({
  ...connection,
  tls: tls.prefault({}),
  /** `auto` asks the server once; `v1` for Nacos 1.x–3.1 and r-nacos, `v3` for Nacos 3.x. */
  apiVersion: oneOf('auto', 'v1', 'v3').default('auto'),
  /** What registers: HTTP with its heartbeat, or the gRPC connection. */
  transport: oneOf('http', 'grpc').default('http'),
  /** Deadline of one request to the registry. */
  requestTimeout: positiveMs.default(5_000),
  /** Deadline of one heartbeat; the next address is tried after it. */
  beatTimeout: positiveMs.default(2_000),
  discovery: discovery.prefault({}),
  config: config.prefault({}),
})
