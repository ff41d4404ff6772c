import { isatty } from 'node:tty'
import { setTimeout } from 'node:timers/promises'
import type { RequestTracker } from './request-tracker.js'
import type { ShutdownSignal } from './signals.js'
import { findDevWatcher } from './dev-watcher.js'

/** How long an instance goes on serving after its deregistration. */
export interface DrainPlan {
  readonly atLeastMs: number
  readonly atMostMs: number
  /** Between the two: no caller has come for so long. */
  readonly quietMs: number
}

/** Longer than a caller's list is polled. */
const AUTO_MS = 12_000
const QUIET_MS = 3_000

/** @param drain `sidecar.drain` @param longestMs `sidecar.leave-timeout` */
export function planDrain(drain: number | 'auto', longestMs: number): DrainPlan {
  if (drain !== 'auto') return { atLeastMs: drain, atMostMs: drain, quietMs: 0 }
  return { atLeastMs: Math.min(AUTO_MS, longestMs), atMostMs: longestMs, quietMs: QUIET_MS }
}

export interface DrainOptions {
  readonly plan: DrainPlan
  readonly requests: RequestTracker
  /** Ends it. */
  readonly signal: AbortSignal
  /** The shortest time is over, and callers still come. */
  onExtended?(): void
}

/** Settles when the drain is over. @returns true where callers still came at its end */
export async function waitForDrain({ plan, requests, signal, onExtended }: DrainOptions): Promise<boolean> {
  const { atLeastMs, atMostMs, quietMs } = plan
  const began = performance.now()
  const until = async (at: number) => {
    const ms = at - performance.now()
    if (ms > 0) await setTimeout(ms, undefined, { signal }).catch(() => {})
  }
  const quietAt = () => (requests.lastRequestAt === undefined ? began : requests.lastRequestAt + quietMs)
  await until(began + atLeastMs)
  let held = false
  for (;;) {
    const now = performance.now()
    if (signal.aborted || quietMs === 0 || quietAt() <= now) return false
    if (now >= began + atMostMs) return true
    if (!held) onExtended?.()
    held = true
    await until(Math.min(quietAt(), began + atMostMs))
  }
}

/** Why to skip the drain, or `undefined`. */
export function reasonNotToDrain(
  signal: ShutdownSignal | undefined,
  env: NodeJS.ProcessEnv = process.env,
  terminal: boolean = isatty(0) || isatty(1),
  watcher: string | undefined = findDevWatcher(env),
): string | undefined {
  if (signal === undefined) return undefined
  if (signal !== 'SIGTERM') return `${signal} asks for a quick end`
  if (watcher !== undefined) return `${watcher} wants to restart`
  if (terminal) return 'the process runs in a terminal'
  return undefined
}
