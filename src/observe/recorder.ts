import { cutTags, Figures, type SampleLimits } from './figures.js'
import { matchesPattern } from './name-pattern.js'
import { Outcomes, type OutcomeFigures } from './outcomes.js'
import { OPERATION_KINDS, type OperationKind, type OperationOutcome, type OperationStats } from './operation.js'

/** What of the settings a recorder goes by; each may change while it records. */
export interface RecorderRules extends SampleLimits {
  readonly enabled: boolean
  readonly maxNames: number
  readonly excludes: readonly string[]
  /** Statuses and codes of errors that are no failure. */
  readonly expected: readonly string[]
}

/** Writes one operation down: how long it took, in ms, and what became of it. */
export type OperationWriter = (ms: number, outcome: OperationOutcome) => void

/** What names beyond `sidecar.observe.max-names` count as, for each kind. */
const OTHER = 'other'

/** What became of the operations of one name. */
export interface OutcomesOf {
  readonly name: string
  /** Requests that they took. */
  readonly attempts: number
  readonly outcomes: readonly OutcomeFigures[]
}

/** Of one name: what came since the last period, and what came before it; and all since the start by its outcome. */
class Operation {
  readonly current = new Figures()
  readonly past = new Figures()
  outcomes = new Outcomes()

  constructor(
    readonly kind: OperationKind,
    readonly name: string,
  ) {}
}

/**
 * The figures of all operations: the one place where they are written. Names are made of few values by those who
 * record; the limit on names holds all the same.
 */
export class Recorder {
  /** False: nothing is written, and no time need be taken. */
  enabled = false
  /** Changes with the rules: what was looked up before is looked up again. */
  private generation = 0
  private readonly operations = new Map<OperationKind, Map<string, Operation | undefined>>(
    OPERATION_KINDS.map((kind) => [kind, new Map()]),
  )
  /** Known names, the excluded ones included. */
  private names = 0
  private rules: RecorderRules
  private expected: ReadonlySet<string> = new Set()
  /** Kinds whose outcomes have a histogram each. */
  private timed: ReadonlySet<OperationKind> = new Set()

  constructor(rules: RecorderRules) {
    this.rules = rules
    this.configure(rules)
  }

  /** From now on it goes by these. A lower limit on names leaves those that are known. */
  configure(rules: RecorderRules): void {
    this.rules = rules
    this.generation++
    this.enabled = rules.enabled
    this.expected = new Set(rules.expected.map((one) => one.trim().toUpperCase()))
    // What was excluded is asked again.
    for (const known of this.operations.values()) {
      for (const [name, operation] of known) {
        if (operation && !this.isExcluded(name)) continue
        known.delete(name)
        this.names--
      }
    }
  }

  /**
   * Writes one operation down.
   *
   * @param name of few values: a pattern of a route, never a path
   * @param ms how long it took
   * @example recorder.record('custom', 'load prices', performance.now() - since, { failed: false })
   */
  record(kind: OperationKind, name: string, ms: number, outcome: OperationOutcome): void {
    if (!this.enabled) return
    this.write(this.find(kind, name), ms, outcome)
  }

  /**
   * The same for one operation that is written often: its name is looked up once, and again when the rules have changed.
   *
   * @param name of few values, as `record` has it
   * @example const load = recorder.writerOf('custom', 'load prices')
   */
  writerOf(kind: OperationKind, name: string): OperationWriter {
    let operation: Operation | undefined
    let generation = 0
    return (ms, outcome) => {
      if (!this.enabled) return
      if (generation !== this.generation) {
        operation = this.find(kind, name)
        generation = this.generation
      }
      this.write(operation, ms, outcome)
    }
  }

  /** Tags as the settings limit them. */
  cut(tags: Readonly<Record<string, unknown>>): Record<string, string> {
    return cutTags(tags, this.rules.maxTagLength)
  }

  /** Whether `sidecar.observe.expected` names this status or code. */
  isExpected(status: number | undefined, code: string | undefined): boolean {
    const { expected } = this
    if (expected.size === 0) return false
    return (
      (status !== undefined && expected.has(String(status))) || (code !== undefined && expected.has(code.toUpperCase()))
    )
  }

  /** What came since the last call of it; from here on it is past. */
  take(): OperationStats[] {
    const taken: OperationStats[] = []
    for (const { kind, name, current, past, outcomes } of this.all()) {
      outcomes.endPeriod()
      if (current.count === 0) continue
      taken.push(current.stats(kind, name))
      past.merge(current)
      current.reset()
    }
    return taken
  }

  /** All since the start. */
  stats(): OperationStats[] {
    return this.all().flatMap(({ kind, name, current, past }) => {
      const both = new Figures()
      both.merge(past)
      both.merge(current)
      return both.count === 0 ? [] : [both.stats(kind, name)]
    })
  }

  /** The sum of a kind since the start. */
  counts(kind: OperationKind): { readonly requests: number; readonly errors: number } {
    let requests = 0
    let errors = 0
    for (const operation of this.operations.get(kind)!.values()) {
      if (operation === undefined) continue
      const { current, past } = operation
      requests += past.count + current.count
      errors += past.errors + current.errors
    }
    return { requests, errors }
  }

  /** All since the start by status and code, at most 24 of each name; the arrays are the recorder's own. */
  byOutcome(kind: OperationKind): OutcomesOf[] {
    const known = [...this.operations.get(kind)!.values()].filter((one) => one !== undefined)
    return known.map(({ name, current, past, outcomes }) => ({
      name,
      attempts: past.attempts + current.attempts,
      outcomes: outcomes.all,
    }))
  }

  /** Keeps a histogram for each outcome of these kinds, from now on: what is counted by outcome begins anew for a kind that changes. */
  keepHistograms(kinds: ReadonlySet<OperationKind>): void {
    for (const operation of this.all()) {
      if (this.timed.has(operation.kind) !== kinds.has(operation.kind)) operation.outcomes = new Outcomes()
    }
    this.timed = kinds
  }

  private write(operation: Operation | undefined, ms: number, outcome: OperationOutcome): void {
    if (operation === undefined) return
    const took = ms > 0 ? ms : 0
    operation.current.add(took, outcome, this.rules)
    operation.outcomes.add(took, outcome.status ?? 0, outcome.code, this.timed.has(operation.kind))
  }

  private find(kind: OperationKind, name: string): Operation | undefined {
    const known = this.operations.get(kind)!
    return known.get(name) ?? this.open(known, kind, name)
  }

  private all(): Operation[] {
    return [...this.operations.values()].flatMap((known) => [...known.values()].filter((one) => one !== undefined))
  }

  private open(known: Map<string, Operation | undefined>, kind: OperationKind, name: string): Operation | undefined {
    if (known.has(name)) return undefined
    // One place is kept for the `other` of each kind.
    const full = name !== OTHER && this.names >= this.rules.maxNames - OPERATION_KINDS.length
    const excluded = this.isExcluded(name)
    if (full) return excluded ? undefined : (known.get(OTHER) ?? this.open(known, kind, OTHER))
    const operation = excluded ? undefined : new Operation(kind, name)
    known.set(name, operation)
    this.names++
    return operation
  }

  private isExcluded(name: string): boolean {
    return this.rules.excludes.some((pattern) => matchesPattern(pattern, name))
  }
}
