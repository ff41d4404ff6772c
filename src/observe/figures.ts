import { traceIdOf } from '../context.js'
import { Histogram } from './histogram.js'
import type { OperationKind, OperationOutcome, OperationSample, OperationStats } from './operation.js'

/** How much of an operation is kept beside its figures. */
export interface SampleLimits {
  readonly maxSamples: number
  readonly maxErrors: number
  readonly maxTagLength: number
}

/** Tags of one sample; further ones are left out. */
const MAX_TAGS = 32

/** The figures of one operation over a time, which goes on until `reset`. */
export class Figures {
  count = 0
  errors = 0
  attempts = 0
  private min = Infinity
  private max = 0
  private total = 0
  private readonly histogram = new Histogram()
  private samples: readonly OperationSample[] = []
  private errorSamples: readonly OperationSample[] = []

  add(ms: number, outcome: OperationOutcome, limits: SampleLimits): void {
    this.count++
    this.attempts += outcome.attempts ?? 1
    this.total += ms
    if (ms < this.min) this.min = ms
    if (ms > this.max) this.max = ms
    this.histogram.add(ms)
    if (outcome.failed) {
      this.errors++
      if (this.errorSamples.length < limits.maxErrors)
        this.errorSamples = [...this.errorSamples, sampleOf(ms, outcome, limits)]
    } else if (this.samples.length < limits.maxSamples) {
      this.samples = [...this.samples, sampleOf(ms, outcome, limits)]
    }
  }

  /** Adds what `later` has; of samples, those of the later one stay where it has any. */
  merge(later: Figures): void {
    this.count += later.count
    this.errors += later.errors
    this.attempts += later.attempts
    this.total += later.total
    this.min = Math.min(this.min, later.min)
    this.max = Math.max(this.max, later.max)
    this.histogram.merge(later.histogram)
    if (later.samples.length > 0) this.samples = later.samples
    if (later.errorSamples.length > 0) this.errorSamples = later.errorSamples
  }

  reset(): void {
    this.count = this.errors = this.attempts = this.max = this.total = 0
    this.min = Infinity
    this.histogram.reset()
    this.samples = this.errorSamples = []
  }

  stats(kind: OperationKind, name: string): OperationStats {
    const { count, errors, attempts, max, total, samples, errorSamples } = this
    const min = count > 0 ? this.min : 0
    const quantile = (share: number) => Math.min(max, Math.max(min, this.histogram.quantile(share)))
    const times = { min, max, total, p50: quantile(0.5), p99: quantile(0.99) }
    return { kind, name, count, errors, attempts, ...times, samples, errorSamples }
  }
}

function sampleOf(ms: number, outcome: OperationOutcome, { maxTagLength }: SampleLimits): OperationSample {
  const { attempts = 1, status, code, instance, traceparent, tags } = outcome
  const cut = (text: string) => text.slice(0, maxTagLength)
  const traceId = outcome.traceId ?? traceIdOf(traceparent)
  return {
    at: new Date(),
    ms,
    ...(traceId !== undefined && { traceId }),
    ...(instance !== undefined && { instance: cut(instance) }),
    ...(status && { status }),
    ...(code !== undefined && { code: cut(code) }),
    ...(attempts > 1 && { attempts }),
    ...(tags && { tags: cutTags(tags, maxTagLength) }),
  }
}

/** As they are kept, and sent as attributes of a span. */
export function cutTags(tags: Readonly<Record<string, unknown>>, maxLength: number): Record<string, string> {
  const cut = (text: string) => text.slice(0, maxLength)
  const kept = Object.entries(tags).slice(0, MAX_TAGS)
  return Object.fromEntries(kept.map(([name, value]) => [cut(name), cut(String(value))]))
}
