import { readVersion, type RequestContext } from '../context.js'
import type { CallTrace } from '../tracing/call-trace.js'
import { keepOneTrace } from '../tracing/one-header.js'
import { isHeaderValue } from '../util/header-rules.js'
import { hasHeader, type FlatHeaders } from './flat-headers.js'

/**
 * `headers` with the caller's token, trace, wanted version and forwarded headers added. A header that is there already wins.
 * The trace is that of the call's own span, or else it is passed on as it came: two headers would begin a new trace at
 * the next hop.
 *
 * @param context of the request being handled; `undefined` where nothing of it travels on
 * @param versionHeader in lower case; empty for none
 */
export function addContextHeaders(
  headers: FlatHeaders,
  context: RequestContext | undefined,
  versionHeader: string,
  trace: Pick<CallTrace, 'headers'> | undefined,
): FlatHeaders {
  const injected = trace?.headers() ?? NONE
  if (injected.length > 0 || context?.traceparent !== undefined) keepOneTrace()
  const all = headers.slice()
  for (let i = 0; i < injected.length; i += 2) {
    const [name, value] = [injected[i]!, injected[i + 1]!]
    if (isHeaderValue(value) && !hasHeader(headers, ownerOf(name))) all.push(name, value)
  }
  if (context !== undefined) addContext(all, headers, context, versionHeader, injected)
  return all
}

const NONE: FlatHeaders = []

/** The two headers of W3C are one: the state belongs to the parent it came with. */
function ownerOf(name: string): string {
  return name === 'tracestate' ? 'traceparent' : name
}

function addContext(
  all: string[],
  headers: FlatHeaders,
  context: RequestContext,
  versionHeader: string,
  injected: FlatHeaders,
): void {
  const { token, traceparent, tracestate, version } = context
  if (token !== undefined && isHeaderText(token) && !hasHeader(headers, 'authorization')) {
    all.push('authorization', `Bearer ${token}`)
  }
  if (
    traceparent !== undefined &&
    isHeaderText(traceparent) &&
    !hasHeader(headers, 'traceparent') &&
    !hasTrace(injected)
  ) {
    all.push('traceparent', traceparent)
    if (tracestate !== undefined && isHeaderText(tracestate)) all.push('tracestate', tracestate)
  }
  if (versionHeader !== '' && readVersion(version) !== undefined && !hasHeader(headers, versionHeader)) {
    all.push(versionHeader, version!)
  }
  if (context.headers !== undefined) addForwarded(all, headers, context.headers, injected)
}

/** Whatever its format is: `traceparent`, `b3`. */
function hasTrace(injected: FlatHeaders): boolean {
  return injected.some((name, index) => index % 2 === 0 && name !== 'baggage')
}

function addForwarded(
  all: string[],
  own: FlatHeaders,
  forwarded: Readonly<Record<string, string>>,
  injected: FlatHeaders,
): void {
  for (const [name, value] of Object.entries(forwarded)) {
    if (!isHeaderValue(value) || hasHeader(injected, name)) continue
    if (!hasHeader(own, name)) all.push(name, value)
    else if (name === 'accept-language') replaceAnyLanguage(all, value)
  }
}

/** `fetch` asks for any language by itself, where the app says nothing. */
function replaceAnyLanguage(all: string[], value: string): void {
  const at = all.findIndex((name, index) => index % 2 === 0 && name === 'accept-language')
  if (all[at + 1] === '*') all[at + 1] = value
}

/** The token came from outside (a query, a cookie): one that could end the header is no token and is not sent. */
function isHeaderText(value: string): boolean {
  return value !== '' && /^[\x20-\x7e]*$/.test(value)
}
