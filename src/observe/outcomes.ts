import { Histogram } from './histogram.js'

/** Statuses and codes of one operation that are counted apart. */
const MAX_OUTCOMES = 24
const MAX_CODE = 100
/** What further ones count as. */
const OTHER = 'other'

/** The operations of one name that ended with one status and one code. */
export class OutcomeFigures {
  /** Since the start. */
  count = 0
  /** Of all together, in ms. */
  total = 0
  private current = 0
  private before = 0

  constructor(
    /** HTTP status; 0 where there is none. */
    readonly status: number,
    /** Code of the error; `undefined` where there is none. */
    readonly code: string | undefined,
    /** Times, where they are wanted. */
    readonly histogram: Histogram | undefined,
  ) {}

  /** The largest time of the present period and the one before, in ms. */
  get max(): number {
    return Math.max(this.current, this.before)
  }

  add(ms: number): void {
    this.count++
    this.total += ms
    if (ms > this.current) this.current = ms
    this.histogram?.add(ms)
  }

  endPeriod(): void {
    this.before = this.current
    this.current = 0
  }
}

/**
 * What became of the operations of one name, by status and code: what Prometheus counts apart. Most operations end as the
 * one before did, so that one is looked at first.
 */
export class Outcomes {
  readonly all: OutcomeFigures[] = []
  private last: OutcomeFigures | undefined

  add(ms: number, status: number, code: string | undefined, timed: boolean): void {
    let one = this.last
    if (one === undefined || one.status !== status || one.code !== code)
      this.last = one = this.find(status, code, timed)
    one.add(ms)
  }

  endPeriod(): void {
    for (const one of this.all) one.endPeriod()
  }

  private find(status: number, written: string | undefined, timed: boolean): OutcomeFigures {
    const code = written === undefined || written.length <= MAX_CODE ? written : written.slice(0, MAX_CODE)
    const known = this.all.find((one) => one.status === status && one.code === code)
    if (known) return known
    // The last place is for all that have none.
    const full = this.all.length >= MAX_OUTCOMES - 1 && (status !== 0 || code !== OTHER)
    if (full) return this.find(0, OTHER, timed)
    const one = new OutcomeFigures(status, code, timed ? new Histogram() : undefined)
    this.all.push(one)
    return one
  }
}
