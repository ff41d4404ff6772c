import type { ServiceRoute } from '../balance/service-route.js'
import type { BaseUrl } from './base-url.js'

/** Where the calls of a service go: to a fixed URL, or along a route to one of its instances. */
export type Target = FixedTarget | RoutedTarget

export interface FixedTarget extends ConnectionLimits {
  readonly url: BaseUrl
  /** The caller's token and trace are sent there as well. */
  readonly forwards: boolean
  readonly route?: undefined
  /** Further attempts of idempotent calls. @default 1 */
  readonly retry: number | undefined
}

export interface RoutedTarget extends ConnectionLimits {
  readonly url?: undefined
  readonly route: ServiceRoute
  /** Further attempts of idempotent calls. @default 1 */
  readonly retry: number | undefined
}

/** What connections are opened by. */
export interface ConnectionLimits {
  /** Deadline of one connection attempt, and of a wait for a free connection. @default 2000 */
  readonly connectTimeoutMs?: number | undefined
  /** Connections to one instance. @default 128 */
  readonly maxConnections?: number | undefined
}
