import { z } from 'zod'
import {
  amount,
  durationMs,
  endpoint,
  flag,
  integer,
  ipFamily,
  list,
  oneOf,
  positiveMs,
  section,
  serverAddresses,
  stringMap,
  text,
} from '../kinds.js'
import { bindLease, leaseProblem, settingsOfLease } from '../lease.js'

/** How to reach one Nacos cluster; `discovery` and `config` inherit what they leave out. */
const connection = {
  /**
   * `host:port`, several separated by commas; port 8848 where a bare host has none. A URL is taken as it stands:
   * `https://` chooses TLS and port 443, `http://` port 80, a path is the `context-path`. @default 127.0.0.1:8848
   */
  serverAddr: serverAddresses.optional(),
  /**
   * Address server that names the nodes, before `server-addr`: `host`, `host:port` (8080 where there is none) or a URL.
   * It is asked at the start and every 30 s; while it fails, its last answer stays in use.
   */
  endpoint: endpoint.optional(),
  /** First path segment of the address server. @default the `context-path`, /nacos */
  endpointContextPath: text.optional(),
  /** Last path segment: the name of its list. @default serverlist */
  endpointClusterName: text.optional(),
  /** Namespace id; empty and `public` are the public namespace. @default public */
  namespace: text.optional(),
  /** User to log in as; the token is renewed before it ends. */
  username: text.optional(),
  /** The user's password; sent in the body of the login only. */
  password: text.optional(),
  /** AccessKey id for signed requests, instead of a login. */
  accessKey: text.optional(),
  /** Its secret; never sent. */
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
  /** `false` registers nothing; other services are found all the same. */
  enabled: flag.default(true),
  /** Group that the instance is registered in and that services are looked up in. */
  group: text.default('DEFAULT_GROUP'),
  /** Nacos cluster of the instance: what `same-cluster-first` goes by. */
  clusterName: text.default('DEFAULT'),
  /**
   * Every cluster that has instances to be called. Needed only where the gRPC port of a Nacos 3 without the v1 API cannot
   * be reached: its HTTP API lists by cluster, so that instances in others stay unseen, and an empty list is not
   * believed. @default the own cluster, DEFAULT and those seen
   */
  watchClusters: list.default([]),
  /** Registered name; `application.name` where it is left out. */
  service: text.optional(),
  /** Share of the calls relative to the other instances; 0 gets none. */
  weight: amount(0, 10_000).default(1),
  /** `name: value` pairs registered with the instance. */
  metadata: stringMap.default({}),
  /** Address or host name that callers are told; empty and `auto` are the default. @default the first private address that is not a virtual interface's */
  ip: text.optional(),
  /** Port that callers are told; -1, as in Spring, and 0 are the default. @default the one the app really listens on */
  port: integer(-1, 65535)
    .transform((value) => (value > 0 ? value : undefined))
    .optional(),
  /** Name of the network interface whose address is taken: `eth0`. */
  networkInterface: text.optional(),
  /** Address prefixes or regular expressions; the first private address that matches one is taken. */
  preferredNetworks: list.default([]),
  /** `IPv4` or `IPv6`: which kind of address is taken where there are both. @default IPv4 before IPv6 */
  ipType: ipFamily.optional(),
  /** `false` only calls others. */
  registerEnabled: flag.default(true),
  /** `false` registers the instance switched off: it gets no calls until an operator switches it on. */
  instanceEnabled: flag.default(true),
  /** `false` registers a persistent instance, which sends no heartbeat and which Nacos probes. */
  ephemeral: flag.default(true),
  /** Adds `secure=true` to the metadata: callers use https. */
  secure: flag.default(false),
  /**
   * Pause between heartbeats, at least a second; this and the next two are sent along, so that the server agrees. The
   * same in `metadata` (`preserved.heart.beat.interval` …), as Java services write it, is stronger. What is left out
   * adapts to what is written.
   * @default 10s
   */
  heartBeatInterval: positiveMs.optional(),
  /** Without a heartbeat for this long the instance is unhealthy; not below `heart-beat-interval`. @default 30s */
  heartBeatTimeout: durationMs.optional(),
  /** Without a heartbeat for this long it is removed; not below `heart-beat-interval`. @default 90s */
  ipDeleteTimeout: durationMs.optional(),
  /** An impossible registration ends the start with an error instead of a log line. */
  failFast: flag.default(false),
}).transform((own, context) => {
  const lease = bindLease(own)
  const problem = leaseProblem(lease, own)
  if (problem) {
    // The server refuses such a registration; better to hear it at the start, with the line.
    const path = [problem.part === 'timeoutMs' ? 'heartBeatTimeout' : 'ipDeleteTimeout']
    context.addIssue({ code: 'custom', path, message: problem.message, params: { says: true } })
  }
  return { ...own, ...settingsOfLease(lease) }
})

