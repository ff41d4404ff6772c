import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { refusalHeaders, type Refusal } from '../auth/decision.js'
import type { Adapter, AppHooks, Arrival, DirectPage, GuardMiddleware, KoaGuard } from './adapter.js'
import { decide, handleRequest } from './admission.js'

type Next = () => Promise<unknown>
type KoaMiddleware = (context: KoaContext, next: Next) => Promise<unknown>
type Callback = (request: IncomingMessage, response: ServerResponse) => unknown

/** What both majors share and this adapter needs. */
interface KoaContext {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly originalUrl: string
  /** By `app.proxy`. */
  readonly ip: string
  /** Where koa-mount has put the app. */
  readonly mountPath?: string
  readonly headerSent: boolean
  readonly respond?: boolean
  /** Of @koa/router and koa-router: the pattern of the route, its prefixes included. */
  readonly _matchedRoute?: unknown
  status: number
  body: unknown
  /** Koa's own; `body` where a parser has put it there. */
  readonly request?: { readonly body?: unknown }
  set(headers: Readonly<Record<string, string>>): void
}

interface KoaApp {
  readonly middleware: KoaMiddleware[]
  callback(): Callback
  handleRequest(context: KoaContext, composed: (context: KoaContext) => Promise<unknown>): Promise<unknown>
}

/**
 * Koa 2 and 3. `handleRequest` comes before all middleware, also what is put first later on, and works for a callback
 * made before; an app inside koa-mount is composed from its middleware list and has the same entry first there.
 */
export const koa: Adapter = {
  framework: 'koa',
  matches: isKoaApp,

  mount(app, hooks) {
    const mounted = app as KoaApp
    const entry = entryOf(hooks)
    const { handleRequest, callback } = mounted
    const callbacks = new Set<unknown>()

    mounted.middleware.unshift(entry)
    mounted.handleRequest = function (context, composed) {
      return handleRequest.call(this, context, () => entry(context, () => composed(context)))
    }
    mounted.callback = function () {
      const made = callback.call(this)
      callbacks.add(made)
      return made
    }
    return {
      framework: 'koa',
      owns: (server) => owns(callbacks, server),
      handles: (listener) => callbacks.has(listener),
    }
  },

  middleware(guard) {
    const middleware: KoaGuard = async (given, next) => {
      const context = given as KoaContext
      return decide(guard, context.req, routedUrl(context), (decision) =>
        decision.allowed ? next() : replyRefusal(context, decision),
      )
    }
    return middleware as GuardMiddleware
  },
}

function isKoaApp(app: unknown): app is KoaApp {
  if (typeof app !== 'object' || app === null) return false
  const { middleware, callback, handleRequest, createContext } = app as Record<string, unknown>
  return (
    Array.isArray(middleware) &&
    [callback, handleRequest, createContext].every((method) => typeof method === 'function')
  )
}

/** The first of the two places that lets a request in is the one that handles it; one refused is asked for again. */
function entryOf(hooks: AppHooks): KoaMiddleware {
  // The context of this app alone: an app inside koa-mount has the same one.
  const entered = Symbol('entered')
  return (context: KoaContext & { [entered]?: true }, next) => {
    if (context[entered]) return next()
    const entering = handleRequest(
      hooks,
      arrivalOf(context),
      (failure) => {
        if (failure) return Promise.reject(failure.error as Error)
        context[entered] = true
        return route(hooks, context, next)
      },
      (refusal) => replyRefusal(context, refusal),
    )
    return entering as Promise<unknown>
  }
}

function arrivalOf(context: KoaContext): Arrival {
  const { req: request, res: response, mountPath = '' } = context
  const route = () => (context._matchedRoute === undefined ? undefined : mountPath + String(context._matchedRoute))
  return { request, response, url: routedUrl(context), route, client: () => context.ip }
}

/** koa-mount cuts the prefix off `url`; the request as it came has it all, unless other middleware has rewritten it. */
function routedUrl({ req, originalUrl, mountPath }: KoaContext): string | undefined {
  if (mountPath === undefined || req.url === undefined) return req.url
  return originalUrl.endsWith(req.url) ? originalUrl : mountPath + req.url
}

function route(hooks: AppHooks, context: KoaContext, next: Next): Promise<unknown> {
  const page = hooks.page(context.req, context.res, routedUrl(context) ?? '/')
  if (!page) return next()
  const unrouted = () => answerUnrouted(context, page)
  return next().then(unrouted, (error: unknown) => {
    if ((error as { status?: unknown } | undefined)?.status !== 404) throw error
    context.status = 404
    return unrouted()
  })
}

/** No route answers it: Koa would send 404, or a catch-all handler does. */
async function answerUnrouted(context: KoaContext, page: DirectPage): Promise<void> {
  if (context.status !== 404 || context.headerSent || context.respond === false) return
  const { status, body, headers = {} } = await page(context.request?.body)
  context.status = status
  context.set(headers)
  context.body = status === 204 ? null : body
}

async function replyRefusal(context: KoaContext, refusal: Refusal): Promise<void> {
  context.status = refusal.status
  context.set(refusalHeaders(refusal))
  context.body = refusal.body
}

/** A callback made before the mount was not seen, nor one that is inside of another app: the probe finds those. */
function owns(callbacks: ReadonlySet<unknown>, server: Server): boolean {
  return server.listeners('request').some((listener) => callbacks.has(listener))
}
