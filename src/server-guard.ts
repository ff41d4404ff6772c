import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { AppHooks, Failure, MountedApp } from './adapters/adapter.js'
import { decide, handleRequest } from './adapters/admission.js'
import { sendFailure, sendRefusal } from './adapters/send-json.js'
import type { Guard } from './auth/guard.js'
import type { GuardDecision, Refusal } from './auth/decision.js'
import { withoutQuery } from './auth/route-path.js'
import { isIgnored, REFUSED_EVENT } from './lifecycle/http-server.js'
import type { Logger } from './logger.js'
import { guardStream, type Http2Stream } from './server-streams.js'

/** The guard in front of servers: of the whole process without an app, of what stands beside the app with one. */
export interface ServerGuard {
  /** An HTTP server of the process; it may be the app's. Before it takes its first connection, where that can be. */
  onServer(server: HttpServer): void
  /** This is the app's. Without an app, the others are let go, but for those with the same handler. */
  onAppServer(server: HttpServer): void
  /** The guard as the adapter of the app asks it: what was decided in front of the server is not asked for again. */
  readonly guardApp: NonNullable<AppHooks['guard']>
}

export interface ServerGuardOptions {
  readonly guard: Guard
  /** What travels on from a request, as the adapter has it. */
  readonly context: AppHooks['context']
  /** Hears of requests where there is no app. */
  readonly observe: AppHooks['observe']
  /** What is around requests where there is no app. */
  readonly around: AppHooks['around']
  readonly logger: Logger
  /** The app that the adapter guards; `undefined` where there is none. */
  readonly app: () => MountedApp | undefined
  /** There is none: servers that never listen themselves are guarded as well, until one is found. */
  readonly everyServer: boolean
  readonly signal: AbortSignal
}

type Emit = HttpServer['emit']

/** The guard of one server. */
interface Gate {
  readonly server: HttpServer
  /** Lets an event through. */
  readonly go: (event: string, ...args: unknown[]) => boolean
  /** The server's only `request` listener, once it was found to be the app. */
  app: unknown
}

/** Published before the `request` event of every server of the process. */
const REQUEST_CHANNEL = 'http.server.request.start'

interface Decided {
  readonly url: string | undefined
  readonly decision: GuardDecision | Promise<GuardDecision>
}

/**
 * Guards servers by their `emit`: it runs before every present and future handler, whatever code calls `on`.
 *
 * Without an app every server of the process is guarded until one is found to be its own. With an app, the adapter
 * guards what reaches it; here it is upgrades (`new WebSocketServer({ server })`) and what a library for WebSockets
 * answers before the app is asked (`/socket.io/`).
 */
