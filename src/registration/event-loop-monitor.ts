import type { Clock } from './clock.js'

/** Detects that nothing ran for a while: a blocked event loop, or a suspended process. */
export interface EventLoopMonitor {
  /** True if the loop stalled at some time since `moment` (of the clock), even if that is detected only now. */
  stalledSince(moment: number): boolean
}

export interface EventLoopMonitorOptions {
  readonly clock: Clock
  readonly pulseMs: number
  /** A standstill of at least this long counts. */
  readonly toleranceMs: number
  onStall(forMs: number): void
}

/** Watches until the signal aborts. The pulse keeps no process alive. */
export function monitorEventLoop(options: EventLoopMonitorOptions, signal: AbortSignal): EventLoopMonitor {
  const { clock, pulseMs, toleranceMs, onStall } = options
  let lastPulse = clock.now()
  let lastStall = -Infinity

  const overdueMs = () => clock.now() - lastPulse - pulseMs
  const pulse = async () => {
    for (;;) {
      await clock.wait(pulseMs, signal)
      if (signal.aborted) return
      const late = overdueMs()
      lastPulse = clock.now()
      if (late < toleranceMs) continue
      lastStall = lastPulse
      onStall(late)
    }
  }
  void pulse()

  return { stalledSince: (moment) => lastStall >= moment || overdueMs() >= toleranceMs }
}
