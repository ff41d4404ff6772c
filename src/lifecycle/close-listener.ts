import type { Server as HttpServer } from 'node:http'
import { setImmediate as turn } from 'node:timers/promises'

/** Node's default backlog: whoever stood at the door at the beginning is in by then. */
const BACKLOG = 512
/** However slow the machine is. */
export const BACKLOG_DRAIN_MS = 1_500
/** Nobody has come for so long, longer than a caller with an answer takes to come again … */
const QUIET_MS = 5
/** … and in so many turns of the event loop, each of which accepts one connection: time alone may pass in one … */
const QUIET_TURNS = 3
/** … each of them quick: who comes while the machine does something else is not seen before the next … */
const QUICK_MS = 0.5
/** … unless it always does: requests must not wait for long. */
const UNHURRIED_MS = 250

/**
 * Lets in everybody who stands at the door, then shuts it. The kernel resets connections that are made but not
 * accepted, and their callers, who may have sent a POST already, can not tell that nobody has read it. Requests wait
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
    // By the time of the look: after it, nobody is seen.
    if (quietTurns >= QUIET_TURNS && now - quietFrom >= QUIET_MS) break
  }
  closeListener()
  if (emit) Object.defineProperty(server, 'emit', emit)
  else Reflect.deleteProperty(server, 'emit')
  for (const args of waiting) emitNow('request', ...args)
}
