import type { IncomingMessage, ServerResponse } from 'node:http'
import { looksLikePreflight } from '../util/preflight.js'
import { isProbe } from './request-tracker.js'

/** A request that has come in, and is not answered yet. */
interface Incoming {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** Answered like this, a request was turned away. */
const REFUSED: ReadonlySet<number> = new Set([401, 403, 429, 503])

/**
 * Notices the first request that the app serves: `sidecar.register-on: request`.
 *
 * @param onServed called once, when the answer begins
 * @returns is to be called with each request
 */
export function createFirstRequest(onServed: () => void): (incoming: Incoming) => void {
  let served = false

  function onAnswer(status: number): void {
    if (served || REFUSED.has(status)) return
    served = true
    onServed()
  }

  return ({ request, response }) => {
    if (served || isProbe(request) || looksLikePreflight(request)) return
    const { writeHead } = response
    // An answer that is streamed for hours begins with its head.
    response.writeHead = function (this: ServerResponse, ...head: Parameters<typeof writeHead>) {
      response.writeHead = writeHead
      onAnswer(Number(head[0]))
      return Reflect.apply(writeHead, this, head)
    } as typeof writeHead
    // HTTP/2 writes the head of most answers by itself.
    response.once('finish', () => onAnswer(response.statusCode))
  }
}
