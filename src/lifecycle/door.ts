import type { Server as HttpServer } from 'node:http'
import { setImmediate as turn } from 'node:timers/promises'

/** Node's default backlog: whoever stood at the door at the beginning is in by then. */
const MOST_ARRIVALS = 512
/** However slow the machine is. */
export const DOOR_MS = 1_500
/** Nobody has come for so long, longer than a caller with an answer takes to come again … */
const QUIET_MS = 5
/** … and in so many turns of the event loop, each of which accepts one connection: time alone may pass in one. */
const QUIET_TURNS = 3

/**
 * Lets in everybody who stands at the door, then shuts it. The kernel resets connections that are made but not
 * accepted, and their callers, who may have sent a POST already, can not tell that nobody has read it. Requests wait
 * meanwhile: under load, answering one lets the next ones queue up.
 */
export async function shutDoor(server: HttpServer, shut: () => void): Promise<void> {
  const waiting: unknown[][] = []
  const emit = Object.getOwnPropertyDescriptor(server, 'emit')
  const answer = server.emit.bind(server) as (event: string, ...args: unknown[]) => boolean
  let arrived = 0
  server.emit = ((event: string, ...args: unknown[]) => {
    if (event === 'request') return (waiting.push(args), true)
    if (event === 'connection' || event === 'secureConnection') arrived++
    return answer(event, ...args)
  }) as HttpServer['emit']

  const giveUpAt = performance.now() + DOOR_MS
  const isQuiet = () => quietTurns >= QUIET_TURNS && performance.now() - quietFrom >= QUIET_MS
  let quietFrom = performance.now()
  let quietTurns = 0
  while (!isQuiet() && arrived < MOST_ARRIVALS && performance.now() < giveUpAt) {
    const before = arrived
    await turn()
    quietTurns = arrived === before ? quietTurns + 1 : 0
    if (arrived > before) quietFrom = performance.now()
  }
  shut()
  if (emit) Object.defineProperty(server, 'emit', emit)
  else Reflect.deleteProperty(server, 'emit')
  for (const args of waiting) answer('request', ...args)
}
