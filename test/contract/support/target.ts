/**
 * One implementation of a registry, as one dialect sees it. Plain data, so that a global setup can hand it to the
 * tests.
 */
export interface ContractTarget {
  /** For people: `Nacos 2.2.4, v1`. */
  readonly name: string
  /** What a declared difference is looked up by. */
  readonly kind: ServerKind
  /** `host:port` */
  readonly server: string
  /** The dialect under test. */
  readonly apiVersion: ApiVersion
  /** The client under test, where it is not our own. */
  readonly client?: 'npm nacos'
  readonly capabilities: Capabilities
  /** What the client logs in with; absent where the server lets anyone in. */
  readonly auth?: ContractAuth
  /** The login of the independent client where only the admin API of a 3.x is closed. */
  readonly admin?: ContractAuth
  readonly timings: ContractTimings
}

/** Every cluster that the suite registers in. */
export const CLUSTERS = ['DEFAULT', 'HZ', 'C1', 'C2'] as const

export type ApiVersion = 'v1' | 'v3'

/** `nacos` is any Java Nacos. */
export type ServerKind = 'embedded' | 'nacos' | 'r-nacos'

/** What servers do differently with the same requests, found by making them. */
export interface Habits {
  /** A beat without its JSON is answered by a code. */
  readonly lightBeat: boolean
  /** A page of services beyond the last one is an empty one. */
  readonly emptyPages: boolean
  /** A lease that ends before its next beat is refused. */
  readonly checksLease: boolean
  /** A service holds ephemeral or persistent instances, not both. */
  readonly oneKind: boolean
  /** What an operator has switched off stays off when it registers again. */
  readonly keepsDisabled: boolean
  /** The type of a document is kept. */
  readonly configType: boolean
}

/** Which ways in a server has, found by asking it. What it does with them is the suite's business. */
export interface Capabilities extends Habits {
  readonly v1: boolean
  readonly v3: boolean
  /** An operator's change of an instance. */
  readonly instanceUpdate: 'v1' | 'v3-admin' | undefined
  /** Publishing and deleting a config. */
  readonly configWrite: 'v1' | 'v3-admin' | undefined
  /** The admin API of a 3.x, open to the user at hand: a v3 client publishes through it. */
  readonly v3Admin: boolean
  /** Its gRPC port (HTTP port + 1000) takes connections: Java clients of 2.x and later need it. */
  readonly grpc: boolean
  /** v1 lets in who sends user and password with each request, as the npm SDK does. */
  readonly sdk: boolean
}

export interface ContractAuth {
  readonly username: string
  readonly password: string
  /** As its login answers. */
  readonly tokenTtlMs: number
}

export interface ContractTimings {
  /** A write is seen by a read after this at the latest. */
  readonly settleMs: number
  /**
   * A config change is told after this at the latest. One that comes while a long poll is being opened may pass unseen
   * between a Java server's comparison and its list of waiters, and waits for the end of the hold then (30 s).
   */
  readonly nextPollMs: number
  /** The `preserved.*` metadata the expiry tests register with. */
  readonly beat: { readonly intervalMs: number; readonly timeoutMs: number; readonly deleteMs: number }
  /** After the last beat: healthy at least until, gone at the latest after. */
  readonly healthyForMs: number
  readonly goneWithinMs: number
  /** The shortest hold of a config long poll. */
  readonly shortestHoldMs: number
}

/** Java servers look every 5 s. */
export const NACOS_TIMINGS: ContractTimings = {
  // Half a second on a machine that has nothing else to do.
  settleMs: 15_000,
  nextPollMs: 45_000,
  beat: { intervalMs: 1_000, timeoutMs: 3_000, deleteMs: 6_000 },
  healthyForMs: 2_500,
  goneWithinMs: 16_000,
  shortestHoldMs: 10_000,
}

/** r-nacos knows no `preserved.*` metadata: unhealthy after 19 s, gone after 34 s, whatever was asked for. */
export const RNACOS_TIMINGS: ContractTimings = { ...NACOS_TIMINGS, healthyForMs: 14_000, goneWithinMs: 42_000 }

export const EMBEDDED_TIMINGS: ContractTimings = {
  settleMs: 5_000,
  nextPollMs: 5_000,
  // Short to wait for, and longer than a test stands still where every core is busy.
  beat: { intervalMs: 300, timeoutMs: 1_200, deleteMs: 2_400 },
  healthyForMs: 800,
  goneWithinMs: 5_000,
  shortestHoldMs: 10_000,
}
