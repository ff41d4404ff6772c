import type { Readable } from 'node:stream'
import type {
  AxiosAdapter,
  AxiosHeaders,
  AxiosInstance,
  AxiosResponse,
  AxiosStatic,
  InternalAxiosRequestConfig,
} from 'axios'
import { currentContext, type RequestContext } from '../context.js'
import { addContextHeaders } from '../calls/propagation.js'
import { Attempts } from '../calls/attempts.js'
import { CallFigure, callFigures } from '../calls/call-figure.js'
import { retriesOf } from '../calls/retry.js'
import { activeRuntime } from '../calls/active-runtime.js'
import type { CallRuntime } from '../calls/runtime.js'
import { isUnknownHost } from '../calls/service-names.js'
import type { RoutedTarget } from '../calls/target.js'
import { DRAIN_HEADER } from '../drain-header.js'
import type { CallTrace } from '../tracing/call-trace.js'
import { startDeadline } from '../util/deadline.js'
import { headersOfStream, HeldBody, type Transport } from './held-body.js'
import { originOf } from '../instance.js'
import { invalidBalancedUrl, isBalancedScheme, listedBy, readLogicalUrl, type LogicalUrl } from './logical-name.js'

/** The package, once it is loaded: by `nacos-sidecar/axios`, or with the first use of `sidecar.axios`. */
let axios: AxiosStatic

export function useAxios(loaded: AxiosStatic): void {
  axios = loaded
}

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
export function attachSidecar<T extends AxiosInstance>(instance: T, runtime: () => CallRuntime = activeRuntime): T {
  const through = (own: InternalAxiosRequestConfig['adapter']): AxiosAdapter => {
    const adapter: AxiosAdapter = async (config) => {
      const inner = axios.getAdapter(own, config)
      const url = fullUrl(config)
      const logical = readLogicalUrl(url, listedBy(runtime))
      if (logical === undefined) {
        if (isBalancedScheme(url)) throw invalidBalancedUrl(url)
        return inner(config)
      }
      const { service } = logical
      const current = runtime()
      if (!(logical.sure || (await isService(current, config, service)))) {
        try {
          return await inner(config)
        } catch (error) {
          // Neither DNS nor the registry knows the name: that is an error of ours.
          if (!isUnknownHost(error)) throw error
        }
      }
      const target = current.target(service)
      if (target.url === undefined) return new LogicalRequest(current, target, inner, config, logical).send()
      const { origin, path } = target.url
      const name = current.directory.nameOf(service)
      const figure = new CallFigure(callFigures(current.recorder, config.method, name, { origin }))
      figure.start()
      return written(figure, () => {
        figure.count++
        const headers = withCaller(config, current, target.forwards ? currentContext() : undefined, figure.trace)
        const send = () => inner({ ...config, headers, baseURL: undefined, url: origin + path + logical.rest })
        return figure.trace === undefined ? send() : figure.trace.send(send)
      })
    }
    ours.add(adapter)
    return adapter
  }
  instance.defaults.adapter = through(instance.defaults.adapter)
  // A request may bring an adapter of its own (`adapter: 'fetch'`): logical names are known to it as well.
  const keep = (config: InternalAxiosRequestConfig) => {
    const { adapter } = config
    if (adapter !== undefined && !(typeof adapter === 'function' && ours.has(adapter)))
      config.adapter = through(adapter)
    return config
  }
  instance.interceptors.request.use(keep, undefined, { synchronous: true })
  return instance
}

/** Adapters that know logical names. */
const ours = new WeakSet<AxiosAdapter>()

/** A new axios instance with logical names. */
export function createAxios(runtime: () => CallRuntime = activeRuntime): AxiosInstance {
  return attachSidecar(axios.create(), runtime)
}

/** With less of the timeout left, another attempt is not worth its while. */
const LEAST_MS = 5

/** One request to a logical name, with the attempts it may take. */
class LogicalRequest {
  private readonly attempts: Attempts

  constructor(
    private readonly runtime: CallRuntime,
    { route, retry }: RoutedTarget,
    private readonly inner: AxiosAdapter,
    private readonly config: InternalAxiosRequestConfig,
    private readonly logical: LogicalUrl,
  ) {
    const { method = 'get' } = config
    const rules = { route, retry: retriesOf(method, retry), budget: runtime.budget(route.service) }
    const { recorder } = runtime
    this.attempts = new Attempts(rules, method, logical.rest, callFigures(recorder, method, route.service))
    const context = currentContext()
    this.attempts.version = context?.version
    this.attempts.traceparent = context?.traceparent
    this.attempts.replayable = !isStream(config.data)
  }

  async send(): Promise<AxiosResponse> {
    return written(this.attempts, () => this.sendAttempts())
  }

