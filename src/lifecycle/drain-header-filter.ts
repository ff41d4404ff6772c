import { ServerResponse, type Server as HttpServer } from 'node:http'
import { DRAIN_HEADER } from '../drain-header.js'
import type { Unsubscribe } from '../types.js'

const servers = new Map<HttpServer, number>()
const ownHeaders = new WeakMap<ServerResponse, string>()

type WriteHead = ServerResponse['writeHead']
/** Node's own method, or the one that an agent has put there before. */
let original: WriteHead | undefined

/**
 * Removes every drain header but this process's own from the responses of `server`: a handler that forwards the headers
 * of another server's response must not take this instance out of the lists of its callers.
 */
export function filterDrainHeaders(server: HttpServer): Unsubscribe {
  if (servers.size === 0) patch()
  servers.set(server, (servers.get(server) ?? 0) + 1)
  let ended = false
  return () => {
    if (ended) return
    ended = true
    const left = servers.get(server)! - 1
    if (left > 0) return void servers.set(server, left)
    servers.delete(server)
    if (servers.size === 0) unpatch()
  }
}

/** Sets this process's drain header on a response. */
export function setDrainHeader(response: ServerResponse, value: string): void {
  ownHeaders.set(response, value)
  response.setHeader(DRAIN_HEADER, value)
}

// On the prototype, once: an own method would make every response slower. Node writes each head by this method, and the
// prototypes of Express inherit from this one.
function patch(): void {
  if (original) return
  original = ServerResponse.prototype.writeHead
  ServerResponse.prototype.writeHead = writeHead
}

function unpatch(): void {
  // A wrapper that was added since still calls this method, which then changes nothing.
  if (!original || ServerResponse.prototype.writeHead !== writeHead) return
  ServerResponse.prototype.writeHead = original
  original = undefined
}

const writeHead = function (this: ServerResponse, ...args: unknown[]): ServerResponse {
  if (ownHeaders.has(this) || this.hasHeader(DRAIN_HEADER) || hasDrainHeader(args[1]) || hasDrainHeader(args[2]))
    replaceHeader(this, args)
  return Reflect.apply(original!, this, args) as ServerResponse
} as WriteHead

/** Changes `args`, those of `writeHead`, and the headers that were set before. */
function replaceHeader(response: ServerResponse, args: unknown[]): void {
  const own = ownHeaders.get(response)
  if (response.headersSent || (own === undefined && !isHeld(response))) return
  if (own === undefined) response.removeHeader(DRAIN_HEADER)
  else response.setHeader(DRAIN_HEADER, own)
  for (let at = 1; at < args.length; at++) {
    const kept = withoutDrainHeader(args[at])
    // With a flat list of headers Node forgets those that were set before.
    if (own !== undefined && Array.isArray(kept))
      kept.push(...(Array.isArray(kept[0]) ? [[DRAIN_HEADER, own]] : [DRAIN_HEADER, own]))
    args[at] = kept
  }
}

function isHeld({ req }: ServerResponse): boolean {
  // node:net's own: by which server the connection came. Requests of tests (`inject`) have none.
  const { server } = (req.socket ?? {}) as { server?: HttpServer }
  return server !== undefined && servers.has(server)
}

/** The length first: it spares most names the comparison. */
function isDrainHeader(name: unknown): boolean {
  return typeof name === 'string' && name.length === DRAIN_HEADER.length && name.toLowerCase() === DRAIN_HEADER
}

/** Headers as `writeHead` takes them: an object, or a list of names and values in turn (or in pairs). */
function hasDrainHeader(headers: unknown): boolean {
  if (typeof headers !== 'object' || headers === null) return false
  if (Array.isArray(headers))
    return headers.some((name: unknown) => isDrainHeader(Array.isArray(name) ? name[0] : name))
  for (const name in headers) if (isDrainHeader(name)) return true
  return false
}

function withoutDrainHeader(headers: unknown): unknown {
  if (typeof headers !== 'object' || headers === null) return headers
  if (!Array.isArray(headers))
    return Object.fromEntries(Object.entries(headers).filter(([name]) => !isDrainHeader(name)))
  if (Array.isArray(headers[0])) return headers.filter((pair: unknown) => !isDrainHeader((pair as unknown[])[0]))
  return headers.filter((_, index) => !isDrainHeader(headers[index - (index % 2)]))
}
