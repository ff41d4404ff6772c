import type { IncomingMessage } from 'node:http'
import type { TokenSources } from '../auth/token.js'
import { withoutTokens } from '../auth/without-tokens.js'
import { currentContext } from '../context.js'
import { propagatedHeaders } from '../tracing/propagated-headers.js'
import { HOP_BY_HOP } from '../util/header-rules.js'
import { forwardedHeaders, hostOf, type ForwardedPolicy } from './forwarded.js'

/** Name of this hop in `Via`. */
export const VIA = 'nacos-sidecar'

/** What of the options of a proxy the headers go by. */
export interface RequestHeaderRules {
  readonly forwarded: ForwardedPolicy
  readonly preserveHost: boolean
  headers?(request: IncomingMessage): Readonly<Record<string, string | undefined>>
}

export interface RequestHeaderFacts {
  /** Taken from the path. */
  readonly prefix: string
  readonly hasBody: boolean
  /** The caller's token must not go there: a fixed URL to which nothing is forwarded. */
  readonly withoutTokens: TokenSources | undefined
  /** The body is another than what came: its length and its coding are not those of the request. */
  readonly remade: boolean
}

type Outgoing = Record<string, string | readonly string[] | undefined>

/** The headers of a request as the instance gets them, names and values by turns, names in lower case. */
export function requestHeaders(
  request: IncomingMessage,
  rules: RequestHeaderRules,
  facts: RequestHeaderFacts,
): string[] {
  const out: Outgoing = {}
  const { headers } = request
  const dropped = droppedOf(request)
  for (const name in headers) {
    if (name.charCodeAt(0) === 58 /* : */ || HOP_BY_HOP.has(name) || name === 'http2-settings') continue
    if (dropped !== undefined && isDropped(dropped, name, headers[name])) continue
    out[name] = headers[name]
  }
  const { te, 'content-length': length } = headers
  if (typeof te === 'string' && /(?:^|,)\s*trailers\s*(?:[;,]|$)/i.test(te)) out['te'] = 'trailers'
  if (facts.hasBody && !facts.remade && length !== undefined && headers['transfer-encoding'] === undefined)
    out['content-length'] = length
  if (facts.remade) delete out['content-encoding']
  if (rules.preserveHost) out['host'] = hostOf(request)
  Object.assign(out, forwardedHeaders(request, rules.forwarded, facts.prefix))
  out['via'] = via(headers.via, request.httpVersion)
  // They are made anew, of the call's own span; two of them would begin a new trace.
  for (const name of propagatedHeaders(currentContext()?.traceparent !== undefined)) delete out[name]
  if (facts.withoutTokens !== undefined) withoutTokens(out, facts.withoutTokens)
  const own = rules.headers?.(request)
  for (const name in own) out[name.toLowerCase()] = own[name]
  return flat(out)
}

/** @param before of the hops before this one */
export function via(before: string | readonly string[] | undefined, version: string): string {
  const own = `${version} ${VIA}`
  return before === undefined || before === '' ? own : `${String(before)}, ${own}`
}

/** Headers that `Connection` names, with the values they came with; `undefined` for the usual ones, which name none. */
function droppedOf({ headers, rawHeaders }: IncomingMessage): ReadonlyMap<string, readonly string[]> | undefined {
  const { connection } = headers
  if (connection === undefined || /^\s*(?:keep-alive|close|upgrade)?\s*$/i.test(connection)) return undefined
  const names = namesIn(connection)
  const dropped = new Map<string, string[]>()
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase()
    if (names.has(name)) dropped.set(name, [...(dropped.get(name) ?? []), rawHeaders[at + 1]!])
  }
  return dropped
}

/** A client must not name away what the app itself has put there: `Connection: x-user-id`. */
function isDropped(dropped: ReadonlyMap<string, readonly string[]>, name: string, value: unknown): boolean {
  const came = dropped.get(name)
  return came !== undefined && (came.join(', ') === String(value) || came.includes(String(value)))
}

/** The tokens of a `Connection` header. */
export function namesIn(connection: string | readonly string[]): Set<string> {
  return new Set(
    String(connection)
      .split(',')
      .map((name) => name.trim().toLowerCase()),
  )
}

function flat(headers: Outgoing): string[] {
  const list: string[] = []
  for (const name in headers) {
    const value = headers[name]
    if (value === undefined) continue
    if (typeof value === 'string') list.push(name, value)
    else for (const each of value) list.push(name, each)
  }
  return list
}
