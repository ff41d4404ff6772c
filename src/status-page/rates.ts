import type { OperationStats } from '../observe/operation.js'

/** How far it looks back. */
const WINDOW_MS = 10_000

interface Mark {
  readonly atMs: number
  readonly counts: ReadonlyMap<string, number>
}

const keyOf = ({ kind, name }: Pick<OperationStats, 'kind' | 'name'>) => `${kind} ${name}`

/**
 * Operations in a second, from counts that only grow. It keeps a count each time it is asked, so that what is never looked at
 * costs nothing; the first time it is the mean since the start.
 *
 * @param startedAtMs by `performance.now()`
 */
export function createRates(startedAtMs: number, now: () => number = () => performance.now()) {
  let marks: Mark[] = [{ atMs: startedAtMs, counts: new Map() }]
  return (
    operations: readonly OperationStats[],
  ): ((operation: Pick<OperationStats, 'kind' | 'name' | 'count'>) => number) => {
    const atMs = now()
    // The youngest that is old enough, and those after it.
    const old = marks.findLastIndex((mark) => atMs - mark.atMs >= WINDOW_MS)
    if (old > 0) marks = marks.slice(old)
    const { atMs: sinceMs, counts } = marks[0]!
    const seconds = Math.max((atMs - sinceMs) / 1_000, 0.001)
    // Two looks within a second are one: many windows may look at once.
    if (atMs - marks.at(-1)!.atMs >= 900)
      marks.push({ atMs, counts: new Map(operations.map((one) => [keyOf(one), one.count])) })
    return (operation) => (operation.count - (counts.get(keyOf(operation)) ?? 0)) / seconds
  }
}
