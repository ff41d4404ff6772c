import type { Logger } from '../logger.js'
import type { BeatResult } from '../nacos/transport.js'
import { createBackoff, type BackoffOptions } from './backoff.js'
import type { Clock } from './clock.js'
import { monitorEventLoop } from './event-loop-monitor.js'

export interface HeartbeatOptions {
  readonly clock: Clock
  /** How often, in ms: as it is now, for the registry may ask for another interval with each answer. */
  readonly intervalMs: () => number
  /** When the instance was last registered. The process may have been suspended since. */
  readonly originMs: number
  readonly backoff?: BackoffOptions | undefined
  readonly logger: Logger
  /** One beat, with its own deadline. */
  beat(): Promise<BeatResult>
  /**
   * The registry does not know the instance: registers it again. Settles when that is done, or when the heartbeat ends.
   */
  reregister(): Promise<void>
  onBeat(): void
  onFailure(error: unknown): void
}

export interface Heartbeat {
  /** Settles once the signal has aborted and the beat in flight has ended. */
  readonly ended: Promise<void>
  /** Ends the pause between two beats. */
  beatNow(): void
}

/**
 * Beats until the signal aborts: one loop, so there are never two. Beats stand on a fixed grid and do not drift; one
 * that is late is sent at once, and the grid stays.
 */
export function startHeartbeat(options: HeartbeatOptions, signal: AbortSignal): Heartbeat {
  const { clock, originMs, logger, beat, reregister, onBeat, onFailure } = options
  const pulseMs = Math.min(1000, options.intervalMs() / 4)
  const loop = monitorEventLoop({ clock, pulseMs, toleranceMs: pulseMs, onStall }, signal)
  const backoff = createBackoff(options.backoff)
  const untilNextMs = () => options.intervalMs() - ((clock.now() - originMs) % options.intervalMs())
  let alarm = new AbortController()
  signal.addEventListener('abort', () => alarm.abort(), { once: true })

  async function pause(ms: number): Promise<void> {
    alarm = new AbortController()
    if (!signal.aborted) await clock.wait(ms, alarm.signal)
  }

  function onStall(forMs: number): void {
    const message = `no heartbeat was possible for ${(forMs / 1000).toFixed(1)} s: the event loop was blocked, or the process suspended`
    if (forMs >= options.intervalMs() / 2) logger.warn(message)
    else logger.debug(message)
  }

  async function run(): Promise<void> {
    let pauseMs = Math.max(0, originMs + options.intervalMs() - clock.now())
    for (;;) {
      await pause(pauseMs)
      if (signal.aborted) return
      const startedAt = clock.now()
      try {
        const result = await beat()
        if (signal.aborted) return
        if (result === 'unknown') await reregister()
        if (signal.aborted) return
        onBeat()
        backoff.reset()
        // It may have been answered before this process was suspended: by now the instance may be forgotten.
        pauseMs = clock.now() - startedAt < options.intervalMs() ? untilNextMs() : 0
      } catch (error) {
        if (signal.aborted) return
        onFailure(error)
        // A beat that timed out because this process was stalled proves nothing about the registry: retry now.
        pauseMs = loop.stalledSince(startedAt) ? 0 : Math.min(backoff.nextMs(), options.intervalMs())
      }
    }
  }

  return { ended: run(), beatNow: () => alarm.abort() }
}