  private async sendAttempts(): Promise<AxiosResponse> {
    const { config, attempts } = this
    const { maxRedirects = 0, proxy = false } = config
    /** Of the whole request, as axios's users know it: every attempt is within it. */
    const giveUpAt = config.timeout ? performance.now() + config.timeout : Infinity
    const { trace } = attempts
    const headers = withCaller(config, this.runtime, currentContext(), trace)
    const holds = this.holdsBody(maxRedirects)
    if (holds) {
      const own = await headersOfStream(config.data as Readable)
      for (const [name, value] of Object.entries(own)) headers.set(name, value)
    }
    if (!attempts.choose()) await this.awaitChoice()
    for (;;) {
      const url = originOf(attempts.endpoint!.instance, this.logical.secure) + this.logical.rest
      attempts.begin()
      const held = holds ? new HeldBody(config.data as Readable, config.transport as Transport | undefined) : undefined
      try {
        const timeout = config.timeout && Math.max(1, Math.ceil(giveUpAt - performance.now()))
        const attempt = { ...config, headers, baseURL: undefined, url, maxRedirects, proxy, timeout }
        if (held) Object.assign(attempt, { data: held.body, transport: held.transport })
        const response = await (trace === undefined ? this.inner(attempt) : trace.send(() => this.inner(attempt)))
        attempts.report(response.status >= 500 ? 'failed' : 'ok', response.status)
        this.heard(response.headers)
        return { ...response, config }
      } catch (error) {
        // A repetition of the request by its config is for the service, not for this instance.
        if (axios.isAxiosError(error)) error.config = config
        const neverSent = neverConnected(error) && !followed(error, maxRedirects)
        if (!neverSent) attempts.sent++
        const answer = axios.isAxiosError(error) ? error.response : undefined
        attempts.report(neverSent ? 'never-connected' : outcomeOf(error), answer?.status, error)
        this.heard(answer?.headers)
        // Only what got no answer: a status is the caller's to see.
        const unread = attempts.replayable || (held !== undefined && !held.released)
        const again = (neverSent ? unread : isUnanswered(error)) && !axios.isCancel(error)
        const inTime = giveUpAt - performance.now() > LEAST_MS
        if (!again || !inTime || !attempts.again(neverSent)) throw error
      }
    }
  }

  /** Whether a stream can be kept unread until there is a connection: axios's own adapter must send it, and once. */
  private holdsBody(maxRedirects: number): boolean {
    const { data, httpVersion } = this.config as { data?: unknown; httpVersion?: number }
    return isStream(data) && maxRedirects === 0 && httpVersion !== 2 && this.inner === axios.getAdapter('http')
  }

  /** Adapters of axios that stand for a server may give no headers. */
  private heard(headers: Readonly<Record<string, unknown>> | undefined): void {
    const mark = headers?.[DRAIN_HEADER]
    if (typeof mark === 'string') this.attempts.onDrainHeader(mark)
  }

  private async awaitChoice(): Promise<void> {
    await withinRequest(this.config, (signal) => this.attempts.awaitChoice(signal))
  }
}

/** Waits for the registry no longer than the request may take. */
async function withinRequest<T>(
  config: InternalAxiosRequestConfig,
  wait: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  const { signal, timeout, timeoutErrorMessage } = config
  const own = signal instanceof AbortSignal ? signal : undefined
  const limit = timeout ? startDeadline(timeout, [own], 0) : undefined
  try {
    return await wait(limit?.signal ?? own)
  } catch (error) {
    if (signal?.aborted) throw new axios.CanceledError(undefined, config)
    if (!limit?.expired) throw error
    const message = timeoutErrorMessage ?? `timeout of ${timeout}ms exceeded`
    throw new axios.AxiosError(message, axios.AxiosError.ECONNABORTED, config)
  } finally {
    limit?.dispose()
  }
}

async function isService({ names }: CallRuntime, config: InternalAxiosRequestConfig, name: string): Promise<boolean> {
  return withinRequest(config, async (signal) => names.isService(name, 'asked', signal))
}

/** Ends the figure and the span with the request. */
async function written(figure: CallFigure, send: () => Promise<AxiosResponse>): Promise<AxiosResponse> {
  figure.openTrace()
  try {
    const response = await send()
    figure.end(response.status)
    return response
  } catch (error) {
    figure.end((axios.isAxiosError(error) ? error.response?.status : undefined) ?? 0, error)
    throw error
  }
}

/** The headers of a request with the caller's token, trace and wanted version. */
function withCaller(
  config: InternalAxiosRequestConfig,
  runtime: CallRuntime,
  context: RequestContext | undefined,
  trace: CallTrace | undefined,
): AxiosHeaders {
  const headers = axios.AxiosHeaders.from(config.headers)
  if (context === undefined && trace === undefined) return headers
  const own = headers.has('traceparent') ? ['traceparent', ''] : []
  const added = addContextHeaders(own, context, runtime.settings.sidecar.versionHeader, trace)
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

/** The address that refused may be the target of a redirect: then the first server has received the request. */
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
