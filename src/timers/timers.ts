import { SidecarError } from '../errors.js'
import type { Emit } from '../events.js'
import type { Logger } from '../logger.js'
import { timeoutOf } from '../util/duration.js'
import { errorText } from '../util/error-text.js'
import { textOf } from '../util/text-of.js'
import { refuseUnknown, type OptionNames } from '../util/unknown-option.js'
import type { WorkRunner, WorkSource } from '../work/work.js'
import { readSchedule, type TimerSchedule } from './schedule.js'
import { ScheduledTimer, type Timer, type TimerOptions, type TimerStatus, type TimerWork } from './timer.js'

/** Begins with the service; a timer that is added later begins at once. */
export interface Timers extends WorkSource {
  /** @throws SidecarError `SIDECAR_TIMER_INVALID`; `SIDECAR_STOPPED` while leaving */
  add(name: string, schedule: TimerSchedule, work: TimerWork, options?: TimerOptions): Timer
  status(): readonly TimerStatus[]
}

export interface TimersOptions {
  readonly work: Pick<WorkRunner, 'operate'>
  readonly logger: Logger
  readonly emit: Emit
  /** Whether this instance is the first of its service; `undefined` if it is not in the registry's list. */
  readonly isFirstInstance: () => Promise<boolean | undefined>
}

export function createTimers({ work, logger, emit, isFirstInstance }: TimersOptions): Timers {
  const timers = new Map<string, ScheduledTimer>()
  /** Timers that were stopped while they ran. */
  const ending = new Set<ScheduledTimer>()
  let state: 'waiting' | 'started' | 'stopped' = 'waiting'
  const warned = new Set<string>()

  const host = {
    work,
    async isFirst(name: string) {
      const first = await isFirstInstance().catch(() => undefined)
      if (first === undefined && !warned.has(name)) {
        warned.add(name)
        logger.warn(
          `the timer "${name}" runs on one instance of the service only, and this one is not registered: its ticks are left out`,
        )
      }
      return first === true
    },
    failed(name: string, error: unknown) {
      logger.error(`the timer "${name}" failed: ${errorText(error)}`)
      emit('timerFailed', { name, error })
    },
    shown: errorText,
    ended(timer: ScheduledTimer) {
      if (timers.get(timer.name) === timer) timers.delete(timer.name)
      ending.add(timer)
      for (const one of ending) if (!one.busy) ending.delete(one)
    },
  }
  const all = () => [...timers.values(), ...ending]

  return {
    name: 'timers',
    add(name, schedule, work, options = {}) {
      if (state === 'stopped')
        throw new SidecarError('SIDECAR_STOPPED', `sidecar.timer("${textOf(name)}"): the sidecar is leaving`)
      const rules = {
        name,
        work,
        ...checked(name, work, options),
        schedule: readSchedule(name, schedule, performance.now()),
      }
      if (timers.has(name)) throw invalid(name, 'there is another timer of this name')
      const timer = new ScheduledTimer(rules, host)
      timers.set(name, timer)
      if (state === 'started') timer.start()
      return timer.handle
    },
    start() {
      if (state !== 'waiting') return
      state = 'started'
      for (const timer of timers.values()) timer.start()
    },
    stop() {
      state = 'stopped'
      for (const timer of [...timers.values()]) timer.stop()
    },
    get busy() {
      return all().some((timer) => timer.busy)
    },
    async finish(signal) {
      await Promise.all(all().map((timer) => timer.finish(signal)))
    },
    status: () => [...timers.values()].map((timer) => timer.status()),
  }
}

const OPTIONS: OptionNames<TimerOptions> = { eager: true, timeout: true, overlap: true, on: true }

function checked(name: unknown, work: unknown, options: TimerOptions) {
  if (typeof name !== 'string' || name === '') throw invalid(textOf(name), 'a name is text')
  if (typeof work !== 'function') throw invalid(name, `expected a function, got ${typeof work}`)
  if (typeof options !== 'object' || options === null) throw invalid(name, 'options are an object')
  refuseUnknown(options, OPTIONS, (why) => invalid(name, why))
  const { eager = false, overlap = 'skip', on = 'each', timeout } = options
  if (!['skip', 'wait', 'allow'].includes(overlap)) throw invalid(name, 'overlap is one of skip, wait, allow')
  if (!['each', 'one'].includes(on)) throw invalid(name, 'on is one of each, one')
  const timeoutMs = timeoutOf('timeout', timeout, undefined, (why) => invalid(name, why))
  return { eager, overlap, on, timeoutMs }
}

const invalid = (name: string, why: string) =>
  new SidecarError('SIDECAR_TIMER_INVALID', `sidecar.timer("${name}"): ${why}`)
