import type { IncomingMessage } from 'node:http'
import { readVersion, type RequestContext } from '../context.js'
import { tokenOf, type TokenSources } from './token.js'

/**
 * What of a request travels on to the services it calls; `undefined` where nothing does.
 *
 * @param versionHeader in lower case; empty for none
 * @param token as the guard has found it, where it has looked
 */
export function requestContext(
  request: IncomingMessage,
  sources: TokenSources,
  versionHeader = '',
  token = tokenOf(request, sources),
): RequestContext | undefined {
  const traceparent = single(request.headers['traceparent'])
  const version = versionHeader === '' ? undefined : readVersion(single(request.headers[versionHeader]))
  if (token === undefined && traceparent === undefined && version === undefined) return undefined
  const tracestate = single(request.headers['tracestate'])
  const context: { -readonly [K in keyof RequestContext]: RequestContext[K] } = {}
  if (token !== undefined) context.token = token
  if (traceparent !== undefined) context.traceparent = traceparent
  if (tracestate !== undefined) context.tracestate = tracestate
  if (version !== undefined) context.version = version
  return context
}

function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
