import { readdirSync, readlinkSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

export interface Usage {
  /** Of one core, in the window. */
  readonly cpuPercent: number
  readonly rssMb: number
  /** JavaScript objects after a full collection: what is really held. */
  readonly heapMb: number
  /** The most that were open, looked at once a second. */
  readonly sockets: number
}

/**
 * What this process uses during the next `windowMs`.
 *
 * @param ownSockets those that were open before.
 */
export async function measureUsage(windowMs: number, ownSockets: number): Promise<Usage> {
  const since = performance.now()
  const before = process.cpuUsage()
  let sockets = 0
  while (performance.now() - since < windowMs) {
    await pause(Math.min(1_000, windowMs - (performance.now() - since)))
    sockets = Math.max(sockets, openSockets() - ownSockets)
  }
  const { user, system } = process.cpuUsage(before)
  const elapsedMs = performance.now() - since
  const cpuPercent = Math.round(((user + system) / 10 / elapsedMs) * 10) / 10
  const usage = { cpuPercent, rssMb: rssMb(), sockets }
  globalThis.gc?.()
  return { ...usage, heapMb: Math.round(process.memoryUsage().heapUsed / 1024 / 1024) }
}

/** TCP, UDP and local ones; idle ones that a pool keeps are no active resources, so the system is asked where it can be. */
export function openSockets(): number {
  try {
    return readdirSync('/proc/self/fd').filter(isSocket).length
  } catch {
    return process.getActiveResourcesInfo().filter((name) => /TCP|TLS|UDP/.test(name)).length
  }
}

function isSocket(descriptor: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`).startsWith('socket:')
  } catch {
    return false
  }
}

export const rssMb = (): number => Math.round(process.memoryUsage().rss / 1024 / 1024)
