import { sharedBy } from './shared-by.js'

/** What a `TimerQueue` calls when its time is over. It holds its own place in the queue: waiting allocates nothing. */
export interface QueuedTimer {
  /** Of the queue alone, as the two below. */
  dueAt: number
  earlier: QueuedTimer | undefined
  later: QueuedTimer | undefined
  onTimeout(): void
}

/** As `QueuedTimer.dueAt` says that a timer is in no queue. */
export const NOT_QUEUED = 0

/**
 * Time limits of one length, for many that nearly always end before: one timer of Node for all of them, since the one
 * that began first is due first.
 */
export class TimerQueue {
  private first: QueuedTimer | undefined
  private last: QueuedTimer | undefined
  private timer: NodeJS.Timeout | undefined

  constructor(private readonly ms: number) {}

  /** Starts a timer, or starts it over. */
  start(queued: QueuedTimer): void {
    this.stop(queued)
    queued.dueAt = performance.now() + this.ms
    queued.earlier = this.last
    if (this.last === undefined) this.first = queued
    else this.last.later = queued
    this.last = queued
    this.timer ??= setTimeout(onDue, this.ms, this).unref()
  }

  stop(queued: QueuedTimer): void {
    if (queued.dueAt === NOT_QUEUED) return
    const { earlier, later } = queued
    if (earlier === undefined) this.first = later
    else earlier.later = later
    if (later === undefined) this.last = earlier
    else later.earlier = earlier
    queued.earlier = queued.later = undefined
    queued.dueAt = NOT_QUEUED
  }

  /** Calls what is due, and waits for the next one. */
  run(): void {
    this.timer = undefined
    const now = performance.now()
    try {
      while (this.first !== undefined && this.first.dueAt <= now) {
        const due = this.first
        this.stop(due)
        due.onTimeout()
      }
    } finally {
      if (this.first !== undefined) this.timer ??= setTimeout(onDue, Math.ceil(this.first.dueAt - now), this).unref()
    }
  }
}

function onDue(queue: TimerQueue): void {
  queue.run()
}

const queues = new Map<number, TimerQueue>()

/** The queue of all timers of this length. */
export function timerQueue(ms: number): TimerQueue {
  return sharedBy(queues, ms, () => new TimerQueue(ms))
}
