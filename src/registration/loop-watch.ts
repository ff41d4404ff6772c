import type { Clock } from './clock.js'

/** Notices that nothing ran for a while: a blocked event loop, or a process that was suspended. */
export interface LoopWatch {
  /** True if the loop stood still at some time since `moment` (of the clock), even if that is known only now. */
  stoodStillSince(moment: number): boolean
}

export interface LoopWatchOptions {
  readonly clock: Clock
  readonly pulseMs: number
  /** A standstill of at least this long counts. */
  readonly toleranceMs: number
  onStandstill(forMs: number): void
}

/** Watches until the signal aborts. The pulse keeps no process alive. */
export function watchLoop(options: LoopWatchOptions, signal: AbortSignal): LoopWatch {
  const { clock, pulseMs, toleranceMs, onStandstill } = options
  let lastPulse = clock.now()
  let lastStandstill = -Infinity

  const overdueMs = () => clock.now() - lastPulse - pulseMs
  const pulse = async () => {
    for (;;) {
      await clock.wait(pulseMs, signal)
      if (signal.aborted) return
      const late = overdueMs()
      lastPulse = clock.now()
      if (late < toleranceMs) continue
      lastStandstill = lastPulse
      onStandstill(late)
    }
  }
  void pulse()

  return { stoodStillSince: (moment) => lastStandstill >= moment || overdueMs() >= toleranceMs }
}
