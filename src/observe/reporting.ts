import { messageOf } from '../errors.js'
import type { Logger } from '../logger.js'
import { mask } from '../util/secrets.js'
import { untraced } from '../tracing/untraced.js'
import { cutOff } from '../util/deadline.js'
import { unlessAborted } from '../util/unless-aborted.js'
import type { StatsPeriod } from './operation.js'

/**
 * Sends the figures of each period elsewhere: the option `statsReporter` of `initSidecar`.
 *
 * @example
 * const statsReporter: StatsReporter = {
 *   async report({ to, operations }, { signal }) {
 *     const body = JSON.stringify({ at: to, operations })
 *     const response = await fetch('https://figures.example/push', { method: 'POST', body, signal })
 *     if (!response.ok) throw new Error(`HTTP ${response.status}`)
 *   },
 * }
 */
export interface StatsReporter {
  /**
   * Called with one period at a time, in order. One that fails, or takes longer than 10 s, is called again with the same
   * period after the next one; so many as 10 periods wait, then the oldest is dropped.
   *
   * @param options `signal` aborts when the time is over
   * @throws whatever it throws is logged once, until a report succeeds again
   */
  report(period: StatsPeriod, options: { readonly signal: AbortSignal }): Promise<void> | void
  /** Called once, at the end, after the last report. */
  close?(): Promise<void> | void
}

/** A reporter behind a queue: whatever it does, the sidecar goes on. */
export interface Reporting {
  /** Takes the period; never throws, never waits. */
  add(period: StatsPeriod): void
  /** Sends what waits, within the time, and closes the reporter. Never rejects. */
  close(withinMs: number): Promise<void>
}

const REPORT_MS = 10_000
const MAX_WAITING = 10

export interface ReportingOptions {
  readonly reporter: StatsReporter
  readonly logger: Logger
  /** Longest time of one report. @default 10000 */
  readonly reportMs?: number
}

export function createReporting({ reporter, logger, reportMs = REPORT_MS }: ReportingOptions): Reporting {
  const waiting: StatsPeriod[] = []
  const closing = new AbortController()
  let failures = 0
  let dropped = 0
  let leaving = false
  /** The reports under way; one of a reporter that ignores its signal until it settles. */
  let sending: Promise<void> | undefined

  async function send(): Promise<void> {
    for (let period = waiting[0]; period !== undefined; period = waiting[0]) {
      let call: Promise<unknown> = Promise.resolve()
      const report = (signal: AbortSignal) =>
        (call = Promise.resolve(untraced(() => reporter.report(period!, { signal }))))
      try {
        await cutOff(reportMs, [closing.signal], async (signal) => report(signal))
        if (waiting[0] === period) waiting.shift()
        succeeded()
      } catch (error) {
        failed(error)
        // Never two reports at a time.
        await call.catch(() => {})
        return
      }
    }
  }

  function start(): void {
    sending ??= send().finally(() => (sending = undefined))
  }

  function succeeded(): void {
    if (failures === 0) return
    const lost = dropped > 0 ? `; ${dropped} periods were dropped` : ''
    logger.info(`observe: figures are reported again after ${failures} failed reports${lost}`)
    failures = dropped = 0
  }

  function failed(error: unknown): void {
    const message = `observe: a report of figures failed: ${mask(messageOf(error))}`
    // While leaving there is nothing to be done about it.
    if (failures++ === 0 && !leaving) logger.warn(`${message}; it is tried again after the next period`)
    else logger.debug(message)
  }

  return {
    add(period) {
      waiting.push(period)
      if (waiting.length > MAX_WAITING) {
        waiting.shift()
        dropped++
      }
      start()
    },
    async close(withinMs) {
      leaving = true
      if (waiting.length > 0) start()
      const timer = setTimeout(() => closing.abort(new Error('the sidecar has stopped')), withinMs)
      try {
        await unlessAborted(sending ?? Promise.resolve(), closing.signal)
        await unlessAborted(Promise.resolve(reporter.close?.()), closing.signal)
      } catch (error) {
        failed(error)
      } finally {
        clearTimeout(timer)
        closing.abort()
      }
    },
  }
}
