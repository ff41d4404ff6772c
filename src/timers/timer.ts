import { SidecarError } from '../errors.js'
import { LONGEST_TIMER_MS } from '../util/longest-timer.js'
import { createSubscription, type Subscription } from '../util/subscription.js'
import type { WorkRunner, WorkStart } from '../work/work.js'
import type { Schedule } from './schedule.js'

/** What the work of a timer is given. */
export interface TimerContext {
  /** Aborts at the timeout, and when the process leaves and waits no longer. */
  readonly signal: AbortSignal
  /** When this run was due. */
  readonly dueAt: Date
}

export type TimerWork = (context: TimerContext) => unknown

/** Options of `sidecar.timer`. */
export interface TimerOptions {
  /** Runs once as soon as the service has started, too. @default false */
  readonly eager?: boolean
  /** A run that takes longer is aborted and counts as failed: milliseconds, or text such as `'30s'`. @default none */
  readonly timeout?: number | string
  /**
   * A tick while the run before is not done. `skip`: it is left out. `wait`: one more run follows at once, however many ticks came.
   * `allow`: it runs beside. @default 'skip'
   */
  readonly overlap?: 'skip' | 'wait' | 'allow'
  /**
   * `each`: in every instance of the service. `one`: in the first instance of the registry's list. That is no lock: while the list
   * changes, a tick can run twice or not at all. @default 'each'
   */
  readonly on?: 'each' | 'one'
}

/** A timer of the app. Call it or its `stop()`, or `using`: then no further run begins, and what runs is not aborted. */
export interface Timer extends Subscription {
  readonly name: string
  /** Runs the work now, whatever the schedule and `on` say. Rejects if it fails. */
  run(): Promise<void>
}

/** Where a timer stands, in `status()`. */
export interface TimerStatus {
  readonly name: string
  /** `every 30s`, `0 30 2 * * * (Europe/Berlin)`. */
  readonly schedule: string
  readonly on: 'each' | 'one'
  /** `undefined` before the start, and if there is no further one. */
  readonly nextAt: Date | undefined
  readonly lastBeganAt: Date | undefined
  readonly lastMs: number | undefined
  /** Of the last run, if it failed; secrets are masked. */
  readonly lastError: string | undefined
  readonly running: number
  readonly runs: number
  readonly failures: number
  /** Ticks that were left out, because the run before was not done, or another instance runs this timer. */
  readonly skipped: number
}

export interface TimerRules {
  readonly name: string
  readonly schedule: Schedule
  readonly work: TimerWork
  readonly eager: boolean
  readonly timeoutMs: number | undefined
  readonly overlap: 'skip' | 'wait' | 'allow'
  readonly on: 'each' | 'one'
}

export interface TimerHost {
  /** Where its runs are pieces of work of the app. */
  readonly work: Pick<WorkRunner, 'operate'>
  /** Whether this instance is the one that runs a timer with `on: 'one'`. */
  isFirst(name: string): Promise<boolean>
  failed(name: string, error: unknown): void
  /** The text of an error as it may be shown. */
  shown(error: unknown): string
  ended(timer: ScheduledTimer): void
}

/** The wall clock may be set while a timer waits: it is looked at this often. */
const LOOK_MS = 30_000
/** A clock that is set back repeats ticks that are closer than this: a minute's work must not rest for an hour. */
const RARE_MS = 3_600_000

/** One timer: it waits for its ticks, and runs its work. */
export class ScheduledTimer {
  readonly name: string
  private timeout: NodeJS.Timeout | undefined
  private dueAt: number | undefined
  /** The tick that came last, by the clock of the schedule: one that is set back must not repeat it. */
  private lastDueAt = -Infinity
  private started = false
  private stopped = false
  private again = false
  private readonly running = new Map<Promise<void>, AbortController>()
  private readonly counts = { runs: 0, failures: 0, skipped: 0 }
  private last: { beganAt: Date; ms?: number; error?: string } | undefined

  constructor(
    private readonly rules: TimerRules,
    private readonly host: TimerHost,
  ) {
    this.name = rules.name
  }

  get busy(): boolean {
    return this.running.size > 0
  }

  start(): void {
    if (this.started || this.stopped) return
    this.started = true
    if (this.rules.eager) this.tick(new Date())
    this.wait()
  }

  stop(): void {
    this.stopped = true
    this.again = false
    clearTimeout(this.timeout)
    this.dueAt = undefined
    this.host.ended(this)
  }