const config = section({
  ...connection,
  /** `false` pulls nothing. */
  enabled: flag.default(true),
  /** Group of the service's own documents, and of an import without `?group=`. */
  group: text.default('DEFAULT_GROUP'),
  /** Data id without profile and extension; `name`, then `application.name` where it is left out. */
  prefix: text.optional(),
  /** The same; `prefix` is the stronger of the two. */
  name: text.optional(),
  /** Extension of the service's own data ids, and the format of those without one; Spring's default is `properties`. */
  fileExtension: text.default('yml'),
  /**
   * Data ids, or `{ data-id, group, refresh }`: the weakest documents, the later one stronger. Changes are followed
   * where `refresh` is true (see also `sidecar.refresh-all`). One without `group` is in
   * `DEFAULT_GROUP`, whatever `config.group` is. Not loaded where `config.import` names documents in Nacos.
   */
  sharedConfigs: z.array(documentRef, { error: 'expected a list of data ids' }).default([]),
  /** The same; stronger than `shared-configs`, weaker than the service's own. */
  extensionConfigs: z.array(documentRef, { error: 'expected a list of data ids' }).default([]),
  /** The old name of `extension-configs`; not read where that is there. */
  extConfig: z.array(documentRef, { error: 'expected a list of data ids' }).default([]),
  /** The old way to write `shared-configs`: data ids of `DEFAULT_GROUP`, separated by commas. */
  sharedDataids: list.default([]),
  /** The data ids among `shared-dataids` and `shared-configs` whose changes are followed. */
  refreshableDataids: list.default([]),
  /** `false` follows no document's changes. */
  refreshEnabled: flag.default(true),
  /**
   * Whether an imported document stands above local files for a profile (`remote`) or, as they are more special, below
   * them (`local`); `?preference=` says it of one.
   */
  preference: oneOf('local', 'remote').default('local'),
  /** Deadline of the first pull. */
  timeout: positiveMs.default(3_000),
  /** Taken for Spring's sake, and without effect: Nacos hands documents out as UTF-8. */
  encode: text.default('utf-8'),
  /**
   * A first pull that fails, or a document that cannot be used, ends the start with an error; otherwise it goes on with
   * the snapshot, or without.
   */
  failFast: flag.default(false),
  /** What a document deleted while running leaves behind: `keep` its values, or `clear` them. */
  onDelete: oneOf('keep', 'clear').default('keep'),
  /** Largest accepted document, in bytes; larger ones would stall the process while they are read. */
  maxBytes: integer(1, 1_000_000_000).default(1024 * 1024),
})

const tls = section({
  /** Speaks TLS to addresses that say neither `http://` nor `https://`. @default true where another key of `tls` is set */
  enabled: flag.optional(),
  /** PEM file of the authorities to trust. @default Node's own */
  caFile: text.optional(),
  /** PEM file of the client's certificate; needs `key-file`. */
  certFile: text.optional(),
  /** PEM file of its key. */
  keyFile: text.optional(),
  /** What that key is encrypted with. */
  keyPassphrase: text.optional(),
  /** Host name that the server's certificate must carry. @default the address */
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
