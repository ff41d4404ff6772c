import cluster from 'node:cluster'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage, type Server as HttpServer } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { createServer, type AddressInfo, type Server as NetServer } from 'node:net'
import { hostname } from 'node:os'
import { processSlot } from '../process-state.js'
import { untraced } from '../tracing/untraced.js'
import { isHttpServer, isSecureServer } from './http-server.js'
import { isHttp2Only } from './http2-only.js'

/**
 * Which servers serve the app, by what they serve: socket.io, terminus, vhost or a function of the app's own may hide
 * the app from a look at the listeners of a server.
 */
export interface ServerProbe {
  /**
   * For the entry of the app. @returns true for a request of this probe: it is answered, and nothing of the app runs.
   */
  onRequest(request: IncomingMessage): boolean
  /** A request that came by this server has reached the app. */
  serves(server: HttpServer): boolean
  /** Asks the server, under the names by which callers may address it; `onServes` is called if it serves the app. */
  ask(server: HttpServer, hosts?: readonly string[]): Promise<void>
  /** One listener; it is called once for each server. */
  onServes(listener: (server: HttpServer) => void): void
}

const HEADER = 'x-sidecar-probe'
const ANSWER_MS = 2_000
/** An instrumentation of this very server follows its caller: the probe is no request of the app. */
const NOT_SAMPLED = { traceparent: `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-00` }

/** Nonces of the probes that ask at this moment, of all sidecars of the process. */
const probes = processSlot('probes', () => new Map())

/** Whether a sidecar of this process looks for its app with this request: no caller sent it. */
export function isServerProbe({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  return probes.size > 0 && probes.has(headers[HEADER] as string)
}

export function createServerProbe(): ServerProbe {
  const nonce = randomBytes(16).toString('hex')
  const known = new WeakSet<object>()
  let listener: ((server: HttpServer) => void) | undefined
  /** By which the last request came. */
  let last: object | undefined

  return {
    onRequest(request) {
      // node:net's own: by which server the connection came. Requests of tests (`inject`) have none.
      const { server } = (request.socket ?? {}) as { server?: object }
      if (server && server !== last && !known.has(server)) {
        known.add(server)
        if (isHttpServer(server)) listener?.(server)
      }
      last = server
      return probes.size > 0 && probes.has(nonce) && request.headers[HEADER] === nonce
    },
    serves: (server) => known.has(server),
    async ask(server, hosts = []) {
      if (isHttp2Only(server)) return
      probes.set(nonce, (probes.get(nonce) ?? 0) + 1)
      try {
        for (const host of new Set([...hosts, 'localhost', '127.0.0.1', hostname()])) {
          if (known.has(server) || !server.listening) return
          await get(server, host, { [HEADER]: nonce })
        }
      } finally {
        const left = probes.get(nonce)! - 1
        if (left === 0) probes.delete(nonce)
        else probes.set(nonce, left)
      }
    },
    onServes: (one) => void (listener = one),
  }
}

/**
 * Sends one request to a server of this process, over the network as any caller does; what comes back does not matter.
 */
async function get(server: HttpServer, host: string, headers: Record<string, string>): Promise<void> {
  const address = server.address()
  if (address === null || typeof address === 'string') return
  const secure = isSecureServer(server)
  // The port of a cluster's workers leads to any of them.
  const bridge = cluster.isWorker && !secure ? await openBridge(server) : undefined
  const to = bridge ? (bridge.address() as AddressInfo) : address
  await new Promise<void>((resolve) => {
    const send = secure ? httpsRequest : httpRequest
    const sent = untraced(() =>
      send({
        host: loopbackOf(to.address),
        port: to.port,
        agent: false,
        timeout: ANSWER_MS,
        rejectUnauthorized: false,
        headers: { host: `${host}:${address.port}`, 'user-agent': 'nacos-sidecar', ...NOT_SAMPLED, ...headers },
      }),
    )
    sent.on('socket', (socket) => socket.unref())
    sent.on('timeout', () => sent.destroy())
    sent.on('response', () => sent.destroy())
    sent.on('error', () => {})
    sent.on('close', resolve)
    sent.end()
  })
  bridge?.close()
}

/** A port of this worker alone, whose connections are the server's. */
async function openBridge(server: HttpServer): Promise<NetServer> {
  const bridge = createServer((socket) => void server.emit('connection', socket))
  await once(bridge.listen({ port: 0, host: '127.0.0.1', exclusive: true }), 'listening')
  return bridge.unref()
}

function loopbackOf(bound: string): string {
  if (bound === '0.0.0.0') return '127.0.0.1'
  return bound === '::' ? '::1' : bound
}
