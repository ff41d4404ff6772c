import { NOT_QUEUED, type QueuedTimer } from '../util/timer-queue.js'

/** What has a time limit. */
export interface Limited {
  onDeadline(): void
}

/**
 * The time limit of one call, a place in the queue of all with the same limit. A timer of Node for each call costs twice as
 * much, and more on Node 20 and 22, which call a hook for each of them in a process with a context.
 */
export class Deadline implements QueuedTimer {
  dueAt = NOT_QUEUED
  earlier: QueuedTimer | undefined
  later: QueuedTimer | undefined

  constructor(private readonly limited: Limited) {}

  onTimeout(): void {
    this.limited.onDeadline()
  }
}

/** As a function for `setTimeout`, which spares a closure. */
export function onDeadline(limited: Limited): void {
  limited.onDeadline()
}
