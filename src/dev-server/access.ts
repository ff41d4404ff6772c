import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { JSON_UTF8, text } from './reply.js'
import type { Reply } from './reply.js'

const LOOPBACK_NAMES = new Set(['localhost', '127.0.0.1', '::1'])

export function isLoopback(host: string): boolean {
  return LOOPBACK_NAMES.has(host) || /^127(\.\d{1,3}){3}$/.test(host)
}

/**
 * Keeps browsers out: a page on some other site can make a browser send requests here (CSRF), and a name it controls
 * can be pointed at 127.0.0.1 to read the answers too (DNS rebinding). A service sends neither Origin nor a strange Host.
 *
 * @param bound the host the server listens on.
 * @param allowedHosts further names it may be called by.
 */
export function createAccess(
  bound: string,
  allowedHosts: readonly string[],
): (request: IncomingMessage) => Reply | undefined {
  const names = new Set([bound, ...allowedHosts].map((name) => name.toLowerCase()))
  const remote = !isLoopback(bound)
  // Rebinding needs a name; an address in Host is the one the caller really dialled.
  const known = (host: string) =>
    LOOPBACK_NAMES.has(host) || isLoopback(host) || names.has(host) || (remote && isIP(host) !== 0)

  return (request) => {
    const host = request.headers.host
    const name = host === undefined ? undefined : hostName(host)
    if (name === undefined || !known(name)) {
      return text(
        'This host name is not served here. Start the registry with --allow-host (allowedHosts) to add it.',
        403,
      )
    }
    const { origin, 'sec-fetch-site': site, 'sec-fetch-mode': mode } = request.headers
    if (origin !== undefined && origin !== `http://${host}`) return text('Invalid CORS request', 403, JSON_UTF8)
    const fromElsewhere = site !== undefined && site !== 'same-origin' && site !== 'none'
    const followsLink = request.method === 'GET' && mode === 'navigate' && isConsole(request.url ?? '')
    if (fromElsewhere && !followsLink) return text('Requests from another site are not served here.', 403)
    return undefined
  }
}

/** The host of a `Host` header, without port and brackets; `undefined` where it is malformed. */
function hostName(header: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]/@\s]+))(?::\d{1,5})?$/i.exec(header)
  return (match?.[1] ?? match?.[2])?.toLowerCase()
}

export function isConsole(url: string): boolean {
  return ['/', '/nacos', '/nacos/'].includes(url.split('?', 1)[0]!)
}

/** Address of the caller, without the prefix of an IPv4 address on an IPv6 socket. */
export function remoteOf({ socket }: IncomingMessage): string {
  return (socket.remoteAddress ?? '127.0.0.1').replace(/^::ffff:/, '')
}
