import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { ConnectionTls } from '../../settings/connection.js'
import type { ServerAddress } from '../../settings/server-address.js'
import { untracedScope } from '../../tracing/untraced.js'
import { tlsOptions } from '../tls.js'

/** Resolves once the socket can carry HTTP/2; rejects with the signal's reason, and leaves no socket behind. */
export function openSocket(address: ServerAddress, tls: ConnectionTls, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const open = () => (address.tls ? secured(address, tls) : connectTcp({ ...target(address), noDelay: true }))
    const scope = untracedScope()
    const socket = scope === undefined ? open() : scope.run(open)
    const settle = (end: () => void) => {
      scope?.end()
      signal.removeEventListener('abort', onAbort)
      socket.off('error', fail).off('close', onClose)
      end()
    }
    const fail = (error: Error) =>
      settle(() => {
        // Destroyed with an error to come.
        socket.on('error', () => {}).destroy()
        reject(error)
      })
    const onAbort = () => fail(signal.reason as Error)
    const onClose = () => fail(new Error('the server closed the connection'))
    signal.addEventListener('abort', onAbort, { once: true })
    socket.once('error', fail).once('close', onClose)
    socket.once(address.tls ? 'secureConnect' : 'connect', () => {
      if (address.tls && (socket as TLSSocket).alpnProtocol !== 'h2')
        fail(new Error('the server offers no HTTP/2 (ALPN)'))
      else settle(() => resolve(socket))
    })
  })
}

function target({ host, port }: ServerAddress): { host: string; port: number } {
  return { host, port }
}

function secured(address: ServerAddress, tls: ConnectionTls): TLSSocket {
  const options = tlsOptions(tls)
  // Node sends the name of the host by itself for HTTPS only.
  const servername = options.servername ?? (isIP(address.host) ? undefined : address.host)
  return connectTls({
    ...target(address),
    ...options,
    ...(servername !== undefined && { servername }),
    ALPNProtocols: ['h2'],
  }).setNoDelay(true)
}
