import type { Server } from 'node:http'

/** The fields of a server that show its protocols. */
interface Http2Like {
  /** Only servers of HTTP/2 have it. */
  updateSettings?: unknown
  /** Of a TLS server: each name after its length. */
  ALPNProtocols?: Uint8Array
}

/** Whether a server supports HTTP/2 only: callers by HTTP/1.1, this package's own too, cannot use it. */
export function isHttp2Only(server: Server): boolean {
  const { updateSettings, ALPNProtocols } = server as Http2Like
  if (typeof updateSettings !== 'function') return false
  return ALPNProtocols === undefined || !Buffer.from(ALPNProtocols).includes('http/1.1')
}
