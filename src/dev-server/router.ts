import type { Params } from './body.js'
import { errorPage } from './reply.js'
import type { Reply } from './reply.js'

export type Api = 'v1' | 'v3'

/** A request as a handler sees it. */
export interface Call {
  readonly method: string
  /** As sent, with the `/nacos` in front. */
  readonly path: string
  readonly params: Params
  /** Header by its lower-case name. */
  header(name: string): string | undefined
  /** Address of the caller. */
  readonly remote: string
  /** Aborted when the caller is gone or the server stops. */
  readonly signal: AbortSignal
}

export type Handler = (call: Call) => Reply | Promise<Reply>

export interface Route {
  readonly handler: Handler
  /** Needs no token. */
  readonly open: boolean
  /** Which recorded server the answers follow; decides how a refusal is worded. */
  readonly api: Api
}

/** `METHOD /path` (without `/nacos`) to its handler. */
export type Routes = Readonly<Record<string, Handler>>

export interface Router {
  add(api: Api, routes: Routes, options?: { open?: boolean }): void
  /** The route, or the answer for there being none. */
  find(method: string, path: string): Route | { readonly refusal: Reply }
}

/** @param apis what this server plays; the rest is refused as the recorded servers refuse what they lack. */
export function createRouter(apis: readonly Api[]): Router {
  const table = new Map<string, Map<string, Route>>()

  return {
    add(api, routes, { open = false } = {}) {
      if (!apis.includes(api)) return
      for (const [key, handler] of Object.entries(routes)) {
        const [method, path] = key.split(' ') as [string, string]
        const methods = table.get(`/nacos${path}`) ?? new Map<string, Route>()
        methods.set(method, { handler, open, api })
        table.set(`/nacos${path}`, methods)
      }
    },

    find(method, path) {
      const methods = table.get(path)
      const route = methods?.get(method === 'HEAD' ? 'GET' : method)
      if (route) return route
      return { refusal: noSuchRoute(method, path, methods ? [...methods.keys()] : undefined, apis) }
    },
  }
}

function noSuchRoute(
  method: string,
  path: string,
  allowed: readonly string[] | undefined,
  apis: readonly Api[],
): Reply {
  if (/^\/nacos\/v[12]\//.test(path) && !apis.includes('v1')) {
    const why = 'Current API will be deprecated, please use API(s) below `${contextPath:nacos}/v3/` instead.'
    return errorPage(410, JSON.stringify({ code: 40_000, message: why }), path)
  }
  if (path.startsWith('/nacos/v1/ns/')) return errorPage(501, `no such api:${method}:${path}`, path)
  if (allowed) {
    const page = errorPage(405, `Method '${method}' is not supported.`, path)
    return { ...page, headers: { Allow: allowed.join(', ') } }
  }
  const spring6 = path.startsWith('/nacos/v3/') && apis.includes('v3')
  return errorPage(404, spring6 ? `No endpoint ${method} ${path}.` : 'No message available', path)
}
