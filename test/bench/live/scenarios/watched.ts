import { setTimeout as pause } from 'node:timers/promises'
import { openContender } from '../contenders/open.js'
import { measureUsage, openSockets, rssMb, type Usage } from '../support/usage.js'
import type { Scenario } from './scenario.js'

export const SERVICES = 1_000
export const INSTANCES = 10
const FILL_MS = 15_000
const WINDOW_MS = 10_000

export interface Watched extends Usage {
  /** Of a process that has only loaded the library. */
  readonly baseRssMb: number
  /** How many services it had the whole list of, of 1,000. */
  readonly complete: number
  /** Until it had them all, or gave up. */
  readonly filledMs: number
}

export const watchedService = (run: string, n: number): string => `${run}-watched-${n}`

/** A gateway's life: a thousand services of ten instances each, all followed. */
export const watched: Scenario<Watched> = async ({ contender, server, grpcPort, run }) => {
  const sockets = openSockets()
  const client = await openContender(contender, { server, ...(grpcPort && { grpcPort }), documents: [] })
  const baseRssMb = rssMb()
  const complete = new Set<number>()
  const since = performance.now()
  for (let n = 0; n < SERVICES; n++) {
    client.follow(watchedService(run, n), (ports) => void (ports.length === INSTANCES && complete.add(n)))
  }
  while (complete.size < SERVICES && performance.now() - since < FILL_MS) await pause(50)
  const filledMs = Math.round(performance.now() - since)
  const usage = await measureUsage(WINDOW_MS, sockets)
  const notAvailable = client.lacking()
  if (notAvailable !== undefined) return { notAvailable }
  return { ...usage, baseRssMb, complete: complete.size, filledMs }
}
