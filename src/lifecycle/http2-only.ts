import type { Server } from 'node:http'

/** What of a server tells which protocols it speaks. */
interface Http2Like {
  /** Only servers of HTTP/2 have it. */
  updateSettings?: unknown
  /** Of a TLS server: each name after its length. */
  ALPNProtocols?: Uint8Array
}

/** Whether a server speaks HTTP/2 and nothing else: callers by HTTP/1.1, this package's own too, cannot use it. */
export function isHttp2Only(server: Server): boolean {
  const { updateSettings, ALPNProtocols } = server as Http2Like
  if (typeof updateSettings !== 'function') return false
  return ALPNProtocols === undefined || !Buffer.from(ALPNProtocols).includes('http/1.1')
}
