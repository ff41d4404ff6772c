import { hasHeader, overrideHeaders, type FlatHeaders } from '../calls/flat-headers.js'
import { addContextHeaders } from '../calls/propagation.js'
import type { RequestContext } from '../context.js'
import type { CallTrace } from '../tracing/call-trace.js'
import type { EncodedBody } from './body.js'

/** The headers of a call, with those of its body and those of the request being handled; its own win. */
export function requestHeaders(
  { versionHeader }: { readonly versionHeader: string },
  own: FlatHeaders,
  encoded: EncodedBody | undefined,
  context: RequestContext | undefined,
  trace: CallTrace | undefined,
): FlatHeaders {
  const headers = encoded === undefined ? own : withBodyHeaders(own, encoded)
  if (context === undefined && trace === undefined) return headers
  return addContextHeaders(headers, context, versionHeader, trace)
}

function withBodyHeaders(own: FlatHeaders, { contentType, partsType, length }: EncodedBody): FlatHeaders {
  let headers = own
  if (contentType !== undefined && !hasHeader(headers, 'content-type'))
    headers = headers.concat('content-type', contentType)
  else if (partsType) headers = overrideHeaders(headers, ['content-type', contentType!])
  return length === undefined ? headers : headers.concat('content-length', String(length))
}
