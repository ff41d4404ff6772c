import { parseServiceName } from '../instance.js'
import type { ServiceRoute } from '../balance/service-route.js'
import { messageOf, SidecarError } from '../errors.js'
import type { RawResponse } from './raw-response.js'
import { parseBaseUrl } from '../calls/base-url.js'
import type { Breaker } from '../calls/breaker.js'
import { checkOptions } from './check-options.js'
import { clientSettings, defined, routeChoice } from '../calls/client-settings.js'
import { ACCEPT_ENCODING } from './decode.js'
import { createHashKey, type HashKey } from './hash-key.js'
import { overrideHeaders, type FlatHeaders } from '../calls/flat-headers.js'
import { flattenHeaders } from './headers.js'
import type { Interceptor } from './interceptor.js'
import type { JsonCodec } from './json.js'
import { createResponseReader } from './response.js'
import type { CallOptions, ClientOptions, FallbackFunction, MethodOptions, UnwrapOptions } from './options.js'
import type { Pools } from '../calls/pools.js'
import type { QueryStyle } from './query.js'
import { retriesOf } from '../calls/retry.js'
import type { RetryBudget } from '../calls/retry-budget.js'
import type { CallRuntime } from '../calls/runtime.js'
import type { StandardSchema } from '../util/standard-schema.js'
import { compileTemplate, type PathTemplate } from './template.js'
import { timeLimit } from '../calls/time-limit.js'

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
  /** Reads the key of consistent hashing out of a call. */
  readonly hashKey: HashKey | undefined
  readonly pools: Pools
  readonly headers: FlatHeaders
  /** POST, PUT, PATCH: the last positional argument is the body, and no key spills into the query. */
  readonly bodied: boolean
  readonly forwards: boolean
  /** Header that the wanted version travels in; empty for none. */
  readonly versionHeader: string
  /** Of the whole call; `Infinity` for none, as below. */
  readonly timeoutMs: number
  /** Longest silence of an attempt; with `wholeAttempt`, its longest time. */
  readonly readTimeoutMs: number
  readonly wholeAttempt: boolean
  /** 0 where the method is not idempotent. */
  readonly retry: number
  readonly budget: RetryBudget
  readonly breaker: Breaker | undefined
  readonly maxResponseBytes: number
  readonly queryStyle: QueryStyle | undefined
  readonly result: 'body' | 'response'
  readonly decode404: boolean
  readonly unwrap: UnwrapOptions | undefined
  readonly validate: StandardSchema | undefined
  readonly json: JsonCodec
  readonly interceptors: readonly Interceptor[]
  readonly fallback: FallbackFunction | undefined
  /** Makes the value of a call of its answer. */
  readonly readResponse: (answer: RawResponse) => unknown
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
  runtime: CallRuntime,
): CompiledMethod {
  const name = client.name === undefined ? undefined : runtime.directory.nameOf(client.name)
  const settings = clientSettings(runtime.settings.feign, name)
  const options: CallOptions = { ...settings.options, ...defined(client), ...defined(spec.options) }
  const target = options.url === undefined ? undefined : parseBaseUrl(options.url, client.name)
  const outcome = {
    verb: spec.verb,
    result: options.result ?? 'body',
    decode404: options.decode404 ?? false,
    unwrap: options.unwrap === true ? {} : options.unwrap || undefined,
    validate: options.validate,
    json: options.json ?? JSON,
  }
  const template = compileTemplate((target?.path ?? '') + compileTemplate(client.path ?? '', '').source, spec.path)
  const service = client.name ?? options.url!
  const { hashBy, breaker = false } = options
  const attemptMs = timeLimit(options.attemptTimeoutMs ?? 0)
  const wholeAttempt = attemptMs < Infinity
  return {
    ...outcome,
    readResponse: createResponseReader(outcome),
    property,
    service,
    template,
    route: target ? undefined : runtime.routes.to(client.name!, routeChoice(options)),
    origin: target?.origin,
    hashKey: hashBy === undefined ? undefined : createHashKey(hashBy, template),
    pools: runtime.pools(options),
    headers: [...settings.headers, client.headers, spec.options.headers]
      .map((headers) => flattenHeaders(headers ?? {}))
      .reduce(overrideHeaders, ['accept', ACCEPT, 'accept-encoding', ACCEPT_ENCODING]),
    retry: retriesOf(spec.verb, options.retry),
    queryStyle: options.queryStyle,
    bodied: spec.verb === 'POST' || spec.verb === 'PUT' || spec.verb === 'PATCH',
    forwards: target === undefined || options.forwardContext === true,
    versionHeader: runtime.settings.sidecar.versionHeader,
    timeoutMs: timeLimit(options.timeoutMs ?? 0),
    readTimeoutMs: wholeAttempt ? attemptMs : timeLimit(options.readTimeoutMs ?? READ_TIMEOUT_MS),
    wholeAttempt,
    budget: runtime.budget(service),
    breaker: breaker === false ? undefined : runtime.breaker(service, breaker === true ? {} : breaker),
    maxResponseBytes: options.maxResponseBytes ?? MAX_RESPONSE_BYTES,
    interceptors: [...(client.interceptors ?? []), ...(spec.options.interceptors ?? [])],
    fallback: fallbackOf(spec.options.fallback ?? client.fallback, property),
  }
}

/** Checks what can be wrong before there is a runtime, so that the error appears where the class is defined. */
export function checkClient(client: ClientOptions): void {
  checkOptions(client, client.name ?? 'a typed client')
  try {
    if (client.name !== undefined) parseServiceName(client.name, '', 'DEFAULT_GROUP')
  } catch (error) {
    throw new SidecarError('SIDECAR_CLIENT_INVALID', `The \`name\` of a typed client: ${messageOf(error)}`)
  }
  if (client.name === undefined && client.url === undefined) {
    throw new SidecarError('SIDECAR_CLIENT_INVALID', 'A typed client needs the `name` of a service, or a `url`')
  }
  if (client.url !== undefined) parseBaseUrl(client.url, client.name)
  if (client.path !== undefined) compileTemplate(client.path, '')
}

function fallbackOf(fallback: CallOptions['fallback'], property: string): FallbackFunction | undefined {
  if (fallback === undefined || typeof fallback === 'function') return fallback as FallbackFunction | undefined
  const stand = fallback[property]
  return stand && ((_error, { args }) => stand.apply(fallback, args as never[]))
}
