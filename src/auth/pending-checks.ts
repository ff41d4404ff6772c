import type { IncomingMessage } from 'node:http'
import type { Logger } from '../logger.js'

/** Reserves a place among the checks under way. */
export interface PendingChecks {
  /** @returns what gives the place back; `undefined` where there is none left for this connection, or for any. */
  start(request: IncomingMessage): (() => void) | undefined
  /** How many are under way. */
  readonly count: number
}

/**
 * Limits the checks under way: each holds a request and mostly a socket, and an attacker can invent tokens faster than
 * they can be checked. One connection, on which any number of requests may come at once, has at most half of all
 * places.
 */
export function createPendingChecks(max: number, logger: Logger): PendingChecks {
  const perConnection = Math.max(1, Math.ceil(max / 2))
  const counts = new WeakMap<object, number>()
  let all = 0
  let warned = false

  return {
    get count() {
      return all
    },
    start(request) {
      const connection = connectionOf(request)
      const own = counts.get(connection) ?? 0
      if (all >= max || own >= perConnection) {
        if (!warned)
          logger.warn(
            `auth: ${all} token checks are pending (${own} from one connection): further requests get 503 until some finish. Check the auth service and the client that sends them, or raise auth.max-pending (${max})`,
          )
        warned = true
        return undefined
      }
      all++
      counts.set(connection, own + 1)
      return () => {
        counts.set(connection, counts.get(connection)! - 1)
        if (--all === 0) warned = false
      }
    },
  }
}

/** Streams of HTTP/2 share a session. */
function connectionOf(request: IncomingMessage): object {
  const { stream } = request as { stream?: { readonly session?: object } }
  return stream?.session ?? request.socket ?? request
}
