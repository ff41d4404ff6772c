import { hostPort, serviceKeyText } from '../../../instance.js'
import type { ConfigItem, ConfigKey, Page, ServiceInstance, ServiceKey, ServiceNames } from '../../../types.js'
import type { WireRequest, WireResponse } from '../wire.js'
import type { ListenedConfig } from '../listener.js'

/** One request and how to read its answer; data and pure functions, nothing is sent from here. */
export interface Operation<T> {
  /** For messages: `listing DEFAULT_GROUP@@orders`. */
  readonly what: string
  readonly request: WireRequest
  /** What an access key signs. */
  readonly resource: SignedResource
  /** What to do when it is denied, where that is not plain. */
  readonly hint?: string
  /** False where doing it twice differs from doing it once. @default true */
  readonly idempotent?: boolean
  /**
   * What to send to the same node instead, if this answer proves nothing: another API of the server. `undefined`: the
   * answer counts.
   */
  readonly instead?: (response: WireResponse) => Operation<T> | undefined
  /** Throws a `RequestFailure` for whatever is no result. */
  readonly decode: (response: WireResponse) => T
}

export type SignedResource =
  | { readonly type: 'naming'; readonly group?: string; readonly service?: string }
  | { readonly type: 'config'; readonly namespace: string; readonly group?: string }

/** The answer of a server to a heartbeat. */
export interface BeatResponse {
  /** False: it asks for a new registration. */
  readonly known: boolean
  /** The heartbeat interval that the registry asks for, if any. */
  readonly intervalMs?: number
}

/** One version of Nacos's HTTP API: pure functions from a verb to an operation. */
export interface Dialect {
  readonly version: 'v1' | 'v3'
  register(instance: ServiceInstance): Operation<void>
  deregister(instance: ServiceInstance): Operation<void>
  beat(instance: ServiceInstance): Operation<BeatResponse>
  /** @param clusters those that are asked for, where the server lists by cluster. @default all that it lists unasked */
  list(key: ServiceKey, clusters?: readonly string[]): Operation<ServiceInstance[]>
  listServices(page: Page): Operation<ServiceNames>
  getConfig(key: ConfigKey): Operation<ConfigItem | undefined>
  publishConfig(item: Omit<ConfigItem, 'md5'>, casMd5?: string): Operation<boolean>
  deleteConfig(key: ConfigKey): Operation<boolean>
  /** Which of these have changed; the server holds the answer back up to `holdMs`. Absent: poll. */
  listen?(configs: readonly ListenedConfig[], holdMs: number): Operation<ConfigKey[]>
}

/** Naming takes the public namespace by its name; `''` is what the rest of the package calls it. */
export const namespaceId = (namespace: string): string => namespace || 'public'

export const instanceLabel = (instance: ServiceInstance): string =>
  `${hostPort(instance)} of ${serviceKeyText(instance)}`
export const configLabel = (key: ConfigKey): string => `${key.dataId} (${key.group})`
