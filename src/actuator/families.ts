import type { Meter, Tags } from './meter.js'

/** One line of the page. */
export interface Line {
  /** @default the name of the family */
  readonly metricName?: string
  readonly labels: Record<string, string>
  readonly value: number
}

/** One metric of the page: all its lines stand together. */
export interface Family {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary'
  lines(): Iterable<Line>
}

/** How Micrometer names a meter in Prometheus; a timer is two metrics. */
export function familiesOf(meter: Meter): Family[] {
  const base = meter.name.replaceAll('.', '_')
  const help = meter.description
  if (meter.type !== 'timer') {
    const { type, unit } = meter
    const name = `${base}${unit && !base.endsWith(unit) ? `_${unit}` : ''}${type === 'counter' ? '_total' : ''}`
    return [
      {
        ...{ name, help, type },
        *lines() {
          for (const { tags, value } of meter.samples()) yield { labels: labelsOf(tags), value }
        },
      },
    ]
  }
  const name = `${base}_seconds`
  return [
    {
      ...{ name, help },
      get type() {
        for (const { buckets } of meter.timings()) return buckets ? 'histogram' : 'summary'
        return 'summary'
      },
      *lines() {
        for (const { tags, count, totalMs, buckets } of meter.timings()) {
          const labels = labelsOf(tags)
          if (buckets) {
            const bucket = (le: string, value: number) => ({
              metricName: `${name}_bucket`,
              ...{ labels: { ...labels, le }, value },
            })
            for (const { seconds, count: within } of buckets) yield bucket(asJava(seconds), within)
            yield bucket('+Inf', count)
          }
          yield { metricName: `${name}_count`, labels, value: count }
          yield { metricName: `${name}_sum`, labels, value: totalMs / 1000 }
        }
      },
    },
    {
      ...{ name: `${name}_max`, help: `${help}: the longest of the last minutes`, type: 'gauge' },
      *lines() {
        for (const { tags, maxMs } of meter.timings()) yield { labels: labelsOf(tags), value: maxMs / 1000 }
      },
    },
  ]
}

function labelsOf(tags: Tags): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).map(([name, value]) => [name.replaceAll('.', '_'), value]))
}

/** The same bound is the same text in the series of Java, so that they can be summed. */
function asJava(seconds: number): string {
  return Number.isInteger(seconds) ? `${seconds}.0` : String(seconds)
}
