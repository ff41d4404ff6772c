import { channel } from 'node:diagnostics_channel'
import { readVersion, type RequestContext } from '../context.js'
import { isHeaderValue } from '../util/header-rules.js'
import { hasHeader, type FlatHeaders } from './flat-headers.js'

/**
 * `headers` with the caller's token, trace, wanted version and forwarded headers added. A header that is there already wins. The trace is
 * passed on as it came: this package makes no spans of its own. Where OpenTelemetry instruments undici, it writes the header
 * of its own span, and a second one would begin a new trace at the next hop.
 *
 * @param versionHeader in lower case; empty for none
 */
export function addContextHeaders(headers: FlatHeaders, context: RequestContext, versionHeader: string): FlatHeaders {
  const { token, traceparent, tracestate, version } = context
  // One copy, pushed to: an array of what is added, and then a third one of both, cost twice as much.
  const all = headers.slice()
  if (token !== undefined && isHeaderText(token) && !hasHeader(headers, 'authorization')) {
    all.push('authorization', `Bearer ${token}`)
  }
  if (traceparent !== undefined && isHeaderText(traceparent) && !hasHeader(headers, 'traceparent') && !isTraced()) {
    all.push('traceparent', traceparent)
    if (tracestate !== undefined && isHeaderText(tracestate)) all.push('tracestate', tracestate)
  }
  if (versionHeader !== '' && readVersion(version) !== undefined && !hasHeader(headers, versionHeader)) {
    all.push(versionHeader, version!)
  }
  if (context.headers !== undefined) addForwarded(all, headers, context.headers)
  return all
}

function addForwarded(all: string[], own: FlatHeaders, forwarded: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(forwarded)) {
    if (!isHeaderValue(value) || (name === 'baggage' && isTraced())) continue
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

/** Where the API of OpenTelemetry, of any version 1, keeps what an SDK has registered. */
const OTEL_API = Symbol.for('opentelemetry.js.api.1')
/** By which its instrumentation of undici, and of Node's `fetch`, adds headers to requests. */
const requests = channel('undici:request:create')

/** An OpenTelemetry SDK writes the trace headers of requests of undici. */
function isTraced(): boolean {
  const api = (globalThis as { [OTEL_API]?: { propagation?: unknown } })[OTEL_API]
  return api?.propagation !== undefined && requests.hasSubscribers
}
