import { isToken, tokenOf } from '../auth/token.js'
import { contextOf } from '../auth/request-context.js'
import { addContextHeaders } from '../calls/propagation.js'
import { currentContext, type RequestContext } from '../context.js'
import { injectedHeaders } from '../tracing/injected-headers.js'
import type { SidecarHost } from './host.js'
import { namekoHeaders } from './nameko-context.js'

/** The context in headers of messages: the same that calls send, but for the token, which a queue would keep. */

/**
 * What of the work that sends a message goes with it, with Nameko's context beside.
 *
 * @param from names a call that begins here, for Nameko: `{service}.{what it does}`
 * @param forwardToken `sidecar.events.forward-token`
 */
export function headersOfContext(
  { settings }: Pick<SidecarHost, 'settings'>,
  from: string,
  forwardToken: boolean,
): Record<string, unknown> {
  const { forwardContext, versionHeader } = settings.sidecar
  const current = forwardContext ? currentContext() : undefined
  const context = current === undefined || forwardToken ? current : withoutToken(current)
  const flat = addContextHeaders([], context, versionHeader, { headers: injectedHeaders })
  const token = context?.token
  const headers = namekoHeaders(from, token === undefined ? {} : { auth_token: token })
  for (let i = 0; i < flat.length; i += 2) headers[flat[i]!] = flat[i + 1]!
  return headers
}

const withoutToken = ({ token: _, ...rest }: RequestContext): RequestContext => rest

/** The context that a message brings. A Nameko service sends headers on behind `nameko.`. */
export function contextOfHeaders(
  { settings }: Pick<SidecarHost, 'settings'>,
  headers: Readonly<Record<string, unknown>>,
  forwardToken: boolean,
): RequestContext | undefined {
  if (!hasContext(headers)) return undefined
  const { sidecar } = settings
  if (!sidecar.forwardContext) return contextOf(named(headers), { versionHeader: '', forwardHeaders: [] }, undefined)
  const from = named(headers)
  return contextOf(from, sidecar, forwardToken ? sentToken(from) : undefined)
}

const PREFIX = 'nameko.'
/** Every message of Nameko's or of ours has it. */
const CALLS = 'nameko.call_id_stack'

function hasContext(headers: Readonly<Record<string, unknown>>): boolean {
  for (const name in headers) if (name !== CALLS) return true
  return false
}

/** By names in lower case; a header of its own name counts before one behind the prefix. */
function named(headers: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const found: Record<string, unknown> = Object.create(null)
  for (const [written, value] of Object.entries(headers)) {
    const name = written.toLowerCase()
    if (name.startsWith(PREFIX)) found[name.slice(PREFIX.length)] ??= value
    else found[name] = value
  }
  return found
}

const BEARER = { query: false, cookies: false, sources: ['bearer'] } as const

/** Nameko has a place of its own for it. */
function sentToken({ authorization, auth_token: token }: Record<string, unknown>): string | undefined {
  const sent = typeof authorization === 'string' ? tokenOf({ headers: { authorization } }, BEARER) : undefined
  return sent ?? (typeof token === 'string' && isToken(token) ? token : undefined)
}
