import { pause } from '../util/deadline.js'
import type { Alert } from './alert.js'

export interface ConditionTimes {
  /** A condition that ends within this time is not reported, in ms. */
  readonly forMs: number
  /** How often a condition that lasts is reported again, in ms; 0 for never. */
  readonly repeatMs: number
}

/** A condition that lasts, or that waits to be reported. */
export interface ConditionStatus {
  readonly rule: string
  readonly subject: string
  readonly message: string
  readonly since: Date
  /** It was reported. */
  readonly raised: boolean
}

interface Condition {
  readonly rule: string
  readonly subject: string
  readonly since: Date
  message: string
  raised: boolean
  readonly over: AbortController
}

/** So many conditions are kept at once: in a large outage the first ones say enough. */
const MAX_CONDITIONS = 200

/** Conditions that last: each one is raised once, and resolved once. */
export class Conditions {
  private readonly current = new Map<string, Condition>()

  constructor(
    private readonly times: ConditionTimes,
    private readonly report: (alert: Alert) => void,
    /** True while none is raised. */
    private readonly quiet: () => boolean,
  ) {}

  /** It begins, or goes on for another reason. */
  begin(rule: string, subject: string, message: string): void {
    const key = keyOf(rule, subject)
    const known = this.current.get(key)
    if (known) known.message = message
    if (known || this.current.size >= MAX_CONDITIONS) return
    const condition = { rule, subject, since: new Date(), message, raised: false, over: new AbortController() }
    this.current.set(key, condition)
    void this.follow(condition)
  }

  /** It is over. One that was not raised yet is forgotten. */
  end(rule: string, subject: string, message: string): void {
    const key = keyOf(rule, subject)
    const condition = this.current.get(key)
    if (!condition) return
    this.current.delete(key)
    condition.over.abort()
    const { raised, since } = condition
    if (raised) this.report({ status: 'resolved', rule, subject, message, since, at: new Date() })
  }

  /** Ends the conditions of a rule whose subject does not pass. */
  endWhere(rule: string, isOver: (subject: string) => boolean, message: string): void {
    for (const { rule: own, subject } of [...this.current.values()]) {
      if (own === rule && isOver(subject)) this.end(rule, subject, message)
    }
  }

  /** Ends all of them. */
  endAll(message: string): void {
    for (const { rule, subject } of [...this.current.values()]) this.end(rule, subject, message)
  }

  /** Those of now, the oldest first. */
  list(): ConditionStatus[] {
    return [...this.current.values()].map(({ over: _over, ...condition }) => condition)
  }

  private async follow(condition: Condition): Promise<void> {
    const { forMs, repeatMs } = this.times
    const { signal } = condition.over
    if (forMs > 0 && !(await pause(forMs, signal))) return
    do {
      if (this.quiet()) continue
      condition.raised = true
      const { rule, subject, since, message } = condition
      this.report({ status: 'raised', rule, subject, message, since, at: new Date() })
    } while (repeatMs > 0 && (await pause(repeatMs, signal)))
  }
}

const keyOf = (rule: string, subject: string) => `${rule}\n${subject}`
