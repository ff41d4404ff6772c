import type { IncomingMessage } from 'node:http'

/** Headers by which a proxy says for which client it asks. */
const FORWARDED = [
  ...['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-port'],
  ...[
    'x-real-ip',
    'x-client-ip',
    'x-cluster-client-ip',
    'x-original-forwarded-for',
    'true-client-ip',
    'cf-connecting-ip',
  ],
]

const LOCAL_HOST = /^(?:localhost|(?:[\w-]+\.)+localhost|127(?:\.\d{1,3}){3}|\[::1\])\.?(?::\d{1,5})?$/i
const LOCAL_ADDRESS = /^(?:127(?:\.\d{1,3}){3}|::1|::ffff:127(?:\.\d{1,3}){3})$/i

/**
 * Why a request is not one of this machine: from a loopback address, for a loopback host (a name of others may lead here: DNS
 * rebinding), through no proxy. `undefined` where it is one.
 */
export function reasonNotLocal({ headers, socket, httpVersion }: IncomingMessage): string | undefined {
  const { remoteAddress } = socket
  if (remoteAddress === undefined || !isLocalAddress(remoteAddress)) return 'the request came from another one'
  const forwarded = FORWARDED.find((name) => headers[name] !== undefined)
  if (forwarded !== undefined) return `a proxy sent the request (header ${forwarded})`
  // nginx asks so by default, and names itself as the host.
  if (httpVersion === '1.0') return 'a proxy sent the request (HTTP/1.0)'
  const host = hostHeader(headers)
  if (host === undefined || !LOCAL_HOST.test(host)) return 'its Host header is none of localhost, 127.0.0.1, [::1]'
  return undefined
}

/** Of the loopback interface. */
export function isLocalAddress(ip: string): boolean {
  return LOCAL_ADDRESS.test(ip)
}

/** `Host`, or what HTTP/2 has in its place. */
export function hostHeader(headers: IncomingMessage['headers']): string | undefined {
  const authority = headers[':authority']
  return headers.host ?? (typeof authority === 'string' ? authority : undefined)
}
