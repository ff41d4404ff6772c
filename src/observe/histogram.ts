/** Buckets of each power of two: half of 1/32 is the largest error of a value in the middle of its bucket. */
const SUB_BITS = 5
const SUB_BUCKETS = 1 << SUB_BITS
/** In µs: 36 minutes. A longer time counts as this one; `max` of the figures is exact. */
const LARGEST = 2 ** 31 - 1
const NONE = new Float64Array(0)

/**
 * How often which time was taken, log-linear: 32 buckets of the same width in each power of two of microseconds, so that
 * any value is known within 1.6 %, in at most 7 KB whatever is recorded. Only the powers of two between the least and the
 * largest value are held: of a thousand operations most have few values, which lie close together.
 */
export class Histogram {
  private counts = NONE
  /** Bucket of the first of them. */
  private first = 0
  private count = 0

  /** @param ms 0 or more */
  add(ms: number): void {
    const micros = ms * 1000
    this.addTo(indexOf(micros < LARGEST ? micros | 0 : LARGEST), 1)
    this.count++
  }

  merge({ counts, first, count }: Histogram): void {
    for (let at = 0; at < counts.length; at++) if (counts[at] !== 0) this.addTo(first + at, counts[at]!)
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
    for (let at = 0; at < this.counts.length; at++) {
      seen += this.counts[at]!
      if (seen >= wanted) return middleOf(this.first + at) / 1000
    }
    return 0
  }

  /**
   * How many values did not exceed each of these times; a value at the edge is on either side, by 1.6 %.
   *
   * @param bounds in ms, ascending
   */
  upTo(bounds: readonly number[]): number[] {
    let seen = 0
    let at = 0
    return bounds.map((bound) => {
      for (; at < this.counts.length && middleOf(this.first + at) <= bound * 1000; at++) seen += this.counts[at]!
      return seen
    })
  }

  private addTo(index: number, count: number): void {
    let at = index - this.first
    if (at < 0 || at >= this.counts.length) {
      this.cover(index)
      at = index - this.first
    }
    this.counts[at]! += count
  }

  /** Makes room for a bucket, and all of its power of two. */
  private cover(index: number): void {
    const { counts, first } = this
    const low = index - (index % SUB_BUCKETS)
    const from = counts.length === 0 ? low : Math.min(first, low)
    const to = Math.max(low + SUB_BUCKETS, counts.length === 0 ? 0 : first + counts.length)
    this.counts = new Float64Array(to - from)
    this.counts.set(counts, counts.length === 0 ? 0 : first - from)
    this.first = from
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
