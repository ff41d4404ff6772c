/** Tags by name, as Micrometer writes them: `client.name`. */
export type Tags = Readonly<Record<string, string>>

export interface Sample {
  readonly tags: Tags
  readonly value: number
}

/** The times of one series. */
export interface Timing {
  readonly tags: Tags
  readonly count: number
  readonly totalMs: number
  /** The largest of the present period and the one before. */
  readonly maxMs: number
  /** How many did not exceed each bound. */
  readonly buckets?: readonly { readonly seconds: number; readonly count: number }[]
}

interface Described {
  /** As Micrometer writes it, with dots: `http.server.requests`. */
  readonly name: string
  readonly description: string
}

export interface Gauge extends Described {
  readonly type: 'gauge' | 'counter'
  /** @default none */
  readonly unit?: 'seconds'
  samples(): Iterable<Sample>
}

export interface Timer extends Described {
  readonly type: 'timer'
  timings(): Iterable<Timing>
}

/** What is measured, whichever page shows it. Its series are made when they are asked for. */
export type Meter = Gauge | Timer

/** A gauge or counter of one series without tags; `undefined`: there is none now. */
export function single(
  type: Gauge['type'],
  name: string,
  description: string,
  value: () => number | undefined,
  unit?: 'seconds',
): Gauge {
  return {
    ...{ type, name, description, ...(unit && { unit }) },
    *samples() {
      const now = value()
      if (now !== undefined) yield { tags: {}, value: now }
    },
  }
}
