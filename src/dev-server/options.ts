import { SidecarError } from '../errors.js'
import { createLogger } from '../logger.js'
import type { Logger } from '../logger.js'
import { isLoopback } from './access.js'
import type { Credentials } from './auth.js'
import { GRPC_TIMES } from './grpc/times.js'
import type { GrpcTimes } from './grpc/times.js'
import type { HttpLimits } from './http.js'
import { NACOS_BEAT_TIMES } from './instance.js'
import type { BeatTimes } from './instance.js'
import type { Api } from './router.js'
import { UDP_TIMES } from './udp-push.js'
import type { UdpTimes } from './udp-push.js'
import type { ListenerTimes } from './v1-listener.js'
import type { ListWithoutCluster } from './v3-client.js'

/** Where the embedded registry listens, and which Nacos it plays. */
export interface DevServerOptions {
  /** Port to listen on; 0 takes a free one. @default 0 */
  port?: number
  /**
   * Port of gRPC: 0 takes a free one, `false` leaves gRPC out.
   *
   * @default the HTTP port + 1000, where clients look for it
   */
  grpcPort?: number | false
  /** Address to listen on; one that is not loopback needs `allowRemote`. @default '127.0.0.1' */
  host?: string
  /** Lets other machines in. This is a development server: think twice. @default false */
  allowRemote?: boolean
  /** Further names it may be called by in `Host`, such as `host.docker.internal`. @default [] */
  allowedHosts?: readonly string[]
  /** Turns auth on with this one user; `tokenTtlSeconds` defaults to 18000. @default off */
  auth?: Credentials
  /** Which Nacos it plays: `['v1']` is a Nacos 2.x (v1 and v2), `['v3']` a Nacos 3.2. @default ['v1', 'v3'] */
  apis?: readonly Api[]
  /**
   * What a v3 instance list holds that names no cluster: `'default'` cluster DEFAULT alone, as Nacos 3.0 to 3.2 before
   * March 2026, `'all'` every cluster, as later ones. Lists of v1 and of gRPC hold every cluster always.
   *
   * @default 'default' with v1, as 3.0 and 3.1, 'all' with v3 alone, as a 3.2 of today
   */
  listWithoutCluster?: ListWithoutCluster
  /** Keeps configs in this directory; instances are never kept. @default memory only */
  dataDir?: string
  /** @default one line per event to stderr, warnings and errors only */
  logger?: Logger
  /** Heartbeat times in ms where an instance's metadata says nothing. @default 5000/15000/30000, as Nacos */
  beat?: Partial<BeatTimes>
  /** Interval of the expiry check in ms. @default 5000 or a third of the shortest timeout */
  tickMs?: number
  /** Monotonic milliseconds, for tests. @default performance.now */
  clock?: () => number
  /** Long-poll times in ms, for tests. @default 10000 and 500, as Nacos */
  listener?: Partial<ListenerTimes>
  /** gRPC: how long until a push, an acknowledgement is waited for, silence is looked into. */
  grpcTimes?: Partial<GrpcTimes>
  /** UDP push for the SDKs of Nacos 1.x: how long until a push, an acknowledgement is waited for, a client is forgotten. */
  udpTimes?: Partial<UdpTimes>
  /** Sizes and deadlines of a request. */
  limits?: Partial<HttpLimits>
  /** Starts although NODE_ENV is production. @default false */
  allowProduction?: boolean
}

export interface ResolvedOptions {
  readonly port: number
  /** Absent: the HTTP port + 1000. */
  readonly grpcPort: number | false | undefined
  readonly host: string
  readonly allowedHosts: readonly string[]
  readonly auth: Credentials | undefined
  readonly apis: readonly Api[]
  readonly listWithoutCluster: ListWithoutCluster
  readonly dataDir: string | undefined
  readonly logger: Logger
  readonly beat: BeatTimes
  readonly tickMs: number | undefined
  readonly clock: () => number
  readonly listener: ListenerTimes
  readonly grpcTimes: GrpcTimes
  readonly udpTimes: UdpTimes
  readonly limits: HttpLimits
}

const MIB = 1024 * 1024

/** Fills in defaults, and refuses what would put a development server where it must not be. */
export function resolveOptions(options: DevServerOptions): ResolvedOptions {
  if (process.env['NODE_ENV'] === 'production' && !options.allowProduction) {
    throw refused(
      'NODE_ENV is production, and the embedded registry is for development: it holds instances in memory, on one node. ' +
        'Point the service at a real Nacos, or give --allow-production (allowProduction) if you mean it.',
    )
  }
  const host = options.host ?? '127.0.0.1'
  const logger = options.logger ?? createLogger('warn')
  if (!isLoopback(host)) {
    if (!options.allowRemote) {
      throw refused(
        `Host ${host} would open the embedded registry to other machines. ` +
          'Leave --host (host) at 127.0.0.1, or give --allow-remote (allowRemote) if you mean it.',
      )
    }
    const open = options.auth ? 'with its password' : 'without a password: give --auth user:password (auth)'
    logger.warn(`The embedded registry listens on ${host}: other machines can register, read and publish ${open}.`)
  }
  if (options.auth && !(options.auth.username && options.auth.password)) {
    throw refused('Auth needs a user name and a password, both not empty: there is no default user.')
  }
  const apis = options.apis ?? ['v1', 'v3']
  if (apis.length === 0 || apis.some((api) => api !== 'v1' && api !== 'v3')) {
    throw refused(`apis: expected 'v1', 'v3' or both, got ${JSON.stringify(apis)}.`)
  }
  const listWithoutCluster = options.listWithoutCluster ?? (apis.includes('v1') ? 'default' : 'all')
  if (listWithoutCluster !== 'all' && listWithoutCluster !== 'default') {
    throw refused(`listWithoutCluster: expected 'all' or 'default', got ${JSON.stringify(listWithoutCluster)}.`)
  }
  return Object.freeze({
    port: options.port ?? 0,
    grpcPort: options.grpcPort,
    host,
    allowedHosts: options.allowedHosts ?? [],
    auth: options.auth,
    apis,
    listWithoutCluster,
    dataDir: options.dataDir,
    logger,
    beat: { ...NACOS_BEAT_TIMES, ...options.beat },
    tickMs: options.tickMs,
    clock: options.clock ?? (() => performance.now()),
    listener: { shortestHoldMs: 10_000, headStartMs: 500, ...options.listener },
    grpcTimes: { ...GRPC_TIMES, ...options.grpcTimes },
    udpTimes: { ...UDP_TIMES, ...options.udpTimes },
    limits: {
      formBytes: 2 * MIB,
      hardBytes: 16 * MIB,
      headersTimeoutMs: 10_000,
      requestTimeoutMs: 30_000,
      ...options.limits,
    },
  })
}

export function refused(why: string, cause?: unknown): SidecarError {
  return new SidecarError('SIDECAR_DEV_SERVER', `The embedded registry did not start. ${why}`, { cause })
}
