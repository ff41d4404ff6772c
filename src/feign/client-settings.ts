import type { RouteChoice } from '../balance/routes.js'
import type { FeignClientSettings, Settings } from '../settings/schema.js'
import type { HeaderInput } from './headers.js'
import type { CallOptions } from './options.js'

/** The settings of a client in bootstrap.yml: `feign.client.default` below `feign.client.<name>`. */
export interface ClientSettings {
  readonly options: CallOptions
  /** Low to high. */
  readonly headers: readonly (HeaderInput | undefined)[]
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
export function routeChoice({ balancer, hashBy, filter, version }: CallOptions): RouteChoice {
  return { balancer: balancer ?? (hashBy === undefined ? undefined : 'consistent-hash'), filter, version }
}

/** An option set to `undefined` is one left out. */
export function defined<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>
}
