import type { IncomingMessage } from 'node:http'
import { readVersion, type RequestContext } from '../context.js'
import type { SidecarSettings } from '../settings/schema.js'
import { tokenOf, type TokenSources } from './token.js'

/**
 * What of a request travels on to the services it calls; `undefined` where nothing does.
 *
 * @param token as the guard has found it, where it has looked
 */
export function requestContext(
  request: IncomingMessage,
  sources: TokenSources,
  { versionHeader, forwardHeaders }: Pick<SidecarSettings, 'versionHeader' | 'forwardHeaders'>,
  token = tokenOf(request, sources),
): RequestContext | undefined {
  const traceparent = single(request.headers['traceparent'])
  const version = versionHeader === '' ? undefined : readVersion(single(request.headers[versionHeader]))
  const headers = forwardHeaders.length === 0 ? undefined : forwarded(request, forwardHeaders)
  if (token === undefined && traceparent === undefined && version === undefined && headers === undefined)
    return undefined
  const tracestate = single(request.headers['tracestate'])
  const context: { -readonly [K in keyof RequestContext]: RequestContext[K] } = {}
  if (token !== undefined) context.token = token
  if (traceparent !== undefined) context.traceparent = traceparent
  if (tracestate !== undefined) context.tracestate = tracestate
  if (version !== undefined) context.version = version
  if (headers !== undefined) context.headers = headers
  return context
}

function forwarded({ headers }: IncomingMessage, names: readonly string[]): Record<string, string> | undefined {
  let found: Record<string, string> | undefined
  for (const name of names) {
    const value = single(headers[name])
    if (value !== undefined) (found ??= {})[name] = value
  }
  return found
}

function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