export function createServerGuard({
  guard,
  context,
  observe,
  around,
  logger,
  app,
  everyServer,
  signal,
}: ServerGuardOptions): ServerGuard {
  const hooks: AppHooks = { guard: guard.check, page: () => undefined, context, observe, around }
  const installed = new WeakSet<HttpServer>()
  const own = new Set<HttpServer>()
  const decided = new WeakMap<IncomingMessage, Decided>()
  const seenByApp = new WeakSet<IncomingMessage>()
  /** The server of the last request that reached the app. */
  let lastServer: HttpServer | undefined
  /** Something stands before the app on one of its servers. */
  let besides = false
  const warned = new Set<string>()

  const warnOnce = (what: string, message: string) => {
    if (!warned.has(what)) logger.warn(message)
    warned.add(what)
  }

  function isGuarded(server: HttpServer): boolean {
    const mounted = app()
    if (mounted) return own.has(server) || mounted.owns(server)
    return own.size === 0 || own.has(server) || [...own].some((other) => sharesHandler(server, other))
  }

  function install(server: HttpServer): void {
    if (installed.has(server)) return
    installed.add(server)
    const emit = server.emit as Gate['go']
    const gate: Gate = { server, go: (event, ...args) => emit.call(server, event, ...args), app: undefined }
    const { go } = gate
    server.emit = function (this: HttpServer, event: string, ...args: unknown[]) {
      switch (event) {
        case 'request':
        case 'checkContinue':
        case 'checkExpectation': {
          const incoming = args[0] as IncomingMessage
          const response = args[1] as ServerResponse
          if (event === 'request' && isForApp(gate, incoming)) return emit.call(server, event, incoming, response)
          if (isGuarded(server)) return request(event, incoming, response, gate)
          break
        }
        case 'upgrade':
        case 'connect':
          if (server.listenerCount(event) > 0 && isGuarded(server)) return upgrade(event, args, go)
          break
        case 'stream':
          // What is no listener of Node's own, which makes requests of streams.
          if (server.listenerCount('stream') > Math.min(1, server.listenerCount('request')) && isGuarded(server))
            return guardStream(guard.check, args[0] as Http2Stream, args[1] as Record<string, string>, () => {
              go(event, ...args)
            })
      }
      return go(event, ...args)
    } as Emit
  }

  function request(event: string, incoming: IncomingMessage, response: ServerResponse, gate: Gate): boolean {
    const { server, go } = gate
    const mounted = app()
    const handle = (failure?: Failure) => {
      if (!failure) return go(event, incoming, response)
      sendFailure(response, failure)
      return true
    }
    const refuse = (refusal: Refusal) => {
      server.emit(REFUSED_EVENT, incoming, response)
      sendRefusal(response, refusal)
      return true
    }
    if (!mounted) {
      const arrival = { request: incoming, response, url: undefined, route: noRoute }
      void handleRequest(hooks, arrival, handle, refuse)
      return true
    }
    // Handlers of such errors (Fastify's `frameworkErrors`) run before every hook.
    if (!isDecodable(incoming.url)) return before(incoming, handle, refuse)
    const beside = server.listeners('request').some((listener) => !mounted.handles?.(listener))
    if (!beside) gate.app = onlyListener(server)
    if (!beside || event !== 'request') return handle()
    besides = true
    if (server.listenerCount('upgrade') === 0) {
      response.once('finish', () => seenByApp.has(incoming) || warnBeside(incoming))
      return handle()
    }
    return before(incoming, handle, refuse)
  }

  /** Checks in front of the server; the app then reuses the decision. */
  function before(incoming: IncomingMessage, handle: () => boolean, refuse: (refusal: Refusal) => boolean): true {
    const { url } = incoming
    const decision = guard.check(incoming, url)
    besides = true
    decided.set(incoming, { url, decision })
    void decide(
      () => decision,
      incoming,
      url,
      (final) => (final.allowed ? handle() : refuse(final)),
    )
    return true
  }

  function warnBeside({ method, url = '/' }: IncomingMessage): void {
    const path = JSON.stringify(url.split('?')[0]!.slice(0, 100))
    warnOnce(
      'beside',
      `auth: ${method} ${path} was answered by another listener of the server, without the guard. Let that listener call the app, or call sidecar.check(request) in it and set auth.mount: manual`,
    )
  }

  function upgrade(event: string, args: unknown[], go: (event: string, ...args: unknown[]) => boolean): true {
    const [incoming, socket] = args as [IncomingMessage, Duplex]
    void guard.upgrade(incoming, socket).then((decision) => {
      if (decision.allowed) return void (socket.destroyed || go(event, ...args))
      warnOnce(
        'upgrade',
        'auth: an upgrade was refused because WebSockets are guarded too: auth.exclude-paths opens a path; with auth.mount: manual the app calls sidecar.guardUpgrade(request, socket)',
      )
    })
    return true
  }

  /** Whatever stands before it by now, its server is the one by which a request reached the app. */
  function noteAppServer({ socket }: IncomingMessage): void {
    const { server } = (socket ?? {}) as { server?: HttpServer }
    if (server === undefined || server === lastServer || !installed.has(server)) return
    own.add((lastServer = server))
  }

  // A server that is only handed its connections (`inner.emit('connection', socket)`) is never seen to listen.
  const onRequest = (message: unknown) => {
    const { server } = message as { server: HttpServer }
    if (!isIgnored(server)) install(server)
  }
  const ignoreRequests = () => unsubscribe(REQUEST_CHANNEL, onRequest)
  if (everyServer) {
    subscribe(REQUEST_CHANNEL, onRequest)
    signal.addEventListener('abort', ignoreRequests, { once: true })
  }

  return {
    onServer(server) {
      install(server)
      if (app()?.owns(server)) own.add(server)
    },
    onAppServer(server) {
      const known = own.has(server)
      own.add(server)
      ignoreRequests()
      install(server)
      if (app() === undefined && !known)
        logger.info(
          'auth: the guard checks every request of this server; with auth.mount: manual the app calls sidecar.check(request)',
        )
    },
    guardApp(incoming, url = incoming.url) {
      noteAppServer(incoming)
      if (!besides) return guard.check(incoming, url)
      seenByApp.add(incoming)
      const before = decided.get(incoming)
      return before?.url === url && before ? before.decision : guard.check(incoming, url)
    },
  }
}

const noRoute = () => undefined

/** The `request` listener of a server that has one only; otherwise `undefined`. */
function onlyListener(server: HttpServer): unknown {
  // Internal to node:events: a function, or a list of several.
  const { _events: events } = server as { _events?: { readonly request?: unknown } }
  return typeof events?.request === 'function' ? events.request : undefined
}

/** The common case, without a copy of the list of listeners. */
function isForApp({ server, app }: Gate, { url = '/' }: IncomingMessage): boolean {
  return app !== undefined && onlyListener(server) === app && !url.includes('%')
}

function isDecodable(url = '/'): boolean {
  if (!url.includes('%')) return true
  try {
    decodeURIComponent(withoutQuery(url))
    return true
  } catch {
    return false
  }
}

function sharesHandler(one: HttpServer, other: HttpServer): boolean {
  const handlers = other.listeners('request')
  return one.listeners('request').some((handler) => handlers.includes(handler))
}
