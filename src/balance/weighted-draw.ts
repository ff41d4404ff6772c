/** Draws indexes at random in proportion to their weights, each draw at the same small price (Vose's alias method). */
export class WeightedDraw {
  /** How much of column `i` is `i`'s own, 0 to 1; the rest is `alias[i]`'s. */
  private readonly own: Float64Array
  private readonly alias: Uint32Array

  constructor(weights: readonly number[]) {
    const size = weights.length
    const mean = weights.reduce((sum, weight) => sum + weight, 0) / size
    this.own = Float64Array.from(weights, (weight) => weight / mean)
    this.alias = Uint32Array.from(weights, (_, index) => index)
    const below: number[] = []
    const above: number[] = []
    this.own.forEach((share, index) => (share < 1 ? below : above).push(index))
    while (below.length > 0 && above.length > 0) {
      const small = below.pop()!
      const large = above.at(-1)!
      this.alias[small] = large
      this.own[large]! -= 1 - this.own[small]!
      if (this.own[large]! < 1) below.push(above.pop()!)
    }
    // What rounding leaves over is full.
    for (const index of [...below, ...above]) this.own[index] = 1
  }

  next(): number {
    const drawn = Math.random() * this.own.length
    const column = drawn | 0
    return drawn - column < this.own[column]! ? column : this.alias[column]!
  }
}
