import { SidecarError } from '../errors.js'
import { bind, type BoundCall } from './bind.js'
import type { Breaker } from '../calls/breaker.js'
import { CallFigure } from '../calls/call-figure.js'
import { Call } from './call.js'
import { callError } from './errors.js'
import { LayeredCall } from './layered-call.js'
import type { CompiledMethod } from './method.js'
import { misused } from './invalid-call.js'
import type { FallbackFunction } from './options.js'
import { discardStream, isStream } from './streams.js'

/** Makes one call. Every failure is a rejection, never a throw. */
export function invoke(method: CompiledMethod, args: readonly unknown[]): Promise<unknown> {
  let bound: BoundCall
  let streams: boolean
  try {
    bound = bind(method, args)
    const { body } = bound
    streams = typeof body === 'object' && body !== null && isStream(body)
  } catch (error) {
    for (const value of args) discardAll(value)
    return Promise.reject(misused(method, error))
  }
  const sent = sendAll(method, bound, args)
  // Whatever becomes of the call, a stream it was to send is not left open.
  return streams ? sent.finally(() => discardStream(bound.body)) : sent
}

function discardAll(argument: unknown): void {
  try {
    discardStream(argument)
    discardStream((argument as { body?: unknown } | null | undefined)?.body)
  } catch {
    // It cannot be read, which is what the call is refused for.
  }
}

function sendAll(method: CompiledMethod, bound: BoundCall, args: readonly unknown[]): Promise<unknown> {
  const result = method.breaker === undefined ? send(method, bound) : throughBreaker(method, method.breaker, bound)
  return method.fallback === undefined ? result : orFallback(method, method.fallback, args, result)
}

function send(method: CompiledMethod, bound: BoundCall): Promise<unknown> {
  return method.interceptors.length === 0
    ? new Call(method, bound, method.readResponse, method.figures).start()
    : new LayeredCall(method, bound).start()
}

function throughBreaker(method: CompiledMethod, breaker: Breaker, bound: BoundCall): Promise<unknown> {
  return breaker.execute(
    () => send(method, bound),
    () => {
      const why = 'the circuit of this service is open after too many failures; nothing was sent'
      const facts = { service: method.service, method: method.verb, url: bound.path, attempts: 0 }
      const error = callError('SIDECAR_CIRCUIT_OPEN', why, facts)
      const figure = new CallFigure(method.figures)
      figure.start()
      figure.end(0, error)
      return error
    },
  )
}

async function orFallback(
  method: CompiledMethod,
  fallback: FallbackFunction,
  args: readonly unknown[],
  result: Promise<unknown>,
) {
  try {
    return await result
  } catch (error) {
    const ours =
      error instanceof SidecarError && error.code !== 'SIDECAR_CALL_INVALID' && error.code !== 'SIDECAR_CALL_ABORTED'
    if (!ours) throw error
    return fallback(error, { method: method.property, args })
  }
}
