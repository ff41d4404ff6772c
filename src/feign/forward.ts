import type { RequestContext } from '../context.js'
import { hasHeader, type FlatHeaders } from './headers.js'

/**
 * `headers` with the caller's token and trace added. A header that is there already wins. The trace is passed on as
 * it came: this package makes no spans of its own; a tracer in the process sets the header itself.
 */
export function withContext(headers: FlatHeaders, context: RequestContext): FlatHeaders {
  const { token, traceparent, tracestate } = context
  const added: string[] = []
  if (token !== undefined && isHeaderText(token) && !hasHeader(headers, 'authorization')) {
    added.push('authorization', `Bearer ${token}`)
  }
  if (traceparent !== undefined && isHeaderText(traceparent) && !hasHeader(headers, 'traceparent')) {
    added.push('traceparent', traceparent)
    if (tracestate !== undefined && isHeaderText(tracestate)) added.push('tracestate', tracestate)
  }
  return added.length === 0 ? headers : headers.concat(added)
}

/** The token came from outside (a query, a cookie): one that could end the header is no token and is not sent. */
function isHeaderText(value: string): boolean {
  return value !== '' && /^[\x20-\x7e]*$/.test(value)
}
