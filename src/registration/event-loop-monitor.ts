import { pause } from '../util/deadline.js'

/** Detects that nothing ran for a while: a blocked event loop, or a suspended process. */
export interface EventLoopMonitor {
  /** True if the loop stalled at some time since `moment` (of `performance.now()`), even if that is detected only now. */
  stalledSince(moment: number): boolean
}

export interface EventLoopMonitorOptions {
  readonly pulseMs: number
  /** A standstill of at least this long counts. */
  readonly toleranceMs: number
  onStall(forMs: number): void
}

/** Watches until the signal aborts. The pulse keeps no process alive. */
export function monitorEventLoop(options: EventLoopMonitorOptions, signal: AbortSignal): EventLoopMonitor {
  const { pulseMs, toleranceMs, onStall } = options
  let lastPulse = performance.now()
  let lastStall = -Infinity

  const overdueMs = () => performance.now() - lastPulse - pulseMs
  const pulse = async () => {
    for (;;) {
      await pause(pulseMs, signal)
      if (signal.aborted) return
      const late = overdueMs()
      lastPulse = performance.now()
      if (late < toleranceMs) continue
      lastStall = lastPulse
      onStall(late)
    }
  }
  void pulse()

  return { stalledSince: (moment) => lastStall >= moment || overdueMs() >= toleranceMs }
}
