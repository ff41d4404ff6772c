import { setTimeout as pause } from 'node:timers/promises'
import { openContender } from '../contenders/open.js'
import { measureUsage, openSockets, rssMb, type Usage } from '../support/usage.js'
import type { Scenario } from './scenario.js'

export const SERVICES = 1_000
export const INSTANCES = 10
const FILL_MS = 12_000
/** What filling leaves behind (lists on their way to the disk, garbage) is not watching. */
const SETTLE_MS = 2_000
const WINDOW_MS = 10_000

export interface Watched extends Usage {
  /** Of a process that has only loaded and started the library. */
  readonly baseRssMb: number
  /** How many services it had the whole list of, of 1,000. */
  readonly complete: number
  /** Until it had them all; `null` where it never had. */
  readonly filledMs: number | null
}

export const watchedService = (run: string, n: number): string => `${run}-watched-${n}`

/** A gateway's life: a thousand services of ten instances each, all followed. */
export const watched: Scenario<Watched> = async ({ contender, server, grpcPort, run }) => {
  const sockets = openSockets()
  const client = await openContender(contender, { server, ...(grpcPort && { grpcPort }), documents: [] })
  const baseRssMb = rssMb()
  const complete = new Set<number>()
  const since = performance.now()
  let filledMs: number | null = null
  for (let n = 0; n < SERVICES; n++) {
    client.follow(watchedService(run, n), (ports) => {
      if (ports.length === INSTANCES) complete.add(n)
      if (complete.size === SERVICES) filledMs ??= Math.round(performance.now() - since)
    })
  }
  while (filledMs === null && performance.now() - since < FILL_MS) await pause(50)
  await pause(SETTLE_MS)
  const usage = await measureUsage(WINDOW_MS, sockets)
  const notAvailable = client.lacking()
  if (notAvailable !== undefined) return { notAvailable }
  return { ...usage, baseRssMb, complete: complete.size, filledMs }
}
