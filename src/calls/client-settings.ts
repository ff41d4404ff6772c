import type { RouteChoice } from '../balance/routes.js'
import type { FeignClientSettings, Settings } from '../settings/schema.js'
import type { BreakerOptions } from './breaker.js'
import type { ConnectionLimits } from './target.js'

/** The settings of calls to a service in bootstrap.yml: `feign.client.default` below `feign.client.<name>`. */
export interface ClientSettings {
  readonly options: SettingsOptions
  /** Low to high. */
  readonly headers: readonly FeignClientSettings['headers'][]
}

/** Times are in ms, as in the options of typed clients. */
interface SettingsOptions
  extends RouteOptions, ConnectionLimits, Pick<FeignClientSettings, 'url' | 'retry' | 'forwardContext'> {
  readonly timeoutMs?: number
  readonly readTimeoutMs?: number
  readonly attemptTimeoutMs?: number
  readonly breaker?: boolean | BreakerOptions
}

/** What of a client's options chooses among instances. */
export interface RouteOptions extends RouteChoice {
  readonly hashBy?: string | undefined
}

export function clientSettings({ client }: Settings['feign'], name: string | undefined): ClientSettings {
  const of = (key: string): FeignClientSettings => (Object.hasOwn(client, key) ? client[key]! : {})
  const common = of('default')
  const own = name === undefined ? {} : of(name)
  const {
    connectTimeout,
    readTimeout,
    attemptTimeout,
    timeout,
    breaker,
    headers: _,
    ...rest
  } = {
    ...common,
    ...defined(own),
  }
  const { enabled, openFor: openForMs, failures } = breaker ?? { enabled: undefined }
  const options = {
    ...rest,
    connectTimeoutMs: connectTimeout,
    readTimeoutMs: readTimeout,
    attemptTimeoutMs: attemptTimeout,
    timeoutMs: timeout,
    breaker: enabled === true ? { failures, openForMs } : enabled,
  }
  return { options: defined(options), headers: [common.headers, own.headers] }
}

/** How the options of a client choose among instances. */
export function routeChoice({ balancer, hashBy, filter, version }: RouteOptions): RouteChoice {
  return { balancer: balancer ?? (hashBy === undefined ? undefined : 'consistent-hash'), filter, version }
}

/** An option set to `undefined` is one left out. */
export function defined<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>
}
