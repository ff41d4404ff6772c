import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Server as HttpServer, ServerResponse } from 'node:http'
import { DRAIN_HEADER } from '../drain-header.js'
import type { Unsubscribe } from '../types.js'

/** Publishes each request of node:http before any listener runs. */
const CHANNEL = 'http.server.request.start'

const servers = new Map<HttpServer, number>()
const ownHeaders = new WeakMap<ServerResponse, string>()

/**
 * Removes every drain header but this process's own from the responses of `server`: a handler that forwards the headers
 * of another server's response must not take this instance out of the lists of its callers.
 */
export function filterDrainHeaders(server: HttpServer): Unsubscribe {
  if (servers.size === 0) subscribe(CHANNEL, onStart)
  servers.set(server, (servers.get(server) ?? 0) + 1)
  let ended = false
  return () => {
    if (ended) return
    ended = true
    const left = servers.get(server)! - 1
    if (left > 0) return void servers.set(server, left)
    servers.delete(server)
    if (servers.size === 0) unsubscribe(CHANNEL, onStart)
  }
}

/** Sets this process's drain header on a response. */
export function setDrainHeader(response: ServerResponse, value: string): void {
  ownHeaders.set(response, value)
  response.setHeader(DRAIN_HEADER, value)
}

function onStart(message: unknown): void {
  const { server, response } = message as { server: HttpServer; response: ServerResponse }
  if (servers.has(server)) response.writeHead = writeHead
}

// One for all answers; Node itself comes by it where the app never calls it.
const writeHead = function (this: ServerResponse, ...args: unknown[]): ServerResponse {
  const own = ownHeaders.get(this)
  const at = typeof args[1] === 'string' ? 2 : 1
  const kept = args.map((arg, index) => (index === at ? withoutDrainHeader(arg) : arg))
  if (own !== undefined) this.setHeader(DRAIN_HEADER, own)
  else if (this.hasHeader(DRAIN_HEADER)) this.removeHeader(DRAIN_HEADER)
  const { writeHead: original } = Object.getPrototypeOf(this) as { writeHead: (...args: unknown[]) => ServerResponse }
  // With a flat list of headers Node forgets those that were set before.
  const list = kept[at]
  if (own !== undefined && Array.isArray(list))
    kept[at] = Array.isArray(list[0]) ? [...list, [DRAIN_HEADER, own]] : [...list, DRAIN_HEADER, own]
  return Reflect.apply(original, this, kept)
} as ServerResponse['writeHead']

const isDrainHeader = (name: unknown) => typeof name === 'string' && name.toLowerCase() === DRAIN_HEADER

/** Headers as `writeHead` accepts them: an object, or a list of names and values in turn (or in pairs). */
function withoutDrainHeader(headers: unknown): unknown {
  if (typeof headers !== 'object' || headers === null) return headers
  if (!Array.isArray(headers)) {
    const names = Object.keys(headers)
    if (!names.some(isDrainHeader)) return headers
    return Object.fromEntries(Object.entries(headers).filter(([name]) => !isDrainHeader(name)))
  }
  if (Array.isArray(headers[0])) return headers.filter((pair: unknown) => !isDrainHeader((pair as unknown[])[0]))
  return headers.filter((_, index) => !isDrainHeader(headers[index - (index % 2)]))
}
