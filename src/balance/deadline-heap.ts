/**
 * Weighted rotation for lists whose cycle is too long to write out: endpoint `i` is due at (turns + ½) / weight, the
 * one due first is next. A binary heap in typed arrays: O(log n), nothing allocated.
 */
export class DeadlineHeap {
  private readonly order: Uint32Array
  private readonly due: Float64Array
  private readonly turns: Float64Array

  /** @param phase where in its own cycle each endpoint starts, 0 to 1. */
  constructor(
    private readonly weights: readonly number[],
    phase: (index: number) => number = () => 0.5,
  ) {
    const size = weights.length
    this.turns = Float64Array.from({ length: size }, (_, i) => phase(i))
    this.due = Float64Array.from({ length: size }, (_, i) => this.turns[i]! / weights[i]!)
    this.order = Uint32Array.from({ length: size }, (_, i) => i)
    for (let at = (size >> 1) - 1; at >= 0; at--) this.sink(at)
  }

  /** The index of the endpoint whose turn it is. */
  next(): number {
    const index = this.order[0]!
    // Counted and divided, not added up: sums of fractions would drift and make 3:1 come out 74:26.
    this.turns[index]! += 1
    this.due[index] = this.turns[index]! / this.weights[index]!
    this.sink(0)
    return index
  }

  private sink(start: number): void {
    const { order } = this
    const moving = order[start]!
    let at = start
    for (;;) {
      let child = 2 * at + 1
      if (child >= order.length) break
      if (child + 1 < order.length && this.before(order[child + 1]!, order[child]!)) child++
      if (!this.before(order[child]!, moving)) break
      order[at] = order[child]!
      at = child
    }
    order[at] = moving
  }

  private before(a: number, b: number): boolean {
    return this.due[a]! < this.due[b]! || (this.due[a] === this.due[b] && a < b)
  }
}
