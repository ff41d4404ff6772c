import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { GuardDecision } from '../auth/decision.js'
import { hostHeader, reasonNotLocal } from '../pages/local-request.js'

/** Why a request gets no answer, with its status. */
export interface Denial {
  readonly status: 401 | 403 | 503
  readonly reason: string
}

export interface AccessOptions {
  readonly production: boolean
  /** What the guard says of the request; absent with `auth.enabled: false`. */
  readonly decide: ((request: IncomingMessage, target: string) => GuardDecision | Promise<GuardDecision>) | undefined
}

const FOREIGN: Denial = { status: 403, reason: 'A page of another origin may not read this' }

/**
 * Who may read the page. No page of another origin. A request with a token that the guard permits; in development also one of
 * this machine.
 *
 * @param document the request is for the page itself, and not for what it reads
 */
export async function denialOf(
  request: IncomingMessage,
  target: string,
  document: boolean,
  { production, decide }: AccessOptions,
): Promise<Denial | undefined> {
  if (isForeign(request.headers, document)) return FOREIGN
  const decision = await decide?.(request, target)
  if (decision?.allowed && decision.token !== undefined) return undefined
  if (decision && !decision.allowed && decision.status !== 401)
    return { status: decision.status, reason: decision.body.message }
  if (production)
    return decision?.allowed
      ? {
          status: 403,
          reason: 'auth.exclude-paths opens this page: in production it is for requests with a token only',
        }
      : { status: 401, reason: decision?.body.message ?? 'A token is required' }
  const why = reasonNotLocal(request)
  if (why === undefined) return undefined
  return {
    status: decision?.allowed === false ? 401 : 403,
    reason: `Without a token this page is for a browser on this machine only: ${why}. Set auth.enabled: true and send a token`,
  }
}

/** A page of another origin asks, or wants to show it. A link to the page may be followed. */
function isForeign(headers: IncomingHttpHeaders, document: boolean): boolean {
  const { origin } = headers
  if (origin !== undefined && hostOf(origin) !== hostHeader(headers)?.toLowerCase()) return true
  const site = headers['sec-fetch-site']
  if (site === undefined || site === 'same-origin' || site === 'none') return false
  return !(document && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document')
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}
