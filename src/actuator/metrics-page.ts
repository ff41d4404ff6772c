import type { DirectAnswer } from '../adapters/adapter.js'
import { errorAnswer, jsonAnswer } from './answers.js'
import type { Meter, Tags } from './meter.js'

/** One series as the page sees it. */
interface Measured {
  readonly tags: Tags
  readonly values: Readonly<Record<string, number>>
}

/** `{ names: […] }` */
export function metricNames(meters: readonly Meter[]): DirectAnswer {
  const present = meters.filter((meter) => seriesOf(meter, {}).next().done !== true)
  return jsonAnswer({ names: present.map(({ name }) => name).sort() })
}

/**
 * `/actuator/metrics/{name}?tag=status:200`: the sum of the series that have the tags, the largest of `MAX`; 404 where there
 * is none.
 */
export function metricPage(
  meters: readonly Meter[],
  name: string,
  query: URLSearchParams,
  common: Tags,
  path: string,
): DirectAnswer {
  const meter = meters.find((one) => one.name === name)
  if (!meter) return errorAnswer(404, path)
  const wanted = query
    .getAll('tag')
    .map((text) => [text.slice(0, text.indexOf(':')), text.slice(text.indexOf(':') + 1)])
  if (query.getAll('tag').some((text) => !text.includes(':')))
    return errorAnswer(400, path, 'Each tag is written as tag=name:value')
  const sums = new Map<string, number>()
  const tags = new Map<string, Set<string>>()
  for (const series of seriesOf(meter, common)) {
    if (!wanted.every(([tag, value]) => series.tags[tag!] === value)) continue
    for (const [statistic, value] of Object.entries(series.values)) {
      const before = sums.get(statistic) ?? 0
      sums.set(statistic, statistic === 'MAX' ? Math.max(before, value) : before + value)
    }
    for (const [tag, value] of Object.entries(series.tags)) {
      if (!tags.has(tag)) tags.set(tag, new Set())
      tags.get(tag)!.add(value)
    }
  }
  if (sums.size === 0) return errorAnswer(404, path)
  for (const [tag] of wanted) tags.delete(tag!)
  const unit = meter.type === 'timer' ? 'seconds' : meter.unit
  return jsonAnswer({
    ...{ name, description: meter.description, ...(unit && { baseUnit: unit }) },
    measurements: [...sums].map(([statistic, value]) => ({ statistic, value })),
    availableTags: [...tags].map(([tag, values]) => ({ tag, values: [...values] })),
  })
}

function* seriesOf(meter: Meter, common: Tags): Generator<Measured> {
  if (meter.type === 'timer') {
    for (const { tags, count, totalMs, maxMs } of meter.timings())
      yield {
        tags: { ...common, ...tags },
        values: { COUNT: count, TOTAL_TIME: totalMs / 1000, MAX: maxMs / 1000 },
      }
    return
  }
  const statistic = meter.type === 'counter' ? 'COUNT' : 'VALUE'
  for (const { tags, value } of meter.samples()) yield { tags: { ...common, ...tags }, values: { [statistic]: value } }
}
