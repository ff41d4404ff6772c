import axios, {
  AxiosHeaders,
  type AxiosAdapter,
  type AxiosInstance,
  type AxiosResponse,
  type InternalAxiosRequestConfig,
} from 'axios'
import type { Endpoint } from '../balance/balancer.js'
import { currentContext } from '../context.js'
import type { ServiceSnapshot } from '../discovery/directory.js'
import { SidecarError } from '../errors.js'
import { withContext } from '../feign/forward.js'
import { originOf } from '../feign/pools.js'
import { activeRuntime, type FeignRuntime, type RoutedTarget } from '../feign/runtime.js'
import { startDeadline } from '../util/deadline.js'
import { Attempts } from './attempts.js'
import { readLogicalUrl, type LogicalUrl } from './logical-name.js'

/**
 * Gives an axios instance logical names: `http://user-service/…` goes to an instance, with the caller's token and
 * trace. Every other URL is left alone. For a logical name redirects are not followed and the environment's proxy is
 * not used, unless the request says so (`maxRedirects`, `proxy`). `timeout` is that of the whole request, every attempt
 * included.
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
    const { service } = logical
    const own = runtime()
    const target = own.target(service)
    if (target.url === undefined) return new LogicalRequest(own, target, inner, config, logical).send()
    const { origin, path } = target.url
    const headers = target.forwards ? withCaller(config, own) : config.headers
    return inner({ ...config, headers, baseURL: undefined, url: origin + path + logical.rest })
  }
  return instance
}

/** A new axios instance with logical names. */
export function createAxios(runtime: () => FeignRuntime = activeRuntime): AxiosInstance {
  return attachSidecar(axios.create(), runtime)
}

/** With less of the timeout left, another attempt is not worth its while. */
const LEAST_MS = 5

/** One request to a logical name, with the attempts it may take. */
class LogicalRequest {
  private readonly attempts: Attempts

  constructor(
    private readonly runtime: FeignRuntime,
    target: RoutedTarget,
    private readonly inner: AxiosAdapter,
    private readonly config: InternalAxiosRequestConfig,
    private readonly logical: LogicalUrl,
  ) {
    this.attempts = new Attempts(runtime, target, config.method, currentContext()?.version)
  }

  async send(): Promise<AxiosResponse> {
    const { config, attempts } = this
    const { route } = attempts
    const { maxRedirects = 0, proxy = false } = config
    /** Of the whole request, as axios's users know it: every attempt is within it. */
    const giveUpAt = config.timeout ? performance.now() + config.timeout : Infinity
    const headers = withCaller(config, this.runtime)
    for (let endpoint = await this.first(); ;) {
      const url = originOf(endpoint.instance, this.logical.secure) + this.logical.rest
      attempts.begin(endpoint)
      try {
        const timeout = config.timeout && Math.max(1, Math.ceil(giveUpAt - performance.now()))
        const response = await this.inner({ ...config, headers, baseURL: undefined, url, maxRedirects, proxy, timeout })
        route.done(endpoint, response.status >= 500 ? 'failed' : 'ok')
        attempts.heard(endpoint, response.headers)
        return { ...response, config }
      } catch (error) {
        // Whoever repeats the request by its config means the service, not this instance.
        if (axios.isAxiosError(error)) error.config = config
        const neverSent = neverConnected(error) && !followed(error, maxRedirects)
        route.done(endpoint, neverSent ? 'never-connected' : outcomeOf(error))
        if (axios.isAxiosError(error)) attempts.heard(endpoint, error.response?.headers)
        if (!neverSent) attempts.wasSent()
        const inTime = giveUpAt - performance.now() > LEAST_MS
        const next = inTime ? this.again(error, neverSent) : undefined
        if (next === undefined) throw error
        endpoint = next
      }
    }
  }

  private again(error: unknown, neverSent: boolean): Endpoint | undefined {
    if (isStream(this.config.data) || axios.isCancel(error)) return undefined
    // Only what got no answer: a status is the caller's to see.
    return neverSent || isUnanswered(error) ? this.attempts.again(neverSent) : undefined
  }

  private async first(): Promise<Endpoint> {
    const { attempts } = this
    const known = attempts.pick()
    if (known) return known
    const snapshot = await this.list()
    const found = attempts.pick()
    if (found) return found
    throw new SidecarError('SIDECAR_NO_INSTANCE', attempts.route.nobody(snapshot))
  }

  /** Waits for a list no longer than the request may take. */
  private async list(): Promise<ServiceSnapshot> {
    const { signal, timeout, timeoutErrorMessage } = this.config
    const own = signal instanceof AbortSignal ? signal : undefined
    const limit = timeout ? startDeadline(timeout, [own], 0) : undefined
    try {
      return await this.attempts.route.refresh(limit?.signal ?? own)
    } catch (error) {
      if (signal?.aborted) throw new axios.CanceledError(undefined, this.config)
      if (!limit?.expired) throw error
      const message = timeoutErrorMessage ?? `timeout of ${timeout}ms exceeded`
      throw new axios.AxiosError(message, axios.AxiosError.ECONNABORTED, this.config)
    } finally {
      limit?.dispose()
    }
  }
}

/** The headers of a request with the caller's token, trace and wanted version. */
function withCaller(config: InternalAxiosRequestConfig, runtime: FeignRuntime): AxiosHeaders {
  const context = currentContext()
  if (context === undefined) return config.headers as AxiosHeaders
  const headers = AxiosHeaders.from(config.headers)
  const added = withContext([], context, runtime.settings.sidecar.versionHeader)
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

/** The address that refused may be the one a redirect led to: then somebody has had the request. */
function followed(error: unknown, maxRedirects: number): boolean {
  if (maxRedirects === 0) return false
  const request = axios.isAxiosError(error) ? (error.request as { _redirectCount?: number } | undefined) : undefined
  return request?._redirectCount !== 0
}

function outcomeOf(error: unknown): 'ok' | 'failed' | 'aborted' {
  if (axios.isCancel(error)) return 'aborted'
  return axios.isAxiosError(error) && error.response && error.response.status < 500 ? 'ok' : 'failed'
}

function isUnanswered(error: unknown): boolean {
  return axios.isAxiosError(error) && error.request !== undefined && !error.response
}

function isStream(data: unknown): boolean {
  return typeof data === 'object' && data !== null && typeof (data as { pipe?: unknown }).pipe === 'function'
}
