import axios, { AxiosHeaders, type AxiosAdapter, type AxiosInstance, type InternalAxiosRequestConfig } from 'axios'
import type { Endpoint } from '../balance/balancer.js'
import type { ServiceRoute } from '../balance/routes.js'
import { currentContext } from '../context.js'
import { noInstanceMessage } from '../discovery/no-instance.js'
import { SidecarError } from '../errors.js'
import { withContext } from '../feign/forward.js'
import { originOf } from '../feign/pools.js'
import { mayRetry } from '../feign/retry.js'
import { activeRuntime, type FeignRuntime } from '../feign/runtime.js'
import type { ServiceInstance } from '../types.js'
import { readLogicalUrl } from './logical-name.js'

/**
 * Gives an axios instance logical names: `http://user-service/…` goes to an instance, with the caller's token and
 * trace. Every other URL is left alone. For a logical name redirects are not followed and the environment's proxy is
 * not used, unless the request says so (`maxRedirects`, `proxy`).
 *
 * @returns the same instance
 *
 * @example
 * const http = attachSidecar(axios.create({ baseURL: 'http://user-service/api', timeout: 2_000 }))
 * const { data } = await http.get('/users/1')
 */
export function attachSidecar<T extends AxiosInstance>(instance: T, runtime: () => FeignRuntime = activeRuntime): T {
  const inner = axios.getAdapter(instance.defaults.adapter)
  instance.defaults.adapter = async (config) => {
    const logical = readLogicalUrl(fullUrl(config))
    if (logical === undefined) return inner(config)
    return callInstance(inner, config, runtime().routes.to(logical.service), logical.rest)
  }
  return instance
}

/** A new axios instance with logical names. */
export function createAxios(runtime: () => FeignRuntime = activeRuntime): AxiosInstance {
  return attachSidecar(axios.create(), runtime)
}

async function callInstance(
  inner: AxiosAdapter,
  config: InternalAxiosRequestConfig,
  route: ServiceRoute,
  rest: string,
) {
  const tried = new Set<ServiceInstance>()
  const headers = contextHeaders(config)
  for (let endpoint = await firstOf(route); ;) {
    const url = originOf(endpoint.instance) + rest
    const { maxRedirects = 0, proxy = false } = config
    try {
      const response = await inner({ ...config, headers, baseURL: undefined, url, maxRedirects, proxy })
      endpoint.done(response.status >= 500 ? 'failed' : 'ok')
      return { ...response, config }
    } catch (error) {
      // Whoever repeats the request by its config means the service, not this instance.
      if (axios.isAxiosError(error)) error.config = config
      const neverSent = neverConnected(error)
      endpoint.done(neverSent ? 'never-connected' : outcomeOf(error))
      tried.add(endpoint.instance)
      const rules = { idempotent: false, retry: 0 }
      const again = neverSent && !isStream(config.data) && mayRetry(rules, { neverSent, attempts: tried.size, sent: 0 })
      const next = again ? route.balancer()?.pick({ exclude: tried }) : undefined
      if (next === undefined) throw error
      endpoint = next
    }
  }
}

async function firstOf(route: ServiceRoute): Promise<Endpoint> {
  const known = route.balancer()?.pick()
  if (known) return known
  const snapshot = await route.refresh()
  const found = route.balancer()?.pick()
  if (found) return found
  throw new SidecarError('SIDECAR_NO_INSTANCE', noInstanceMessage(snapshot))
}

function contextHeaders(config: InternalAxiosRequestConfig): AxiosHeaders {
  const context = currentContext()
  if (context === undefined) return config.headers as AxiosHeaders
  const headers = AxiosHeaders.from(config.headers)
  const added = withContext([], context)
  for (let i = 0; i < added.length; i += 2) if (!headers.has(added[i]!)) headers.set(added[i]!, added[i + 1]!)
  return headers
}

function fullUrl({ baseURL, url = '', allowAbsoluteUrls }: InternalAxiosRequestConfig): string {
  const absolute = /^([a-z][a-z\d+.-]*:)?\/\//i.test(url)
  if (!baseURL || (absolute && allowAbsoluteUrls !== false)) return url
  return url ? `${baseURL.replace(/\/+$/, '')}/${url.replace(/^\/+/, '')}` : baseURL
}

/** True only where it is certain that nothing was sent. */
function neverConnected(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false
  if (error instanceof AggregateError) return error.errors.every(neverConnected)
  const { syscall, code, cause } = error as { syscall?: string; code?: string; cause?: unknown }
  if (syscall === 'connect' || syscall === 'getaddrinfo' || code === 'ECONNREFUSED' || code === 'ENOTFOUND') return true
  return cause !== undefined && neverConnected(cause)
}

function outcomeOf(error: unknown): 'ok' | 'failed' | 'aborted' {
  if (axios.isCancel(error)) return 'aborted'
  return axios.isAxiosError(error) && error.response && error.response.status < 500 ? 'ok' : 'failed'
}

function isStream(data: unknown): boolean {
  return typeof data === 'object' && data !== null && typeof (data as { pipe?: unknown }).pipe === 'function'
}
