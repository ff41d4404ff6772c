import { parseServiceName } from '../discovery/service-name.js'
import type { ServiceRoute } from '../balance/routes.js'
import { messageOf, SidecarError } from '../errors.js'
import type { FeignClientSettings } from '../settings/schema.js'
import type { RawAnswer } from './answer.js'
import { flattenHeaders, overrideHeaders, type FlatHeaders } from './headers.js'
import type { Interceptor } from './interceptor.js'
import { createJudge } from './judge.js'
import type { CallOptions, ClientOptions, FallbackFunction, MethodOptions, UnwrapOptions } from './options.js'
import type { Pools } from './pools.js'
import { CONNECT_TIMEOUT_MS, type FeignRuntime } from './runtime.js'
import type { StandardSchema } from '../util/standard-schema.js'
import { compileTemplate, type PathTemplate } from './template.js'

export type Verb = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD'

/** One method of a client as its author wrote it. */
export interface MethodSpec {
  readonly verb: Verb
  readonly path: string
  readonly options: MethodOptions
}

/** A method with its client, settings and runtime worked in: made once, read by every call. */
export interface CompiledMethod {
  readonly verb: Verb
  /** The client's property, for fallbacks. */
  readonly property: string
  /** Logical name or base URL, for errors. */
  readonly service: string
  readonly template: PathTemplate
  /** Discovered, or else `origin` is set. */
  readonly route: ServiceRoute | undefined
  readonly origin: string | undefined
  readonly pools: Pools
  readonly headers: FlatHeaders
  /** May be sent again after a byte went out. */
  readonly idempotent: boolean
  /** POST, PUT, PATCH: the last positional argument is the body, and no key spills into the query. */
  readonly bodied: boolean
  readonly forwards: boolean
  readonly timeoutMs: number | undefined
  readonly readTimeoutMs: number
  readonly retry: number
  readonly maxResponseBytes: number
  readonly decode404: boolean
  readonly unwrap: UnwrapOptions | undefined
  readonly validate: StandardSchema | undefined
  readonly interceptors: readonly Interceptor[]
  readonly fallback: FallbackFunction | undefined
  /** Makes the value of a call of its answer. */
  readonly judge: (answer: RawAnswer) => unknown
}

const READ_TIMEOUT_MS = 60_000
const MAX_RESPONSE_BYTES = 10 * 1024 * 1024
const ACCEPT = 'application/json, */*;q=0.5'

/**
 * Works in, low to high: defaults, `feign.client.default`, `feign.client.<name>`, the client's options, the method's.
 *
 * @throws SidecarError `SIDECAR_CLIENT_INVALID`
 */
export function compileMethod(
  spec: MethodSpec,
  property: string,
  client: ClientOptions,
  runtime: FeignRuntime,
): CompiledMethod {
  const settings = settingsOf(client.name, runtime)
  const options: CallOptions = { ...settings.options, ...defined(client), ...defined(spec.options) }
  const target = options.url === undefined ? undefined : parseBaseUrl(options.url)
  if (target === undefined && client.name === undefined) {
    throw new SidecarError('SIDECAR_CLIENT_INVALID', 'A typed client needs the `name` of a service, or a `url`')
  }
  const outcome = {
    verb: spec.verb,
    decode404: options.decode404 ?? false,
    unwrap: options.unwrap === true ? {} : options.unwrap || undefined,
    validate: options.validate,
  }
  const idempotent = spec.verb !== 'POST' && spec.verb !== 'PATCH'
  return {
    ...outcome,
    judge: createJudge(outcome),
    property,
    service: client.name ?? options.url!,
    template: compileTemplate((target?.path ?? '') + compileTemplate(client.path ?? '', '').source, spec.path),
    route: target ? undefined : runtime.routes.to(client.name!, options.balancer),
    origin: target?.origin,
    pools: runtime.pools(options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS),
    headers: [...settings.headers, client.headers, spec.options.headers]
      .map((headers) => flattenHeaders(headers ?? {}))
      .reduce(overrideHeaders, ['accept', ACCEPT]),
    idempotent,
    bodied: spec.verb === 'POST' || spec.verb === 'PUT' || spec.verb === 'PATCH',
    forwards: target === undefined || options.forwardContext === true,
    timeoutMs: options.timeoutMs,
    readTimeoutMs: options.readTimeoutMs ?? READ_TIMEOUT_MS,
    retry: idempotent ? (options.retry ?? 1) : 0,
    maxResponseBytes: options.maxResponseBytes ?? MAX_RESPONSE_BYTES,
    interceptors: [...(client.interceptors ?? []), ...(spec.options.interceptors ?? [])],
    fallback: fallbackOf(spec.options.fallback ?? client.fallback, property),
  }
}

/** What can be known to be wrong before there is a runtime, told where the class is written. */
export function checkClient(client: ClientOptions): void {
  try {
    if (client.name !== undefined) parseServiceName(client.name, '', 'DEFAULT_GROUP')
  } catch (error) {
    throw new SidecarError('SIDECAR_CLIENT_INVALID', `@feign: ${messageOf(error)}`)
  }
  if (client.name === undefined && client.url === undefined) {
    throw new SidecarError('SIDECAR_CLIENT_INVALID', '@feign needs the `name` of a service, or a `url`')
  }
  if (client.url !== undefined) parseBaseUrl(client.url)
  if (client.path !== undefined) compileTemplate(client.path, '')
}

function settingsOf(name: string | undefined, runtime: FeignRuntime) {
  const all = runtime.settings.feign.client
  const of = (key: string): FeignClientSettings => (Object.hasOwn(all, key) ? all[key]! : {})
  const common = of('default')
  const own = name === undefined ? {} : of(name)
  const { connectTimeout, readTimeout, headers: _, ...rest } = { ...common, ...defined(own) }
  return {
    options: defined({ ...rest, connectTimeoutMs: connectTimeout, readTimeoutMs: readTimeout }),
    headers: [common.headers, own.headers],
  }
}

/** An option set to `undefined` is one left out. */
function defined<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>
}

function parseBaseUrl(text: string): { origin: string; path: string } {
  const refuse = (why: string): never => {
    throw new SidecarError(
      'SIDECAR_CLIENT_INVALID',
      `The \`url\` of a typed client ${why}: write http(s)://host[:port][/path]`,
    )
  }
  // Spring takes `localhost:8080` as well.
  const full = /^[a-z][a-z\d+.-]*:\/\//i.test(text) ? text : `http://${text}`
  if (!URL.canParse(full)) return refuse('is not a URL')
  const url = new URL(full)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return refuse(`has the scheme ${url.protocol}`)
  if (url.username !== '' || url.password !== '') return refuse('holds credentials: send them as a header')
  if (url.search !== '' || url.hash !== '') return refuse('has a query or a fragment')
  return { origin: url.origin, path: url.pathname.replace(/\/$/, '') }
}

function fallbackOf(fallback: CallOptions['fallback'], property: string): FallbackFunction | undefined {
  if (fallback === undefined || typeof fallback === 'function') return fallback as FallbackFunction | undefined
  const stand = fallback[property]
  return stand && ((_error, { args }) => stand.apply(fallback, args as never[]))
}
