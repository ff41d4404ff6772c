import { setTimeout } from 'node:timers/promises'

/** What PM2 was told about this process. */
export interface Pm2 {
  /** `kill_timeout`: SIGKILL follows so long after the signal. @default none: PM2's own 1.6 s, too short for a drain */
  readonly killTimeoutMs?: number
  /** `wait_ready`: a reload waits for a message before it ends the process of before. */
  readonly waitsForReady: boolean
}

/** It loads the script, in cluster mode and in fork mode; another interpreter gets the script itself. */
const CONTAINER = /[\\/]ProcessContainer(Fork)?(Bun)?\.js$/
/** What is left for the end of the process. */
const RESERVE_MS = 1_000
/** A registry that is down keeps no reload from going on. */
const REGISTRATION_MS = 5_000

/** PM2, where it has started this process itself: children of that process inherit the variables. */
export function findPm2(env: NodeJS.ProcessEnv = process.env, script = process.argv[1] ?? ''): Pm2 | undefined {
  if (!env['pm_id'] || !(CONTAINER.test(script) || script === env['pm_exec_path'])) return undefined
  const killTimeoutMs = Number(env['kill_timeout'])
  return {
    ...(killTimeoutMs > 0 && { killTimeoutMs }),
    waitsForReady: env['wait_ready'] === 'true',
  }
}

/** `sidecar.leave-timeout`, but no longer than PM2 waits. */
export function leaveTimeoutUnder(pm2: Pm2 | undefined, leaveTimeoutMs: number | undefined): number | undefined {
  if (pm2?.killTimeoutMs === undefined) return leaveTimeoutMs
  const ownMs = pm2.killTimeoutMs - Math.min(RESERVE_MS, pm2.killTimeoutMs / 4)
  return Math.min(ownMs, leaveTimeoutMs ?? Infinity)
}

/** Once the process serves, which is for PM2 to know with `wait_ready`. */
export async function tellReady(serving: Promise<unknown>, registered: Promise<unknown> | undefined): Promise<void> {
  try {
    await serving
    if (registered) await Promise.race([registered, setTimeout(REGISTRATION_MS, undefined, { ref: false })])
    if (process.connected) process.send?.('ready')
  } catch {
    // The start has failed, which is logged.
  }
}
