import { isIP } from 'node:net'
import type { ServerAddress } from '../../settings/server-address.js'
import type { Message } from './messages.js'

const DEFAULT_OFFSET = 1000

/** Where the gRPC side of a configured (HTTP) address is. */
export function grpcAddressOf(
  { host, port, tls }: ServerAddress,
  { grpcPort, grpcPortOffset = DEFAULT_OFFSET }: { readonly grpcPort?: number; readonly grpcPortOffset?: number },
): ServerAddress {
  return addressOf(host, grpcPort ?? port + grpcPortOffset, tls)
}

/**
 * Where a `ConnectResetRequest` sends us, as an HTTP address; only to an IP, because a name from the server would be
 * resolved unchecked.
 */
export function resetTargetOf(message: Message, from: ServerAddress): ServerAddress | undefined {
  const host = message['serverIp']
  const port = Number(message['serverPort'])
  if (typeof host !== 'string' || isIP(host) === 0) return undefined
  return Number.isInteger(port) && port >= 1 && port <= 65535 ? addressOf(host, port, from.tls) : undefined
}

function addressOf(host: string, port: number, tls: boolean): ServerAddress {
  return { host, port, tls, authority: `${isIP(host) === 6 || host.includes(':') ? `[${host}]` : host}:${port}` }
}
