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
  settings: ContextSettings,
  token = tokenOf(request, sources),
): RequestContext | undefined {
  return contextOf(request.headers, settings, token)
}

type ContextSettings = Pick<SidecarSettings, 'versionHeader' | 'forwardHeaders'>
type Headers = Readonly<Record<string, unknown>>

/** The same of any message. @param from names in lower case */
export function contextOf(
  from: Headers,
  { versionHeader, forwardHeaders }: ContextSettings,
  token: string | undefined,
): RequestContext | undefined {
  const traceparent = single(from['traceparent'])
  const version = versionHeader === '' ? undefined : readVersion(single(from[versionHeader]))
  const headers = forwardHeaders.length === 0 ? undefined : forwarded(from, forwardHeaders)
  if (token === undefined && traceparent === undefined && version === undefined && headers === undefined)
    return undefined
  const tracestate = single(from['tracestate'])
  const context: { -readonly [K in keyof RequestContext]: RequestContext[K] } = {}
  if (token !== undefined) context.token = token
  if (traceparent !== undefined) context.traceparent = traceparent
  if (tracestate !== undefined) context.tracestate = tracestate
  if (version !== undefined) context.version = version
  if (headers !== undefined) context.headers = headers
  return context
}

function forwarded(headers: Headers, names: readonly string[]): Record<string, string> | undefined {
  let found: Record<string, string> | undefined
  for (const name of names) {
    const value = single(headers[name])
    if (value !== undefined) (found ??= {})[name] = value
  }
  return found
}

function single(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