  /** As the app has it. */
  get handle(): Timer {
    const { name } = this
    const end = createSubscription(() => this.stop())
    return Object.defineProperties(end, {
      name: { value: name, enumerable: true },
      run: { value: () => this.run(), enumerable: true },
    }) as Timer
  }

  async run(): Promise<void> {
    if (this.stopped) throw new SidecarError('SIDECAR_STOPPED', `the timer "${this.name}" has stopped`)
    await this.begin(new Date(), true)
  }

  /** Settles when nothing runs any more; what still does when the signal aborts is aborted too. */
  async finish(signal: AbortSignal): Promise<void> {
    const abort = () => {
      for (const controller of this.running.values()) controller.abort(signal.reason)
    }
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    try {
      while (this.running.size > 0) await Promise.allSettled(this.running.keys())
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  status(): TimerStatus {
    const { schedule, on } = this.rules
    const { dueAt, last, running } = this
    const nextAt =
      dueAt === undefined ? undefined : new Date(schedule.clock === 'wall' ? dueAt : dueAt - this.now() + Date.now())
    return {
      ...{ name: this.name, schedule: schedule.text, on, nextAt, running: running.size, ...this.counts },
      ...{ lastBeganAt: last?.beganAt, lastMs: last?.ms, lastError: last?.error },
    }
  }

  private now(): number {
    return this.rules.schedule.clock === 'wall' ? Date.now() : performance.now()
  }

  private wait(): void {
    if (this.stopped) return
    const now = this.now()
    this.dueAt = undefined
    try {
      this.dueAt = this.nextAfter(now)
    } catch (error) {
      // Dates that the app makes. Thrown in a timer of Node, it would end the process.
      this.counts.failures++
      this.host.failed(this.name, error)
    }
    if (this.dueAt === undefined) return
    const longest = this.rules.schedule.clock === 'wall' ? LOOK_MS : LONGEST_TIMER_MS
    this.timeout = setTimeout(() => this.look(), Math.min(Math.max(0, this.dueAt - now), longest))
  }

  private nextAfter(now: number): number | undefined {
    const { schedule } = this.rules
    const next = schedule.next(now)
    if (next === undefined || next > this.lastDueAt) return next
    const unseen = schedule.next(this.lastDueAt)
    return unseen === undefined || unseen - this.lastDueAt >= RARE_MS ? unseen : next
  }

  private look(): void {
    const { dueAt } = this
    if (dueAt !== undefined && this.now() >= dueAt) {
      this.lastDueAt = dueAt
      const wall = this.rules.schedule.clock === 'wall' ? dueAt : Date.now()
      this.tick(new Date(wall))
    }
    this.wait()
  }

  private tick(dueAt: Date): void {
    const { overlap } = this.rules
    if (this.running.size > 0 && overlap !== 'allow') {
      if (overlap === 'wait') this.again = true
      else this.counts.skipped++
      return
    }
    void this.begin(dueAt, false).catch(() => {})
  }

  private begin(dueAt: Date, byHand: boolean): Promise<void> {
    const controller = new AbortController()
    const run = this.runOnce(dueAt, byHand, controller).finally(() => {
      this.running.delete(run)
      if (!this.again || this.running.size > 0) return
      this.again = false
      if (!this.stopped) this.tick(new Date())
    })
    this.running.set(run, controller)
    return run
  }

  private async runOnce(dueAt: Date, byHand: boolean, controller: AbortController): Promise<void> {
    const { name, rules, host, counts } = this
    if (!byHand && rules.on === 'one' && !(await host.isFirst(name))) {
      counts.skipped++
      return
    }
    if (this.stopped) return
    const last: NonNullable<typeof this.last> = (this.last = { beganAt: new Date() })
    const began = performance.now()
    counts.runs++
    try {
      const { timeoutMs } = rules
      const start = { kind: 'timer', name, signal: controller.signal } as const
      const limited = timeoutMs === undefined ? start : { ...start, timeout: limitOf(name, timeoutMs) }
      await host.work.operate(limited, async ({ signal }) => void (await rules.work({ signal, dueAt })))
    } catch (error) {
      counts.failures++
      last.error = host.shown(error)
      host.failed(name, error)
      throw error
    } finally {
      last.ms = performance.now() - began
    }
  }
}

function limitOf(name: string, ms: number): NonNullable<WorkStart['timeout']> {
  return {
    ms,
    error: () => new SidecarError('SIDECAR_TIMER_TIMEOUT', `the timer "${name}" is not done within ${ms} ms`),
  }
}
