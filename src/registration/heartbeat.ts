import type { BeatResult } from '../nacos/transport.js'
import { createBackoff, type BackoffOptions } from './backoff.js'
import type { Clock } from './clock.js'
import { watchLoop } from './loop-watch.js'

export interface HeartbeatOptions {
  readonly clock: Clock
  readonly intervalMs: number
  readonly backoff?: BackoffOptions
  /** The time between beats; may end early. */
  pause(ms: number): Promise<void>
  /** One beat, with its own deadline. */
  beat(): Promise<BeatResult>
  /** The registry does not know the instance: settles once it is registered again, or the heartbeat ends. */
  revive(): Promise<void>
  onBeat(): void
  onFailure(error: unknown): void
  onStandstill(forMs: number): void
}

/**
 * Beats until the signal aborts, then settles as soon as the beat in flight has: one loop, so there are never two.
 * Beats stand on a fixed grid and do not drift; one that is late is sent at once, and the grid stays.
 */
export async function runHeartbeat(options: HeartbeatOptions, signal: AbortSignal): Promise<void> {
  const { clock, intervalMs, pause, beat, revive, onBeat, onFailure, onStandstill } = options
  const pulseMs = Math.min(1000, intervalMs / 4)
  const loop = watchLoop({ clock, pulseMs, toleranceMs: pulseMs, onStandstill }, signal)
  const backoff = createBackoff(options.backoff)
  const origin = clock.now()
  const untilNextMs = () => intervalMs - ((clock.now() - origin) % intervalMs)

  let pauseMs = intervalMs
  for (;;) {
    await pause(pauseMs)
    if (signal.aborted) return
    const startedAt = clock.now()
    try {
      const result = await beat()
      if (signal.aborted) return
      if (result === 'unknown') await revive()
      if (signal.aborted) return
      onBeat()
      backoff.reset()
      pauseMs = untilNextMs()
    } catch (error) {
      if (signal.aborted) return
      onFailure(error)
      // A beat that timed out because this process stood still says nothing about the registry: ask again now.
      pauseMs = loop.stoodStillSince(startedAt) ? 0 : Math.min(backoff.nextMs(), intervalMs)
    }
  }
}
