import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { isHttpServer, REFUSED_EVENT } from '../lifecycle/http-server.js'
import type { Adapter, AppHooks, DirectPage, GuardMiddleware } from './adapter.js'
import { decide, handleRequest } from './admission.js'
import { insteadOf404 } from './instead-of-404.js'
import { sendFailure, sendPage, sendRefusal } from './send-json.js'

type Emit = (event: string, ...args: unknown[]) => boolean

/** What Node emits with a request and its response. */
const REQUESTS: ReadonlySet<unknown> = new Set(['request', 'checkContinue', 'checkExpectation'])

/**
 * A server of `node:http`, `node:https` or `node:http2` as an app: its `emit` comes before every `request` listener there is or will
 * be. Unlike a sidecar without an app, it leaves the other servers of the process alone.
 */
export const nodeServer: Adapter = {
  framework: 'node:http',
  matches: isHttpServer,

  mount(app, hooks) {
    const server = app as Server
    const emit = server.emit as Emit
    const go = (event: string, request: IncomingMessage, response: ServerResponse) =>
      route(() => emit.call(server, event, request, response), hooks, server, request, response)
    server.emit = function (event: string, ...args: unknown[]) {
      // Without a listener of its own, Node makes a `request` of the others.
      if (!REQUESTS.has(event) || (event !== 'request' && server.listenerCount(event) === 0))
        return emit.call(server, event, ...args)
      const [request, response] = args as [IncomingMessage, ServerResponse]
      void handleRequest(
        hooks,
        { request, response, url: undefined, route: () => undefined },
        (failure) => (failure ? sendFailure(response, failure) : go(event, request, response)),
        (refusal) => {
          emit.call(server, REFUSED_EVENT, request, response)
          sendRefusal(response, refusal)
        },
      )
      return true
    } as Server['emit']
    return {
      framework: 'node:http',
      owns: (other) => other === server,
      // All of them come after the guard.
      handles: () => true,
    }
  },

  middleware(guard) {
    const middleware = (request: IncomingMessage, response: ServerResponse, next: () => void) =>
      void decide(guard, request, undefined, (decision) =>
        decision.allowed ? next() : sendRefusal(response, decision),
      )
    return middleware as GuardMiddleware
  },
}

/** A page of ours where the app would answer 404, or not at all. */
function route(
  handle: () => boolean,
  hooks: AppHooks,
  server: Server,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const page: DirectPage | undefined = hooks.page(request, response, request.url ?? '/')
  if (server.listenerCount('request') === 0) return sendPage(response, page ?? (() => NOT_FOUND))
  if (page) insteadOf404(response, () => sendPage(response, page))
  handle()
}

const NOT_FOUND = { status: 404, body: { error: 'Not Found' } }
