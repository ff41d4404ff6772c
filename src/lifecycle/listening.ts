import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Server as HttpServer } from 'node:http'
import type { Server as NetServer } from 'node:net'
import type { MountedApp } from '../adapters/adapter.js'
import type { Logger } from '../logger.js'
import { sharedSlot } from '../shared-state.js'
import { isHttpServer, isSecureServer } from './http-server.js'

/** The server that will be registered. */
export interface ListeningServer {
  readonly server: HttpServer
  /** The real one, where the app asked for port 0. */
  readonly port: number
  /** What it is bound to: `::`, `0.0.0.0`, or one address. */
  readonly host: string
  /** It speaks TLS itself. */
  readonly secure: boolean
}

export interface ListeningOptions {
  readonly app?: Pick<MountedApp, 'owns' | 'onListening'>
  /** `server.port` of the settings; 0 says nothing. */
  readonly port?: number
  readonly logger: Logger
  /** How long a server on another port than `server.port` has to wait for a better one. @default 1000 */
  readonly settleMs?: number
  /** Called once. */
  onListening(found: ListeningServer): void
  /** Another server that serves the app (https beside http, `::1` beside `127.0.0.1`): it leaves with the first. */
  onFurther?(server: HttpServer): void
}

export interface ListeningWatch {
  readonly found: ListeningServer | undefined
  /** Names the server by hand; it may still be about to listen. */
  announce(server: NetServer): void
  close(): void
}

const CHANNEL = 'tracing:net.server.listen:asyncEnd'

/**
 * Finds the server of the app, from now on or listening already: HTTP(S) only. With an app, the server that serves
 * it; without, the one on `server.port`, or else the first. A failed `listen` is never found.
 */
export function watchListening(options: ListeningOptions): ListeningWatch {
  const { app, port, logger, settleMs = 1000, onListening } = options
  const candidates = new Set<HttpServer>()
  let found: ListeningServer | undefined
  let settling: NodeJS.Timeout | undefined
  let closed = false

  const serves = (server: HttpServer) => app?.owns(server) ?? false
  const onConfiguredPort = (server: HttpServer) => port !== undefined && port === portOf(server)

  function consider(server: HttpServer, early = false): void {
    if (closed || server === found?.server || !server.listening || isIgnored(server)) return
    if (found) return serves(server) ? options.onFurther?.(server) : undefined
    // Without an app, a server that was there before anybody asked may be anything: it waits for a better one.
    const wanted = app ? serves(server) : port ? onConfiguredPort(server) : !early
    if (wanted) return take(server)
    candidates.add(server)
    settling ??= setTimeout(settle, settleMs)
    settling.unref()
  }

  /** Nothing that is surely the app's has come: look again, then take what `server.port` or the order speaks for. */
  function settle(): void {
    settling = undefined
    const listening = [...candidates].filter((server) => server.listening)
    const best = listening.find(serves) ?? listening.find(onConfiguredPort) ?? (app ? undefined : listening[0])
    if (best) return take(best)
    candidates.clear()
    for (const server of listening) {
      logger.info(
        `a server on ${describe(server)} does not serve this app and is not registered; if it does, call sidecar.listening(server)`,
      )
    }
  }

  function take(server: NetServer): void {
    if (found || closed) return
    if (!server.listening) return void server.once('listening', () => take(server))
    const address = server.address()
    if (address === null || typeof address === 'string') {
      logger.warn(`the app listens on ${describe(server)}, which no other machine can call: it is not registered`)
      return
    }
    found = { server: server as HttpServer, port: address.port, host: address.address, secure: isSecureServer(server) }
    clearTimeout(settling)
    onListening(found)
    candidates.forEach((other) => consider(other))
    candidates.clear()
  }

  // The channel speaks before the app has had its turn: it may add its request handler in the very next statement.
  const onListen = (message: unknown) => {
    const { server } = message as { server: NetServer }
    if (isHttpServer(server)) setImmediate(consider, server)
  }

  subscribe(CHANNEL, onListen)
  app?.onListening?.(take)
  for (const server of listeningAlready()) setImmediate(consider, server, true)

  return {
    get found() {
      return found
    },
    announce: take,
    close() {
      closed = true
      unsubscribe(CHANNEL, onListen)
      clearTimeout(settling)
      candidates.clear()
    },
  }
}

/** Servers that are this package's own (the embedded registry) never stand for an app. */
function isIgnored(server: HttpServer): boolean {
  return sharedSlot('ignoredServers', () => new WeakSet<object>()).has(server)
}

/** Servers that listened before anybody watched; Node has no public way to ask. */
function listeningAlready(): HttpServer[] {
  const handles = (process as { _getActiveHandles?: () => unknown[] })._getActiveHandles?.() ?? []
  return handles.filter(isHttpServer).filter((server) => server.listening)
}

function portOf(server: NetServer): number | undefined {
  const address = server.address()
  return address !== null && typeof address === 'object' ? address.port : undefined
}

function describe(server: NetServer): string {
  const address = server.address()
  return typeof address === 'string' ? `the socket ${address}` : `port ${address?.port}`
}
