import * as z from 'zod'
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

/** How to reach one Nacos cluster; `discovery` and `config` inherit the keys that they do not set. */
const connection = {
  /**
   * Addresses of the nodes, `host:port`, separated by commas. A bare host gets port 8848. A URL keeps its parts:
   * `https://` means TLS and port 443, `http://` port 80, a path is the `context-path`. @default 127.0.0.1:8848
   */
  serverAddr: serverAddresses.optional(),
  /**
   * Address server that lists the nodes; stronger than `server-addr`. `host`, `host:port` (default port 8080) or a URL.
   * It is read at the start and every 30 s. While it fails, its last answer stays in use.
   */
  endpoint: endpoint.optional(),
  /** First path segment of the address server. @default the `context-path`, /nacos */
  endpointContextPath: text.optional(),
  /** Last path segment of the address server: the name of its list. @default serverlist */
  endpointClusterName: text.optional(),
  /** Namespace id. An empty value and `public` mean the public namespace. @default public */
  namespace: text.optional(),
  /** User name for the login. The token is renewed before it expires. */
  username: text.optional(),
  /** Password of the user; sent only in the body of the login. */
  password: text.optional(),
  /** AccessKey id for signed requests, instead of a login. */
  accessKey: text.optional(),
  /** AccessKey secret; never sent. */
  secretKey: text.optional(),
  /** STS token of a temporary access key. */
  securityToken: text.optional(),
  /** Region id for V4 signatures (Alibaba MSE). Without it, the older signature is sent. */
  regionId: text.optional(),
  /** First path segment of the server. @default /nacos */
  contextPath: text.optional(),
}

const namedDocument = section({ dataId: text, group: text.optional(), refresh: flag.optional() })

/** A data id, alone or with its group. */
const documentRef = z.union([text.transform((dataId): z.output<typeof namedDocument> => ({ dataId })), namedDocument], {
  error: 'expected a data id, or data-id, group and refresh',
})

const discovery = section({
  ...connection,
  /** `false` registers no instance; other services are still found. */
  enabled: flag.default(true),
  /** Group of the instance, and of the services that it looks up. */
  group: text.default('DEFAULT_GROUP'),
  /** Nacos cluster of the instance; `same-cluster-first` prefers it. */
  clusterName: text.default('DEFAULT'),
  /**
   * All clusters with instances to call. Needed only if the gRPC port of a Nacos 3 without the v1 API cannot be reached:
   * its HTTP API lists by cluster, so instances in other clusters are not found, and an empty list is an error.
   * @default the own cluster, DEFAULT and clusters seen before
   */
  watchClusters: list.default([]),
  /** Registered name. @default the value of `application.name` */
  service: text.optional(),
  /** Weight: the share of calls relative to the other instances; 0 gets no calls. */
  weight: amount(0, 10_000).default(1),
  /** Metadata of the instance, `name: value` pairs. */
  metadata: stringMap.default({}),
  /** Registered address or host name; an empty value and `auto` mean the default. @default the first private address that is not on a virtual interface */
  ip: text.optional(),
  /** Registered port; -1, as in Spring, and 0 mean the default. @default the port the app really listens on */
  port: integer(-1, 65535)
    .transform((value) => (value > 0 ? value : undefined))
    .optional(),
  /** Name of the network interface whose address is registered: `eth0`. */
  networkInterface: text.optional(),
  /** Address prefixes or regular expressions; the first private address that matches one of them is registered. */
  preferredNetworks: list.default([]),
  /** `IPv4` or `IPv6`: kind of address to register if there are both. @default IPv4 before IPv6 */
  ipType: ipFamily.optional(),
  /** `false` registers no instance; the process only calls others. */
  registerEnabled: flag.default(true),
  /** `false` registers the instance as disabled: it gets no calls until an operator enables it. */
  instanceEnabled: flag.default(true),
  /** `false` registers a persistent instance: it sends no heartbeat, Nacos probes it. */
  ephemeral: flag.default(true),
  /** `true` adds `secure=true` to the metadata: callers use https. */
  secure: flag.default(false),
  /**
   * Pause between heartbeats, at least one second. This time and the next two are sent to the server, which uses them.
   * The same times in `metadata` (`preserved.heart.beat.interval` …, as Java services write them) are stronger. A time
   * that you do not set adapts to those that you set.
   * @default 10s
   */
  heartBeatInterval: positiveMs.optional(),
  /** Time without a heartbeat after which the instance is unhealthy; at least `heart-beat-interval`. @default 30s */
  heartBeatTimeout: durationMs.optional(),
  /** Time without a heartbeat after which the instance is removed; at least `heart-beat-interval`. @default 90s */
  ipDeleteTimeout: durationMs.optional(),
  /** `true`: if the first registration fails, the start fails with an error. `false`: it is logged and retried. */
  failFast: flag.default(false),
}).transform((own, context) => {
  const lease = bindLease(own)
  const problem = leaseProblem(lease, own)
  if (problem) {
    // The server refuses such a registration: report it at the start, with the line.
    const path = [problem.part === 'timeoutMs' ? 'heartBeatTimeout' : 'ipDeleteTimeout']
    context.addIssue({ code: 'custom', path, message: problem.message, params: { says: true } })
  }
  // The type keeps the descriptions above.
  const times: Required<Pick<typeof own, 'heartBeatInterval' | 'heartBeatTimeout' | 'ipDeleteTimeout'>> =
    settingsOfLease(lease)
  return { ...own, ...times }
})

