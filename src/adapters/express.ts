import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Adapter, AppHooks, DirectPage, ExpressGuard, GuardMiddleware } from './adapter.js'
import { decide, handleRequest } from './admission.js'
import { createRouteFinder } from './express-route.js'
import { sendPage, sendRefusal } from './send-json.js'
import { insteadOf404 } from './instead-of-404.js'

type Out = (error?: unknown) => void
type Handle = (this: ExpressApp, request: ExpressRequest, response: ServerResponse, out?: Out) => void
type ExpressRequest = IncomingMessage & { readonly baseUrl?: string; readonly body?: unknown }

/** What both majors share and this adapter needs. */
interface ExpressApp {
  (request: IncomingMessage, response: ServerResponse): void
  handle: Handle
  readonly parent?: ExpressApp
  /** What its requests inherit from. */
  readonly request: object
}

/**
 * Express 4 and 5. Every request to an app, whether it comes from a server, from a parent app or from a caller of
 * `app(req, res)`, goes through the property `app.handle`, so wrapping it comes before every route there is or will be.
 */
export const express: Adapter = {
  framework: 'express',
  matches: isExpressApp,

  mount(app, hooks) {
    const mounted = app as ExpressApp
    const handle = mounted.handle
    const routeOf = createRouteFinder(mounted)
    const client = (request: ExpressRequest) => clientOf(mounted, request)
    mounted.handle = function (request, response, out) {
      void handleRequest(
        hooks,
        { request, response, url: routedUrl(request), route: () => routeOf(request), client },
        (failure) =>
          failure
            ? handle.call(failing(this, failure.error), request, response, out)
            : route(this, handle, hooks, request, response, out),
        (refusal) => sendRefusal(response, refusal),
      )
    }
    return {
      framework: 'express',
      owns: (server) => server.listeners('request').some((listener) => isOrHolds(listener, mounted)),
      handles: (listener) => isOrHolds(listener, mounted),
    }
  },

  middleware(guard) {
    const middleware: ExpressGuard = (request, response, next) =>
      void decide(guard, request, routedUrl(request), (decision) =>
        decision.allowed ? next() : sendRefusal(response, decision),
      )
    return middleware as GuardMiddleware
  },
}

function isExpressApp(app: unknown): app is ExpressApp {
  if (typeof app !== 'function') return false
  const { handle, use, set, settings } = app as unknown as Record<string, unknown>
  // A Router has no settings, a connect app no `set`.
  return (
    typeof handle === 'function' &&
    typeof use === 'function' &&
    typeof set === 'function' &&
    typeof settings === 'object'
  )
}

/** A mounted app or router gets the rest of the path in `url` and what it was mounted at in `baseUrl`. */
function routedUrl({ baseUrl, url }: ExpressRequest): string | undefined {
  return baseUrl ? baseUrl + url : url
}

/** `request.ip`, by `trust proxy`, of a request that Express has not prepared yet. */
function clientOf(app: ExpressApp, { headers, socket }: ExpressRequest): string | undefined {
  return Reflect.get(app.request, 'ip', { app, headers, socket, connection: socket }) as string | undefined
}

function route(
  app: ExpressApp,
  handle: Handle,
  hooks: AppHooks,
  request: ExpressRequest,
  response: ServerResponse,
  out: Out | undefined,
): void {
  const page = hooks.page(request, response, routedUrl(request) ?? '/')
  if (!page) return handle.call(app, request, response, out)
  insteadOf404(response, () => sendPage(response, page, request.body))
  handle.call(app, request, response, unrouted(page, app, handle, request, response, out))
}

/** What happens to a request for a page of ours that no route of the app has answered. */
function unrouted(
  page: DirectPage,
  app: ExpressApp,
  handle: Handle,
  request: ExpressRequest,
  response: ServerResponse,
  out: Out | undefined,
): Out {
  return (error) => {
    if (!error && !response.headersSent) return sendPage(response, page, request.body)
    if (out) return out(error)
    // Express handles an error finally inside `handle`: run it once more, with a router that only fails.
    handle.call(withRouter(app, { handle: (_request, _response, done) => done(error) }), request, response)
  }
}

/** The part of Express's routers that both majors share. */
interface Router {
  handle(request: unknown, response: unknown, done: Out): void
}
type AppRouter = Router & { readonly stack: { readonly name?: string }[]; use(middleware: unknown): unknown }

function withRouter(app: ExpressApp, router: Router): ExpressApp {
  return Object.create(app, { _router: { value: router }, router: { value: router } }) as ExpressApp
}

/** The first layers of Express 4 make its request and response. */
const PREPARING = ['query', 'expressInit']

/** The app as it is when its first middleware fails: its own error handlers come next. */
function failing(app: ExpressApp, error: unknown): ExpressApp {
  // Express 4 has its router once it has a route, and throws where `router` is asked for.
  const { lazyrouter } = app as { lazyrouter?: unknown }
  const own = (app as { _router?: AppRouter; router?: AppRouter })[lazyrouter ? '_router' : 'router']
  const fail = (_request: unknown, _response: unknown, done: Out) => done(error)
  if (!Array.isArray(own?.stack)) return withRouter(app, { handle: fail })
  const { stack } = own
  const first = stack.findIndex(({ name }) => !PREPARING.includes(name ?? ''))
  const at = first === -1 ? stack.length : first
  // Only a router makes layers as its own version has them.
  own.use(fail)
  const layer = stack.pop()!
  const withLayer = [...stack.slice(0, at), layer, ...stack.slice(at)]
  return withRouter(app, Object.create(own, { stack: { value: withLayer } }) as Router)
}

/** A server calls the app itself, or the app it is mounted in. */
function isOrHolds(listener: unknown, app: ExpressApp): boolean {
  for (let at: ExpressApp | undefined = app; at; at = at.parent) if (listener === at) return true
  return false
}
