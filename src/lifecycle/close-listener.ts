import type { Server as HttpServer } from 'node:http'
import { setImmediate as turn } from 'node:timers/promises'

/** Node's default backlog: after so many connections, all that were queued at the start are accepted. */
const BACKLOG = 512
/** The limit, however slow the machine is. */
export const BACKLOG_DRAIN_MS = 1_500
/** The backlog counts as empty after no connection for so long, longer than a caller takes to reconnect … */
const QUIET_MS = 5
/** … and for so many turns of the event loop, each of which accepts one connection: time may pass in a single turn … */
const QUIET_TURNS = 3
/** … each of them short: a connection that arrives during a long turn is accepted only in the next one … */
const QUICK_MS = 0.5
/** … unless all turns are long: requests must not wait for ever. */
const UNHURRIED_MS = 250

/**
 * Accepts all connections already in the backlog, then stops listening. The kernel resets connections that are made but
 * not accepted; their callers may have sent a POST already and cannot know that it was not read. Requests wait
 * meanwhile: under load, answering one lets the next ones queue up.
 */
export async function drainBacklogAndClose(server: HttpServer, closeListener: () => void): Promise<void> {
  const waiting: unknown[][] = []
  const emit = Object.getOwnPropertyDescriptor(server, 'emit')
  const emitNow = server.emit.bind(server) as (event: string, ...args: unknown[]) => boolean
  let accepted = 0
  server.emit = ((event: string, ...args: unknown[]) => {
    if (event === 'request') return (waiting.push(args), true)
    if (event === 'connection' || event === 'secureConnection') accepted++
    return emitNow(event, ...args)
  }) as HttpServer['emit']

  const began = performance.now()
  let now = began
  let quietFrom = began
  let quietTurns = 0
  while (accepted < BACKLOG && now - began < BACKLOG_DRAIN_MS) {
    const [before, lookedAt] = [accepted, now]
    await turn()
    now = performance.now()
    if (accepted > before) quietFrom = now
    const quick = now - lookedAt < QUICK_MS || now - began > UNHURRIED_MS
    quietTurns = accepted === before && quick ? quietTurns + 1 : 0
    // Judged by the time of the check: later connections are not counted yet.
    if (quietTurns >= QUIET_TURNS && now - quietFrom >= QUIET_MS) break
  }
  closeListener()
  if (emit) Object.defineProperty(server, 'emit', emit)
  else Reflect.deleteProperty(server, 'emit')
  for (const args of waiting) emitNow('request', ...args)
}
