import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import type { Served } from './served-requests.js'

/** Published before the `request` event of every HTTP server of the process. */
const REQUEST_CHANNEL = 'http.server.request.start'

interface RequestStart {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly server: HttpServer
}

const noRoute = () => undefined

/**
 * For a server of plain `node:http`, where no adapter and no guard hears of its requests: `observe` hears of those of the
 * servers that are given to the function it returns.
 */
export function observeServers(observe: (served: Served) => void, signal: AbortSignal): (server: object) => void {
  const servers = new WeakSet<object>()
  let following = false
  const onRequest = (message: unknown) => {
    const { request, response, server } = message as RequestStart
    if (servers.has(server)) observe({ request, response, url: undefined, route: noRoute })
  }
  return (server) => {
    servers.add(server)
    if (following || signal.aborted) return
    following = true
    subscribe(REQUEST_CHANNEL, onRequest)
    signal.addEventListener('abort', () => unsubscribe(REQUEST_CHANNEL, onRequest), { once: true })
  }
}
