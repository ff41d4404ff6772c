/** The official SDK by its shape, so that a program without it neither loads nor needs it. */

/** `new NacosNamingClient({ logger, serverList, namespace })` of npm `nacos` 2.x. */
export interface SdkNamingClient {
  ready(): Promise<unknown>
  registerInstance(service: string, instance: SdkInstance, group?: string): Promise<unknown>
  deregisterInstance(service: string, instance: SdkInstance, group?: string): Promise<unknown>
  getServerStatus(): SdkServerStatus | Promise<SdkServerStatus>
  close?(): unknown
  readonly options?: SdkOptions
  /**
   * The SDK's own way to the server, not part of its types. `getAllInstances` is no substitute: it answers an empty
   * list with the last one that was not, so that an instance that has left would stay for ever.
   */
  readonly _serverProxy?: SdkNamingProxy
}

export type SdkServerStatus = 'UP' | 'DOWN'

export interface SdkInstance {
  readonly instanceId: string
  readonly ip: string
  readonly port: number
  readonly weight: number
  readonly healthy: boolean
  readonly enabled: boolean
  readonly ephemeral: boolean
  readonly clusterName: string
  readonly metadata: Readonly<Record<string, string>>
}

export interface SdkNamingProxy {
  /** The server's answer as it came. */
  queryList(groupedName: string, clusters: string, udpPort: number, healthyOnly: boolean): Promise<string>
  /** Since 2.1. */
  getServiceList?(pageNo: number, pageSize: number, group: string): Promise<{ count: number; data: unknown }>
}

/** `new NacosConfigClient({ serverAddr, namespace })` or `new DataClient(…)` of npm `nacos` 2.x. */
export interface SdkConfigClient {
  getConfig(dataId: string, group: string, options?: object): Promise<string | null>
  publishSingle(dataId: string, group: string, content: string, options?: { type?: string }): Promise<unknown>
  remove(dataId: string, group: string, options?: object): Promise<unknown>
  subscribe(info: { dataId: string; group: string }, listener: () => void): unknown
  unSubscribe(info: { dataId: string; group: string }, listener: () => void): unknown
  close(): unknown
  /** Its types leave out what it inherits: this, and being an event emitter. */
  ready?(): Promise<unknown>
  on?(event: 'error', listener: (error: unknown) => void): unknown
  removeListener?(event: 'error', listener: (error: unknown) => void): unknown
  readonly options?: SdkOptions
  /** `NacosConfigClient` only: false where another process of this machine asks in this one's place. */
  readonly isClusterClientLeader?: boolean
}

/** What was given to a client's constructor, as far as it matters here. */
export interface SdkOptions {
  readonly namespace?: string
  readonly serverList?: string | readonly string[]
  readonly serverAddr?: string | readonly string[]
  readonly endpoint?: string
  readonly [name: string]: unknown
}

/** `''` for the public namespace, which the naming client calls `public` and the config client nothing. */
export function namespaceOf({ options }: { readonly options?: SdkOptions }): string {
  const namespace = options?.namespace ?? ''
  return namespace === 'public' ? '' : namespace
}

export function serversOf({ options }: { readonly options?: SdkOptions }): string[] {
  const given = options?.serverList ?? options?.serverAddr ?? options?.endpoint ?? []
  const list = typeof given === 'string' ? given.split(',') : [...given]
  return list.map((address) => address.trim()).filter(Boolean)
}
