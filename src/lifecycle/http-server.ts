import { Server as HttpServer } from 'node:http'
import { Server as HttpsServer } from 'node:https'
import type { Server as NetServer } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import { ignoredServers } from '../process-state.js'

/** Emitted on a server in place of `request` where the guard refuses in front of the server's own listeners. */
export const REFUSED_EVENT = 'nacos-sidecar:refused'

/** True for the servers of node:http, node:https and node:http2. */
export function isHttpServer(server: unknown): server is HttpServer {
  return server instanceof HttpServer || server instanceof HttpsServer || isHttp2Server(server)
}

/** node:http2 does not export its classes, and loading it just to look would cost every start. */
function isHttp2Server(server: unknown): boolean {
  for (let type = server; typeof type === 'object' && type !== null; type = Object.getPrototypeOf(type)) {
    if (/^Http2(Secure)?Server$/.test(type.constructor?.name ?? '')) return true
  }
  return false
}

export function isSecureServer(server: NetServer): boolean {
  return server instanceof TlsServer
}

/** Servers that are this package's own (the embedded registry) never stand for an app. */
export function isIgnored(server: HttpServer): boolean {
  return ignoredServers().has(server)
}
