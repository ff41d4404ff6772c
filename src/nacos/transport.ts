import type { ConfigItem, ConfigKey, Page, ServiceInstance, ServiceKey, ServiceNames, Unsubscribe } from '../types.js'

/**
 * The one seam to a registry: everything above it knows services, instances and configs, never URLs.
 * Optional methods say what a transport cannot do; the sidecar then polls, or lives by the connection.
 *
 * Every method rejects with a `SidecarError` (`SIDECAR_REGISTRY_*`). A failed request is never an empty list and
 * never "config absent".
 */
export interface NacosTransport {
  /** Creates or replaces the instance. */
  register(instance: ServiceInstance, signal?: AbortSignal): Promise<void>
  /** Removes the instance; one that is not there is fine. */
  deregister(instance: ServiceInstance, signal?: AbortSignal): Promise<void>
  /** Every instance of the service, healthy or not, enabled or not. An unknown service has none. */
  list(key: ServiceKey, signal?: AbortSignal): Promise<ServiceInstance[]>
  /** `undefined` means that the registry itself has no such document. */
  getConfig(key: ConfigKey, signal?: AbortSignal): Promise<ConfigItem | undefined>
  /**
   * Absent: the connection itself keeps the instance alive. `unknown` asks for a new registration. `onInterval`
   * receives the heartbeat interval, in ms, if the answer of the registry has one.
   */
  beat?(instance: ServiceInstance, signal?: AbortSignal, onInterval?: (ms: number) => void): Promise<BeatResult>
  /**
   * Calls the listener with every list the registry sends. `onFailure` is called with why a question about the service
   * failed; what is held stays. Absent: the sidecar polls `list`.
   */
  watchService?(key: ServiceKey, listener: ServiceListener, onFailure?: FailureListener): Unsubscribe
  /**
   * Calls the listener with each document that differs from what it holds; `knownMd5` is that at the start ('' for
   * nothing). Absent: the sidecar polls `getConfig`.
   */
  watchConfig?(key: ConfigKey, knownMd5: string, listener: ConfigListener): Unsubscribe
  /** With `casMd5`, only if the stored document still has that MD5; `false` when it has not. */
  publishConfig?(item: Omit<ConfigItem, 'md5'>, casMd5?: string, signal?: AbortSignal): Promise<boolean>
  /** Deletes a document; one that is not there is fine. */
  deleteConfig?(key: ConfigKey, signal?: AbortSignal): Promise<boolean>
  /** The names of the services of a group, a page at a time. */
  listServices?(page: Page, signal?: AbortSignal): Promise<ServiceNames>
  /**
   * The deregistration as one plain request to the server in use, for a moment in which the process can no longer wait
   * for anything. Absent, or `undefined`: there is no such request, or not yet.
   */
  deregisterRequest?(instance: ServiceInstance): PlainRequest | undefined
  /** Which server and which protocol are in use, for `status()` and logs. */
  describe(): TransportStatus
  /** Ends every request, watch and socket. */
  close(): Promise<void>
}

/** A transport that watches: by push, or by `withPolling`. Everything in the sidecar works on this one. */
export interface RegistryTransport extends NacosTransport {
  watchService(key: ServiceKey, listener: ServiceListener, onFailure?: FailureListener): Unsubscribe
  watchConfig(key: ConfigKey, knownMd5: string, listener: ConfigListener): Unsubscribe
}

export type ServiceSource = RegistryTransport['watchService']
export type ConfigSource = RegistryTransport['watchConfig']

/** A request that any HTTP client can send; it holds credentials. */
export interface PlainRequest {
  readonly url: string
  readonly method: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** PEM texts, if the registry uses TLS. */
  readonly tls?: PlainTls
}

export interface PlainTls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly passphrase?: string
  readonly servername?: string
  readonly rejectUnauthorized?: boolean
}

export type BeatResult = 'ok' | 'unknown'

/** Gets the whole new list. */
export type ServiceListener = (instances: ServiceInstance[]) => void

export type FailureListener = (error: unknown) => void

/** Gets the new document, `undefined` when it was deleted. */
export type ConfigListener = (item: ConfigItem | undefined) => void

/** Which registry a transport uses, and how. */
export interface TransportStatus {
  /** The address in use now, `host:port`. */
  readonly server: string
  /** Every configured address, or those the address server names. */
  readonly servers: readonly string[]
  /** The address server that is asked for them, where `endpoint` names one. */
  readonly addressServer?: string
  /** `http v1`, `http v3`, `grpc`, `nacos-sdk`; `http ?` before the first answer. */
  readonly protocol: string
  /** True while the last request to the registry got an answer. */
  readonly connected: boolean
  /** Why this protocol and not another, where that was a choice. */
  readonly reason?: string
  /** How changes of services and configs arrive, and why not otherwise. Absent until something is watched. */
  readonly updates?: string
  /** How changes of services arrive at the moment. @default push where the transport has `watchService` */
  readonly by?: 'push' | 'poll'
  /** Lists hold the instances of these clusters only: the server's HTTP API lists by cluster, and gRPC is not there. */
  readonly clusters?: readonly string[]
}
