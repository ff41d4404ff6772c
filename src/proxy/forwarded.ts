import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'

/** What is done with headers that say where a request came from, if it has them already. */
export type ForwardedPolicy = 'append' | 'replace' | 'none'

type Headers = Record<string, string | readonly string[] | undefined>

const NAMES = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-prefix'] as const

/**
 * `Forwarded` (RFC 7239) and the older `X-Forwarded-*`, with this hop added: the client's address, the host it asked for, the scheme and the prefix.
 *
 * @param prefix that the proxy has taken from the path
 * @returns only these headers; `undefined` values are to be removed
 */
export function forwardedHeaders(request: IncomingMessage, policy: ForwardedPolicy, prefix: string): Headers {
  if (policy === 'none') return {}
  const { socket } = request
  const old = policy === 'append' ? request.headers : {}
  const ip = addressOf(socket?.remoteAddress)
  const host = hostOf(request)
  const proto = (socket as Partial<TLSSocket> | undefined)?.encrypted ? 'https' : 'http'
  const added: Headers = {
    forwarded: joined(old.forwarded ?? chainOf(old), element(ip, host, proto)),
    'x-forwarded-for': joined(old['x-forwarded-for'], ip ?? 'unknown'),
    'x-forwarded-proto': joined(old['x-forwarded-proto'], proto),
  }
  if (host !== undefined) added['x-forwarded-host'] = joined(old['x-forwarded-host'], host)
  if (prefix !== '') added['x-forwarded-prefix'] = joined(old['x-forwarded-prefix'], prefix)
  if (policy === 'replace') for (const name of NAMES) added[name] ??= undefined
  return added
}

/** The host that was asked for, as the client says. */
export function hostOf({ headers }: IncomingMessage): string | undefined {
  const host = headers.host ?? headers[':authority']
  return typeof host === 'string' && host !== '' ? host : undefined
}

/**
 * A proxy before this one knows the older headers only. Where both are there, servers read `Forwarded`: without what the
 * others say it would name that proxy as the client.
 */
function chainOf(old: Headers): string | undefined {
  const addresses = listOf(old['x-forwarded-for'])
  if (addresses.length === 0) return undefined
  const [host] = listOf(old['x-forwarded-host'])
  const [proto] = listOf(old['x-forwarded-proto'])
  return addresses.map((ip, at) => (at === 0 ? element(ip, host, proto) : element(ip))).join(', ')
}

function element(ip: string | undefined, host?: string, proto?: string): string {
  const parts = [`for=${nodeOf(ip)}`]
  if (host !== undefined) parts.push(`host=${quoted(host)}`)
  if (proto !== undefined) parts.push(`proto=${quoted(proto)}`)
  return parts.join(';')
}

function nodeOf(ip: string | undefined): string {
  if (ip === undefined) return 'unknown'
  return quoted(ip.includes(':') && !ip.startsWith('[') && !/^[\d.]+:\d+$/.test(ip) ? `[${ip}]` : ip)
}

/** Other text than a token stands in quotes. */
function quoted(text: string): string {
  return /^[\w!#$%&'*+\-.^`|~]+$/.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`
}

function joined(old: Headers[string], own: string): string {
  const before = listOf(old).join(', ')
  return before === '' ? own : `${before}, ${own}`
}

function listOf(value: Headers[string]): string[] {
  if (value === undefined) return []
  const text = typeof value === 'string' ? value : value.join(',')
  return text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')
}

/** An IPv4 address that came over an IPv6 socket is one of IPv4. */
function addressOf(address: string | undefined): string | undefined {
  return address !== undefined && /^::ffff:\d+\./i.test(address) ? address.slice('::ffff:'.length) : address
}
