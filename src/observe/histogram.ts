/** Buckets of each power of two: half of 1/32 is the largest error of a value in the middle of its bucket. */
const SUB_BITS = 5
const SUB_BUCKETS = 1 << SUB_BITS
/** In µs: 36 minutes. A longer time counts as this one; `max` of the figures is exact. */
const LARGEST = 2 ** 31 - 1
/** Up to 1 s. */
const FIRST_LENGTH = indexOf(2 ** 20)

/**
 * How often which time was taken, log-linear: 32 buckets of the same width in each power of two of microseconds, so that
 * any value is known within 1.6 %, in at most 7 KB whatever is recorded.
 */
export class Histogram {
  private counts = new Float64Array(FIRST_LENGTH)
  private count = 0

  /** @param ms 0 or more */
  add(ms: number): void {
    const micros = ms * 1000
    const index = indexOf(micros < LARGEST ? micros | 0 : LARGEST)
    if (index >= this.counts.length) this.grow(index)
    this.counts[index]!++
    this.count++
  }

  merge({ counts, count }: Histogram): void {
    if (counts.length > this.counts.length) this.grow(counts.length - 1)
    for (let index = 0; index < counts.length; index++) this.counts[index]! += counts[index]!
    this.count += count
  }

  reset(): void {
    this.counts.fill(0)
    this.count = 0
  }

  /**
   * The time that this share of the values did not exceed, in ms; 0 of none.
   *
   * @param share 0 to 1
   */
  quantile(share: number): number {
    const wanted = Math.max(1, Math.ceil(this.count * share))
    let seen = 0
    for (let index = 0; index < this.counts.length; index++) {
      seen += this.counts[index]!
      if (seen >= wanted) return middleOf(index) / 1000
    }
    return 0
  }

  private grow(index: number): void {
    const counts = new Float64Array(Math.ceil((index + 1) / SUB_BUCKETS) * SUB_BUCKETS)
    counts.set(this.counts)
    this.counts = counts
  }
}

/** @param micros a whole number */
function indexOf(micros: number): number {
  const shift = 31 - Math.clz32(micros) - SUB_BITS
  // Below 64 each value has a bucket of its own.
  return shift <= 0 ? micros : (shift << SUB_BITS) + (micros >>> shift)
}

function middleOf(index: number): number {
  const shift = (index >>> SUB_BITS) - 1
  if (shift <= 0) return index
  const low = ((index & (SUB_BUCKETS - 1)) + SUB_BUCKETS) * 2 ** shift
  return low + (2 ** shift - 1) / 2
}
