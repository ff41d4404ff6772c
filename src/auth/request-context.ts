import type { IncomingMessage } from 'node:http'
import { readVersion, type RequestContext } from '../context.js'
import { tokenOf, type TokenSources } from './token.js'

/**
 * What of a request travels on to the services it calls; `undefined` where nothing does.
 *
 * @param versionHeader in lower case; empty for none
 */
export function requestContext(
  request: IncomingMessage,
  sources: TokenSources,
  versionHeader = '',
): RequestContext | undefined {
  const token = tokenOf(request, sources)
  const traceparent = single(request.headers['traceparent'])
  const version = versionHeader === '' ? undefined : readVersion(single(request.headers[versionHeader]))
  if (token === undefined && traceparent === undefined && version === undefined) return undefined
  const tracestate = single(request.headers['tracestate'])
  return {
    ...(token !== undefined && { token }),
    ...(traceparent !== undefined && { traceparent }),
    ...(tracestate !== undefined && { tracestate }),
    ...(version !== undefined && { version }),
  }
}

function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
