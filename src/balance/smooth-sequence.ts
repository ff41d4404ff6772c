/** Longest cycle that is worth writing out. */
const MAX_LENGTH = 4_096
/** Most steps spent on writing one out: it happens at each change of the list. */
const MAX_STEPS = 500_000

/** Whole numbers in the proportion of the weights (0.5 : 1.5 → 1 : 3); Nacos keeps weights to two decimals. */
export function wholeWeights(weights: readonly number[]): number[] {
  const scaled = weights.map((weight) => Math.max(1, Math.round(weight * 100)))
  const divisor = scaled.reduce(gcd)
  return scaled.map((weight) => weight / divisor)
}

/**
 * One full cycle of smooth weighted round-robin as indexes: 5:1:1 gives 0 0 1 0 2 0 0. `undefined` where the cycle
 * is too long to write out.
 */
export function smoothSequence(weights: readonly number[]): Uint16Array | undefined {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  if (total > MAX_LENGTH || total * weights.length > MAX_STEPS) return undefined
  const current = new Float64Array(weights.length)
  return Uint16Array.from({ length: total }, () => {
    let best = 0
    for (let i = 0; i < weights.length; i++) {
      current[i]! += weights[i]!
      if (current[i]! > current[best]!) best = i
    }
    current[best]! -= total
    return best
  })
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b)
}
