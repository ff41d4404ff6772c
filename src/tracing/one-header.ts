import { channel, subscribe } from 'node:diagnostics_channel'

/** By which tracers that know no suppressed context (dd-trace and other agents) add headers to requests of undici. */
const REQUESTS = 'undici:request:create'
const requests = channel(REQUESTS)
let watching = false

/**
 * From now on a request of undici that two have given a trace keeps the later one, which is the tracer's own: with two headers the
 * next hop would begin a new trace. Nothing is watched in a process in which no tracer listens.
 */
export function keepOneTrace(): void {
  if (watching || !requests.hasSubscribers) return
  watching = true
  subscribe(REQUESTS, onRequest)
}

interface UndiciRequest {
  readonly headers: unknown
  addHeader?(name: string, value: string): unknown
}

/** Whether the tracers listen before this, or after it. */
function onRequest(message: unknown): void {
  const { request } = message as { request: UndiciRequest }
  const { headers, addHeader } = request
  if (!Array.isArray(headers)) return
  for (const name of TRACE) dropEarlier(headers, name, false)
  if (addHeader === undefined) return
  request.addHeader = function (name, value) {
    const own = name.toLowerCase()
    if (TRACE.includes(own)) dropEarlier(headers, own, true)
    return addHeader.call(this, name, value)
  }
}

const TRACE = ['traceparent', 'tracestate']

/** @param later one is there, or comes */
function dropEarlier(headers: unknown[], name: string, later: boolean): void {
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    const present = headers[i]
    if (typeof present !== 'string' || present.length !== name.length || present.toLowerCase() !== name) continue
    if (later) headers.splice(i, 2)
    later = true
  }
}
