import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Server as HttpServer } from 'node:http'
import type { Server as NetServer } from 'node:net'
import type { MountedApp } from '../adapters/adapter.js'
import type { Logger } from '../logger.js'
import { isHttpServer, isIgnored, isSecureServer } from './http-server.js'
import { isHttp2Only } from './http2-only.js'
import type { ServerProbe } from './server-probe.js'

/** The server that will be registered. */
export interface ListeningServer {
  readonly server: HttpServer
  /** The real one, where the app asked for port 0. */
  readonly port: number
  /** What it is bound to: `::`, `0.0.0.0`, or one address. */
  readonly host: string
  /** It uses TLS itself. */
  readonly secure: boolean
  /** It speaks HTTP/2 and nothing else. */
  readonly http2Only: boolean
}

export interface ListeningOptions {
  readonly app?: Pick<MountedApp, 'owns' | 'onListening'>
  /** `server.port` of the settings; 0 counts as unset. */
  readonly port?: number
  /** Finds the app behind functions that hide it. */
  readonly probe?: ServerProbe
  /** By which names callers address the app. */
  hosts?(): readonly string[]
  readonly logger: Logger
  /**
   * How long the app's own server has to show itself before the others are asked whether they serve the app. @default
   * 100
   */
  readonly askAfterMs?: number
  /** How long a server on another port than `server.port` has to wait for a better one. @default 1000 */
  readonly settleMs?: number
  /**
   * An HTTP server of the process listens: the first notice of it, and before it takes a connection where it began
   * to listen after this watch. It may turn out to be the app's, or not.
   */
  onSeen?(server: HttpServer): void
  /** The app's server; again where that one has closed and another one serves, or the same on another port. */
  onListening(found: ListeningServer): void
  /** The app's server listens where no other machine can call it. */
  onUnreachable?(server: HttpServer): void
  /** Another server that serves the app (https beside http, `::1` beside `127.0.0.1`): it leaves with the first. */
  onFurther?(server: HttpServer): void
}

export interface ListeningWatch {
  readonly found: ListeningServer | undefined
  /** Names the server by hand; it may still be about to listen. */
  announce(server: NetServer): void
  /** A server of the app accepts no connections any more; another listening one replaces it. */
  closed(server: HttpServer): void
  close(): void
}

const CHANNEL = 'tracing:net.server.listen:asyncEnd'

/**
 * Finds the server of the app, from now on or listening already: HTTP(S) only. With an app, the server that serves
 * it; without, the one on `server.port`, or else the first. A failed `listen` is never found.
 */
export function watchListening(options: ListeningOptions): ListeningWatch {
  const { app, port, probe, logger, askAfterMs = 100, settleMs = 1000 } = options
  const candidates = new Set<HttpServer>()
  /** Of the app, beside the one that was found. */
  const further = new Set<HttpServer>()
  let found: ListeningServer | undefined
  let asking: NodeJS.Timeout | undefined
  let settling: NodeJS.Timeout | undefined
  let closed = false

  const serves = (server: HttpServer) => (app?.owns(server) || probe?.serves(server)) ?? false
  const onConfiguredPort = (server: NetServer) => Boolean(port) && port === portOf(server)

  function evaluate(server: HttpServer, early = false): void {
    if (closed || server === found?.server || !server.listening) return
    const own = serves(server)
    // Of several that serve the app, `server.port` decides.
    const best = !port || onConfiguredPort(server)
    if (found) {
      if (own && best && port && !onConfiguredPort(found.server)) return select(server)
      return own ? addFurther(server) : undefined
    }
    // Without an app, a server that listened before the watch began may be any: it is only a candidate.
    if (app ? own && best : port ? best : !early) return select(server)
    candidates.add(server)
    if (app && probe) asking ??= setTimeout(probeCandidates, askAfterMs).unref()
    settling ??= setTimeout(settle, settleMs).unref()
  }

  function addFurther(server: HttpServer): void {
    if (further.has(server)) return
    further.add(server)
    options.onFurther?.(server)
  }

  function probeCandidates(): void {
    asking = undefined
    for (const server of [...candidates]) {
      if (serves(server)) evaluate(server)
      else if (!found) void probe?.ask(server, options.hosts?.())
    }
  }

  /** No server is surely the app's: check again, then choose by `server.port` or by the order. */
  function settle(): void {
    settling = undefined
    const listening = [...candidates].filter((server) => server.listening)
    const own = listening.filter(serves)
    const best =
      own.find(onConfiguredPort) ?? own[0] ?? listening.find(onConfiguredPort) ?? (app ? undefined : listening[0])
    if (best) return select(best)
    candidates.clear()
    for (const server of listening) {
      logger.warn(
        `a server on ${describe(server)} seems not to serve this app and is not registered; if it does, set server.port or call sidecar.listening(server), and put sidecar.guard() before handlers that answer beside the app`,
      )
    }
  }

  function select(server: NetServer): void {
    if (closed || server === found?.server) return
    if (!server.listening) return void server.once('listening', () => select(server))
    const address = server.address()
    if (address === null || typeof address === 'string') {
      if (further.has(server as HttpServer)) return
      further.add(server as HttpServer)
      logger.warn(`the app listens on ${describe(server)}, which no other machine can call: it is not registered`)
      return options.onUnreachable?.(server as HttpServer)
    }
    if (found) addFurther(found.server)
    further.delete(server as HttpServer)
    found = {
      server: server as HttpServer,
      port: address.port,
      host: address.address,
      secure: isSecureServer(server),
      http2Only: isHttp2Only(server as HttpServer),
    }
    clearTimeout(asking)
    clearTimeout(settling)
    asking = settling = undefined
    options.onListening(found)
    const rest = [...candidates]
    candidates.clear()
    for (const other of rest) evaluate(other)
  }

  function onClosed(server: HttpServer): void {
    further.delete(server)
    if (server !== found?.server) return
    found = undefined
    const next = [...further].find((other) => other.listening && portOf(other) !== undefined)
    if (next) select(next)
  }

  // The channel publishes before the app continues: it may add its request handler in the very next statement. But
  // no connection is accepted before the next tick.
  const onListen = (message: unknown) => {
    const { server } = message as { server: NetServer }
    if (isHttpServer(server) && !isIgnored(server)) process.nextTick(begin, server)
  }

  function begin(server: HttpServer, early = false): void {
    if (closed || !server.listening) return
    // It was closed and listens again, while connections of before keep its `close` event back.
    if (server === found?.server && portOf(server) !== undefined) found = undefined
    options.onSeen?.(server)
    evaluate(server, early)
  }

  subscribe(CHANNEL, onListen)
  probe?.onServes((server) => {
    if (!isIgnored(server)) process.nextTick(evaluate, server)
  })
  app?.onListening?.(select)
  for (const server of listeningAlready()) if (!isIgnored(server)) process.nextTick(begin, server, true)

  return {
    get found() {
      return found
    },
    announce: select,
    closed: onClosed,
    close() {
      closed = true
      unsubscribe(CHANNEL, onListen)
      clearTimeout(asking)
      clearTimeout(settling)
      candidates.clear()
      further.clear()
    },
  }
}

/** Servers that listened before the watch began; Node has no public API for that. */
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
