import type { ConfigId } from '../config-store.js'
import type { DevConnection } from '../grpc/handle.js'
import type { ServiceId } from '../service.js'

/** A client that is told of changes of one service or one document. */
export interface Member {
  readonly via: 'grpc' | 'udp' | 'long-poll'
  /** Such as `Nacos-Java-Client:v2.5.1`; '' where it does not say. */
  readonly client: string
  /** Its address. */
  readonly address: string
  /** Those of a service that it wants; '' for all. */
  readonly clusters?: string
}

/** The clients that follow something. Those that only poll a list are not known, as in Nacos. */
export interface Audience {
  subscribers(id: ServiceId): readonly Member[]
  listeners(id: ConfigId): readonly Member[]
  connections(): readonly DevConnection[]
}
