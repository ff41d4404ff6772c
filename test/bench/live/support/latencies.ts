export interface Latencies {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly samples: number
  /** Not seen before the scenario gave up; not part of the percentiles. */
  readonly missed: number
}

export function latenciesOf(values: readonly number[], expected: number): Latencies {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)]
  const rounded = (value: number | undefined) => (value === undefined ? NaN : Math.round(value * 10) / 10)
  return {
    p50Ms: rounded(at(0.5)),
    p99Ms: rounded(at(0.99)),
    samples: values.length,
    missed: expected - values.length,
  }
}
