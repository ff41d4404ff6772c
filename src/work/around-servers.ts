import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import type { AroundRequests, Failure } from '../adapters/adapter.js'
import { sendFailure, sendRefusal } from '../adapters/send-json.js'
import type { Arounds } from './arounds.js'

const noRoute = () => undefined

/**
 * For servers of plain `node:http`, where no adapter and no guard hears of a request before its handler. Nothing is changed on a server
 * before something is around requests.
 *
 * @returns is told each server of the app
 */
export function aroundServers(arounds: Arounds, around: AroundRequests): (server: HttpServer) => void {
  const installed = new WeakSet<HttpServer>()

  function install(server: HttpServer): void {
    if (installed.has(server)) return
    installed.add(server)
    const emit = server.emit as (event: string, ...args: unknown[]) => boolean
    server.emit = function (this: HttpServer, event: string, ...args: unknown[]) {
      const go = () => emit.call(server, event, ...args)
      if (!around.active || (event !== 'request' && event !== 'checkContinue')) return go()
      const [request, response] = args as [IncomingMessage, ServerResponse]
      const arrival = { request, response, url: undefined, route: noRoute }
      const handle = (failure?: Failure) => (failure ? sendFailure(response, failure) : go())
      void around.serve<unknown>(arrival, handle, (refusal) => sendRefusal(response, refusal))
      return true
    } as HttpServer['emit']
  }

  return (server) => arounds.onRequests(() => install(server))
}
