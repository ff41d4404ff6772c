/** What Micrometer takes for the expected range of a request: 1 ms to 30 s. */
const [LEAST_NS, LARGEST_NS] = [1e6, 30e9]

/**
 * The bounds of Micrometer's `percentiles-histogram`, in seconds: the same in every process, so that series of several, Java's
 * too, can be summed. Each power of four of nanoseconds is cut into thirds of itself.
 */
export const PERCENTILE_BOUNDS: readonly number[] = percentileBounds()

function percentileBounds(): number[] {
  const bounds = [LEAST_NS, LARGEST_NS]
  for (let power = 4; power < LARGEST_NS; power *= 4) {
    const step = Math.floor(power / 3)
    for (let bound = power; bound < power * 4 - step; bound += step)
      if (bound > LEAST_NS && bound < LARGEST_NS) bounds.push(bound)
  }
  return bounds.sort((one, other) => one - other).map((bound) => bound / 1e9)
}
