import { parseBaseUrl } from '../calls/base-url.js'
import { callFigures } from '../calls/call-figure.js'
import { clientSettings, defined, routeChoice } from '../calls/client-settings.js'
import { overrideHeaders } from '../calls/flat-headers.js'
import { retriesOf } from '../calls/retry.js'
import type { CallRuntime } from '../calls/runtime.js'
import { parseServiceName } from '../instance.js'
import { messageOf, SidecarError } from '../errors.js'
import { timeLimit } from '../util/longest-timer.js'
import { timerQueue } from '../util/timer-queue.js'
import { checkOptions } from './check-options.js'
import { ACCEPT_ENCODING } from './decode.js'
import { createHashKey } from './hash-key.js'
import { flattenHeaders } from './headers.js'
import type { CompiledMethod, MethodSpec } from './method.js'
import type { CallOptions, ClientOptions, FallbackFunction } from './options.js'
import { createResponseReader } from './response.js'
import { compileTemplate } from './template.js'

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
  const readTimeoutMs = wholeAttempt ? attemptMs : timeLimit(options.readTimeoutMs ?? READ_TIMEOUT_MS)
  const timeoutMs = timeLimit(options.timeoutMs ?? 0)
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
    timeoutMs,
    deadlines: timeoutMs < Infinity ? timerQueue(timeoutMs) : undefined,
    readTimeoutMs,
    readTimers: timerQueue(readTimeoutMs),
    wholeAttempt,
    budget: runtime.budget(service),
    breaker: breaker === false ? undefined : runtime.breaker(service, breaker === true ? {} : breaker),
    figures: callFigures(runtime.recorder, spec.verb, name ?? target!.origin, {
      template: template.source,
      expected: options.expected,
      origin: target?.origin,
    }),
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
