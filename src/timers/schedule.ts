import type * as Croner from 'croner'
// Bundles have a createRequire of their own in the banner that CommonJS dependencies need (docs/deployment.md).
import { createRequire as requireFrom } from 'node:module'
import { messageOf, SidecarError } from '../errors.js'
import { durationOf } from '../util/duration.js'
import { LONGEST_TIMER_MS } from '../util/longest-timer.js'
import { needsPackage } from '../util/optional-peer.js'
import { textOf } from '../util/text-of.js'

/** What makes dates: a `Cron` of croner, or anything of this shape. */
export interface CronDates {
  /** The first date after this one; `null` if there is none. */
  nextRun(after: Date): Date | null
}

/**
 * When a timer runs. `every`: at this distance, by a clock that no one sets: milliseconds, or text such as `'30s'`. `cron`: by the wall
 * clock; five fields, or six with seconds first, as Spring writes it.
 */
export type TimerSchedule =
  | { readonly every: number | string }
  | {
      readonly cron: string | CronDates
      /** Such as `Europe/Berlin`. @default that of the process */
      readonly timezone?: string
    }

/** The next tick after a moment. Both in ms: of a steady clock for `every`, since 1970 for `cron`. */
export interface Schedule {
  readonly clock: 'steady' | 'wall'
  /** For messages and `status()`: `every 30s`, `30 2 * * * (Europe/Berlin)`. */
  readonly text: string
  /** @returns `undefined` if there is no further one @throws SidecarError `SIDECAR_TIMER_INVALID`, of dates that the app makes */
  next(after: number): number | undefined
}

/** @throws SidecarError `SIDECAR_TIMER_INVALID` */
export function readSchedule(name: string, schedule: TimerSchedule, beganAt: number): Schedule {
  const invalid = (why: string) => new SidecarError('SIDECAR_TIMER_INVALID', `sidecar.timer("${name}"): ${why}`)
  if (typeof schedule !== 'object' || schedule === null || 'every' in schedule === 'cron' in schedule) {
    throw invalid("expected a schedule: { every: '30s' } or { cron: '0 30 2 * * *' }")
  }
  if ('every' in schedule) {
    const { every } = schedule
    const ms = durationOf(every)
    if (ms === undefined || ms < 1 || ms > LONGEST_TIMER_MS) {
      throw invalid(`every: expected a duration from 1 ms to 24 days, such as 500, '30s' or '2h', got ${textOf(every)}`)
    }
    // On a grid: work that takes long does not push the later ticks away.
    const next = (after: number) => beganAt + (Math.floor((after - beganAt) / ms) + 1) * ms
    return { clock: 'steady', text: `every ${typeof every === 'string' ? every : `${every} ms`}`, next }
  }
  const { cron, timezone } = schedule
  if (timezone !== undefined && (typeof timezone !== 'string' || timezone === ''))
    throw invalid('timezone: expected text such as Europe/Berlin')
  if (timezone !== undefined && typeof cron !== 'string')
    throw invalid('timezone is for a cron pattern: an object with nextRun(after) has a zone of its own')
  const dates = typeof cron === 'string' ? cronDates(cron, timezone, invalid) : cron
  if (typeof dates?.nextRun !== 'function') throw invalid('cron: expected text, or an object with nextRun(after)')
  const next = (after: number) => dateAfter(dates, after, invalid)
  // What is wrong with it from the beginning is an error of this call.
  next(Date.now())
  return {
    clock: 'wall',
    text: `${typeof cron === 'string' ? cron : 'cron'}${timezone === undefined ? '' : ` (${timezone})`}`,
    next,
  }
}

/** One that is not later would make the timer run without a pause. */
function dateAfter(dates: CronDates, after: number, invalid: (why: string) => SidecarError): number | undefined {
  let at: number
  try {
    const next: unknown = dates.nextRun(new Date(after))
    if (next === null || next === undefined) return undefined
    at = Number(next)
  } catch (error) {
    throw invalid(`cron: nextRun(after) failed: ${messageOf(error)}`)
  }
  if (at > after) return at
  throw invalid(`cron: nextRun(after) gave no date after ${new Date(after).toISOString()}`)
}

function cronDates(pattern: string, timezone: string | undefined, invalid: (why: string) => SidecarError): CronDates {
  const { Cron } = loadCroner(invalid)
  try {
    const dates = new Cron(pattern, { paused: true, ...(timezone !== undefined && { timezone }) })
    // A time zone is looked at only when it is used.
    if (dates.nextRun(new Date()) === null) throw new Error('it has no date in the future')
    return dates
  } catch (error) {
    throw invalid(`cron "${pattern}"${timezone === undefined ? '' : `, time zone ${timezone}`}: ${messageOf(error)}`)
  }
}

/** At once, so that a wrong pattern is an error of the call that gave it. */
function loadCroner(invalid: (why: string) => SidecarError): typeof Croner {
  try {
    return requireFrom(import.meta.url)('croner') as typeof Croner
  } catch (error) {
    throw invalid(
      `a cron pattern ${needsPackage('croner', error)}. In a bundle, pass cron: new Cron(pattern, { paused: true })`,
    )
  }
}
