import type { StatsPeriod } from './operation.js'
import type { Recorder } from './recorder.js'

export interface PeriodsOptions {
  readonly recorder: Pick<Recorder, 'enabled' | 'take'>
  /** Of the first periods, in ms. */
  readonly periodMs: number
  readonly onPeriod: (period: StatsPeriod) => void
}

/** Cuts the figures into periods, one after the other without a gap. */
export interface Periods {
  /** The present period ends when it would have with this length, at the earliest now. */
  setLength(periodMs: number): void
  /** Ends the present period, however short it is, and begins no other. */
  close(): void
}

/** Periods in which figures are off are none; what came before they were switched off is still reported. */
export function createPeriods({ recorder, periodMs, onPeriod }: PeriodsOptions): Periods {
  let lengthMs = periodMs
  let from = new Date()
  let began = performance.now()
  let timer: NodeJS.Timeout | undefined
  let closed = false

  function end(): void {
    const to = new Date()
    const period: StatsPeriod = { from, to, operations: recorder.take() }
    from = to
    began = performance.now()
    if (recorder.enabled || period.operations.length > 0) onPeriod(period)
  }

  function arm(): void {
    clearTimeout(timer)
    const leftMs = Math.max(0, began + lengthMs - performance.now())
    timer = setTimeout(() => {
      end()
      if (!closed) arm()
    }, leftMs).unref()
  }

  arm()
  return {
    setLength(ms) {
      lengthMs = ms
      if (!closed) arm()
    },
    close() {
      if (closed) return
      closed = true
      clearTimeout(timer)
      end()
    },
  }
}
