import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { refusalHeaders, type Refusal } from '../auth/decision.js'
import { SidecarError } from '../errors.js'
import type { Adapter, AppHooks, FastifyGuard, GuardMiddleware, Handle } from './adapter.js'
import { decide, handleRequest } from './admission.js'
import { sendRefusal } from './send-json.js'

/** What both majors share and this adapter needs. */
interface FastifyRequest {
  readonly raw: IncomingMessage
  readonly is404: boolean
  /** By `trustProxy`. */
  readonly ip: string
  readonly routeOptions?: { readonly url?: string | undefined }
}
interface FastifyReply {
  readonly raw: ServerResponse
  code(status: number): FastifyReply
  header(name: string, value: string): FastifyReply
  headers(headers: Readonly<Record<string, string>>): FastifyReply
  send(body: unknown): FastifyReply
}
type OnRequest = (request: FastifyRequest, reply: FastifyReply, done: (error?: unknown) => void) => void

interface FastifyApp {
  readonly server: Server
  addHook(name: 'onRequest', hook: OnRequest): unknown
  close(callback?: (error: unknown) => void): unknown
}

/** Fastify 4 and 5, by an `onRequest` hook: after routing (and `rewriteUrl`), before anything of the app runs. */
export const fastify: Adapter = {
  framework: 'fastify',
  matches: isFastifyApp,

  mount(app, hooks) {
    const root = rootOf(app as FastifyApp)
    throwIfReady(root)
    // Its own, before other code wraps it.
    const handlers = root.server.listeners('request')
    putFirst(root, onRequest(hooks))
    if (hooks.guard) guardUndecodable(root, hooks.guard)
    return {
      framework: 'fastify',
      // Listening on `localhost` opens further servers, for ::1, with the same listener.
      owns: (server) =>
        server === root.server ||
        server.listeners('request').some((own) => root.server.listeners('request').includes(own)),
      handles: (listener) => handlers.includes(listener as (typeof handlers)[number]),
      onListening(callback) {
        if (root.server.listening) callback(root.server)
        else root.server.once('listening', () => callback(root.server))
      },
      holdClose(drained, ended) {
        const close = root.close
        let drain: Promise<void> | undefined
        let end: Promise<void> | undefined
        // Fastify answers 503 from the moment it closes: nothing of that may start before the drain is over.
        root.close = function (callback) {
          drain ??= drained()
          const closed = drain.then(() => close.call(this)).finally(() => (end ??= ended?.()))
          if (!callback) return closed
          closed.then(() => callback(null), callback)
          return this
        }
      },
    }
  },

  middleware(guard) {
    const middleware: FastifyGuard = (request, reply, done) =>
      void decide(guard, request.raw, undefined, (decision) =>
        decision.allowed ? done() : replyRefusal(reply as FastifyReply, decision),
      )
    return middleware as GuardMiddleware
  },
}

function isFastifyApp(app: unknown): app is FastifyApp {
  if (typeof app !== 'object' || app === null) return false
  const { addHook, register, route, inject, server } = app as Record<string, unknown>
  return (
    [addHook, register, route, inject].every((method) => typeof method === 'function') && typeof server === 'object'
  )
}

/** A plugin's instance inherits from the one it was registered on. */
function rootOf(app: FastifyApp): FastifyApp {
  const above: unknown = Object.getPrototypeOf(app)
  return isFastifyApp(above) ? rootOf(above) : app
}

/** From `onReady` on, hooks are bound to their routes: one more would be accepted and never run. */
function throwIfReady(root: FastifyApp): void {
  const state = internal<Record<string, unknown>>(root, 'fastify.state')
  if (!state?.['started'] && !state?.['booting'] && !state?.['ready']) return
  throw new SidecarError(
    'SIDECAR_APP_UNSUPPORTED',
    'this Fastify app is ready: its routes can no longer be guarded. Call initSidecar(app) before app.ready(), app.listen() and app.inject()',
  )
}

function onRequest(hooks: AppHooks): OnRequest {
  return (request, reply, done) => {
    const { raw } = request
    const handle: Handle<void> = (failure) => {
      if (failure) return done(failure.error)
      const page = request.is404 ? hooks.page(raw, reply.raw, raw.url ?? '/') : undefined
      if (!page) return done()
      void Promise.resolve(page()).then(({ status, body, headers = {} }) =>
        reply.code(status).headers(headers).send(body),
      )
    }
    const arrival = {
      request: raw,
      response: reply.raw,
      url: undefined,
      route: () => routeOf(request),
      client: () => request.ip,
    }
    void handleRequest(hooks, arrival, handle, (refusal) => replyRefusal(reply, refusal))
  }
}

function routeOf({ is404, routeOptions }: FastifyRequest): string | undefined {
  return is404 ? undefined : routeOptions?.url
}

function replyRefusal(reply: FastifyReply, refusal: Refusal): void {
  reply.code(refusal.status).headers(refusalHeaders(refusal)).send(refusal.body)
}

/**
 * `addHook` reaches every route, but comes after the hooks that are there already, and one of those may serve
 * requests itself (`middie`, `@fastify/express`). So the hook goes to the front of each instance's list where the
 * lists are what both majors have; instances made later copy it.
 */
function putFirst(app: FastifyApp, hook: OnRequest): void {
  const lists = hookLists(app)
  if (!lists) return void app.addHook('onRequest', hook)
  for (const list of lists) list.unshift(hook)
}

function hookLists(app: FastifyApp): OnRequest[][] | undefined {
  const list = internal<{ onRequest?: unknown }>(app, 'fastify.hooks')?.onRequest
  const children = internal<unknown>(app, 'fastify.children')
  if (!Array.isArray(list) || !Array.isArray(children)) return undefined
  const lists = [list as OnRequest[]]
  for (const child of children as FastifyApp[]) {
    const below = hookLists(child)
    if (!below) return undefined
    lists.push(...below)
  }
  return lists
}

type OnBadUrl = (this: unknown, path: string, request: IncomingMessage, response: ServerResponse) => void

/** Fastify 4 gives a target that its 404 router cannot decode to the app's own 404 handler, without any hook. */
function guardUndecodable(root: FastifyApp, guard: NonNullable<AppHooks['guard']>): void {
  const router = internal<{ router?: { onBadUrl?: OnBadUrl | null } }>(root, 'fastify.404')?.router
  const handle = router?.onBadUrl
  if (!router || !handle) return
  router.onBadUrl = function (path, request, response) {
    void decide(guard, request, undefined, (decision) =>
      decision.allowed ? handle.call(this, path, request, response) : sendRefusal(response, decision),
    )
  }
}

function internal<T>(app: FastifyApp, description: string): T | undefined {
  const symbol = Object.getOwnPropertySymbols(app).find((own) => own.description === description)
  return symbol && (app as unknown as Record<symbol, T>)[symbol]
}
