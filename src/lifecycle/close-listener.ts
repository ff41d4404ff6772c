import { Server as HttpServer } from 'node:http'
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'

/** Node's default backlog: after so many connections, all that were queued at the start are accepted. */
const BACKLOG = 512
/** The limit, however slow the machine is. */
export const BACKLOG_DRAIN_MS = 1_500
/**
 * The backlog counts as empty after no connection for so long. The requests of those that were accepted wait, so callers
 * that ask one after the other all come to rest within this time …
 */
const QUIET_MS = 20
/** … others would wait for nothing: after so long … */
const LONG_MS = 150
/** … it is a pause between two connections. */
const PAUSE_MS = 5
/** A connection that arrives during a long turn of the event loop is accepted only in the next one … */
const QUICK_MS = 0.5
/** … unless all turns are long: requests must not wait for ever. */
const UNHURRIED_MS = 250
/** Asleep between two looks: the system rarely interrupts a process that has just slept. */
const REST_MS = 1

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

  compileClose()
  const began = performance.now()
  let quietFrom = began
  let seen = 0
  for (let now = began; accepted < BACKLOG && now - began < BACKLOG_DRAIN_MS;) {
    const lookedAt = performance.now()
    // Accepts one connection.
    await turn()
    now = performance.now()
    if (accepted > seen) {
      seen = accepted
      quietFrom = now
      continue
    }
    const quick = now - lookedAt < QUICK_MS || now - began > UNHURRIED_MS
    if (quick && now - quietFrom >= (now - began < LONG_MS ? QUIET_MS : PAUSE_MS)) break
    await wait(REST_MS)
  }
  closeListener()
  if (emit) Object.defineProperty(server, 'emit', emit)
  else Reflect.deleteProperty(server, 'emit')
  for (const args of waiting) emitNow('request', ...args)
}

/**
 * Node compiles the functions behind `close` at their first call, which takes ten times as long as they do: not between
 * the last look for connections and the close.
 */
function compileClose(): void {
  new HttpServer().close()
}
