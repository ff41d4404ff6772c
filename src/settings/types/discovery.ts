// Written by `npm run schema` from ../schema.ts and ../schema/: change those.

import type { ConnectionSettings } from './connection.js'

/** The settings below `cloud.nacos.discovery`. */
export interface DiscoverySettings extends ConnectionSettings {
  /**
   * Pause between heartbeats, at least one second. This time and the next two are sent to the server, which uses them.
   * The same times in `metadata` (`preserved.heart.beat.interval` …, as Java services write them) are stronger. A time
   * that you do not set adapts to those that you set.
   * @default 10s
   */
  readonly heartBeatInterval: number
  /**
   * Time without a heartbeat after which the instance is unhealthy; at least `heart-beat-interval`.
   * @default 30s
   */
  readonly heartBeatTimeout: number
  /**
   * Time without a heartbeat after which the instance is removed; at least `heart-beat-interval`.
   * @default 90s
   */
  readonly ipDeleteTimeout: number
  /** `false` registers no instance; other services are still found. */
  readonly enabled: boolean
  /** Group of the instance, and of the services that it looks up. */
  readonly group: string
  /** Nacos cluster of the instance; `same-cluster-first` prefers it. */
  readonly clusterName: string
  /**
   * All clusters with instances to call. Needed only if the gRPC port of a Nacos 3 without the v1 API cannot be reached:
   * its HTTP API lists by cluster, so instances in other clusters are not found, and an empty list is an error.
   * @default the own cluster, DEFAULT and clusters seen before
   */
  readonly watchClusters: readonly string[]
  /** Weight: the share of calls relative to the other instances; 0 gets no calls. */
  readonly weight: number
  /** Metadata of the instance, `name: value` pairs. */
  readonly metadata: {
    readonly [name: string]: string
  }
  /** Address prefixes or regular expressions; the first private address that matches one of them is registered. */
  readonly preferredNetworks: readonly string[]
  /** `false` registers no instance; the process only calls others. */
  readonly registerEnabled: boolean
  /** `false` registers the instance as disabled: it gets no calls until an operator enables it. */
  readonly instanceEnabled: boolean
  /** `false` registers a persistent instance: it sends no heartbeat, Nacos probes it. */
  readonly ephemeral: boolean
  /** `true` adds `secure=true` to the metadata: callers use https. */
  readonly secure: boolean
  /** `true`: if the first registration fails, the start fails with an error. `false`: it is logged and retried. */
  readonly failFast: boolean
  /**
   * Registered name.
   * @default the value of `application.name`
   */
  readonly service?: string | undefined
  /**
   * Registered address or host name; an empty value and `auto` mean the default.
   * @default the first private address that is not on a virtual interface
   */
  readonly ip?: string | undefined
  /**
   * Registered port; -1, as in Spring, and 0 mean the default.
   * @default the port the app really listens on
   */
  readonly port?: number | undefined
  /** Name of the network interface whose address is registered: `eth0`. */
  readonly networkInterface?: string | undefined
  /**
   * `IPv4` or `IPv6`: kind of address to register if there are both.
   * @default IPv4 before IPv6
   */
  readonly ipType?: 'ipv4' | 'ipv6' | undefined
}
