import type { IncomingMessage } from 'node:http'
import type { RequestContext } from '../context.js'
import { tokenOf, type TokenSources } from './token.js'

/** What of a request travels on to the services it calls; `undefined` where nothing does. */
export function requestContext(request: IncomingMessage, sources: TokenSources): RequestContext | undefined {
  const token = tokenOf(request, sources)
  const traceparent = single(request.headers['traceparent'])
  if (token === undefined && traceparent === undefined) return undefined
  const tracestate = single(request.headers['tracestate'])
  return {
    ...(token !== undefined && { token }),
    ...(traceparent !== undefined && { traceparent }),
    ...(tracestate !== undefined && { tracestate }),
  }
}

function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