const config = section({
  ...connection,
  /** `false` loads no document from Nacos. */
  enabled: flag.default(true),
  /** Group of the service's own documents, and of imports without `?group=`. */
  group: text.default('DEFAULT_GROUP'),
  /** Data id of the service's own documents, without profile and extension. @default the value of `name`, then of `application.name` */
  prefix: text.optional(),
  /** The same as `prefix`, which is stronger. */
  name: text.optional(),
  /** Extension of the service's own data ids, and format of data ids without an extension. Spring's default is `properties`. */
  fileExtension: text.default('yml'),
  /**
   * Shared documents: data ids, or `{ data-id, group, refresh }`. They are the weakest documents; a later one is
   * stronger. With `refresh: true` changes are followed (see also `sidecar.refresh-all`). Without `group` the group is
   * `DEFAULT_GROUP`, not `config.group`. They are not loaded if `config.import` names documents in Nacos.
   */
  sharedConfigs: z.array(documentRef, { error: 'expected a list of data ids' }).default([]),
  /** As `shared-configs`; stronger than those, weaker than the service's own documents. */
  extensionConfigs: z.array(documentRef, { error: 'expected a list of data ids' }).default([]),
  /** Old name of `extension-configs`; ignored if that is set. */
  extConfig: z.array(documentRef, { error: 'expected a list of data ids' }).default([]),
  /** Old form of `shared-configs`: data ids in `DEFAULT_GROUP`, separated by commas. */
  sharedDataids: list.default([]),
  /** Data ids of `shared-dataids` and `shared-configs` whose changes are followed. */
  refreshableDataids: list.default([]),
  /** `false` follows the changes of no document. */
  refreshEnabled: flag.default(true),
  /**
   * Whether an imported document (`remote`) or the local file for a profile (`local`) is the stronger one;
   * `?preference=` sets it for one import.
   */
  preference: oneOf('local', 'remote').default('local'),
  /** Deadline of loading the documents at the start. */
  timeout: positiveMs.default(3_000),
  /** Accepted as in Spring, without effect: Nacos sends documents as UTF-8. */
  encode: text.default('utf-8'),
  /**
   * `true`: if documents cannot be loaded at the start, or one cannot be used, the start fails with an error. `false`:
   * the start goes on with the snapshot, or without the document.
   */
  failFast: flag.default(false),
  /** What happens if a document is deleted in Nacos: `keep` its values, or `clear` them. */
  onDelete: oneOf('keep', 'clear').default('keep'),
  /** Largest accepted document, in bytes. A larger one would block the process while it is parsed. */
  maxBytes: integer(1, 1_000_000_000).default(1024 * 1024),
})

const tls = section({
  /** `true` uses TLS for addresses without `http://` or `https://`. @default true if another key of `tls` is set */
  enabled: flag.optional(),
  /** PEM file of the certificate authorities to trust. @default Node's own */
  caFile: text.optional(),
  /** PEM file of the client certificate; needs `key-file`. */
  certFile: text.optional(),
  /** PEM file of the client certificate's key. */
  keyFile: text.optional(),
  /** Passphrase of that key. */
  keyPassphrase: text.optional(),
  /** Host name that the server's certificate must have. @default the address */
  serverName: text.optional(),
})

/** `cloud.nacos`: the registry, the registered instance, and the documents. */
export const nacos = section({
  ...connection,
  tls: tls.prefault({}),
  /** HTTP API to use: `auto` detects it once, `v1` is for Nacos 1.x–3.1 and r-nacos, `v3` for Nacos 3.x. */
  apiVersion: oneOf('auto', 'v1', 'v3').default('auto'),
  /** How the instance is registered: `http` with a heartbeat, or over the `grpc` connection. */
  transport: oneOf('http', 'grpc').default('http'),
  /** Deadline of one request to the registry. */
  requestTimeout: positiveMs.default(5_000),
  /** Deadline of one heartbeat; then the next address is tried. */
  beatTimeout: positiveMs.default(2_000),
  discovery: discovery.prefault({}),
  config: config.prefault({}),
})
