import type { ServiceInstance } from '../types.js'
import { hostPort } from '../instance.js'
import type { Balancer, Endpoint, PickHint } from './balancer.js'
import { plainEndpoints } from './endpoint.js'
import { hashText, mix } from './hash.js'
import { createRoundRobin } from './round-robin.js'

/** Points of an instance of average weight: shares are within some percent of even. */
const POINTS = 128
/** Fewer for a large list, where evenness matters less than the time to lay out the ring. */
const POINTS_OF_MANY = 16
const MANY = 256
/** An instance has at most this many times the average's points. */
const HEAVIEST = 64
/** Room for the index beside a 32-bit hash in one double, which sorts without a comparator. */
const INDEXES = 2 ** 20

/**
 * The same key goes to the same instance for as long as it is there: a ring of points, of which each instance has a
 * number in proportion to its weight. A change of the list moves only the keys of instances that left, or to instances
 * that came, in every process alike. Calls without a key take turns.
 */
export function createConsistentHash(instances: readonly ServiceInstance[], previous?: Balancer): Balancer {
  return new HashRing(instances, previous instanceof HashRing ? previous : undefined)
}

class HashRing implements Balancer {
  private readonly endpoints: readonly Endpoint[]
  private readonly hashes: Uint32Array
  private readonly owners: Uint32Array
  private readonly keyless: Balancer

  constructor(instances: readonly ServiceInstance[], before: HashRing | undefined) {
    this.endpoints = plainEndpoints(instances)
    this.keyless = createRoundRobin(instances, before?.keyless)
    const points = layOut(instances)
    this.hashes = new Uint32Array(points.length)
    this.owners = new Uint32Array(points.length)
    points.forEach((point, index) => {
      const hash = Math.floor(point / INDEXES)
      this.hashes[index] = hash
      this.owners[index] = point - hash * INDEXES
    })
  }

  pick(hint?: PickHint): Endpoint | undefined {
    const key = hint?.hashKey
    if (key === undefined) return this.keyless.pick(hint)
    const { owners, endpoints } = this
    if (owners.length === 0) return undefined
    const start = this.from(hashText(key))
    const exclude = hint?.exclude
    if (exclude === undefined || exclude.size === 0) return endpoints[owners[start]!]
    for (let step = 0; step < owners.length; step++) {
      const endpoint = endpoints[owners[(start + step) % owners.length]!]!
      if (!exclude.has(endpoint.instance)) return endpoint
    }
    return undefined
  }

  /** The first point at or after `hash`, round the ring. */
  private from(hash: number): number {
    const { hashes } = this
    let low = 0
    let high = hashes.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (hashes[middle]! < hash) low = middle + 1
      else high = middle
    }
    return low === hashes.length ? 0 : low
  }
}

/** All points in order, each `hash * INDEXES + index of its owner`. */
function layOut(instances: readonly ServiceInstance[]): Float64Array {
  const each = instances.length > MANY ? POINTS_OF_MANY : POINTS
  const unit = usualWeight(instances)
  const counts = instances.map(({ weight }) => Math.max(1, Math.round(Math.min(weight / unit, HEAVIEST) * each)))
  const points = new Float64Array(counts.reduce((sum, count) => sum + count, 0))
  let at = 0
  instances.forEach((instance, index) => {
    const seed = hashText(hostPort(instance))
    for (let n = 0; n < counts[index]!; n++) {
      points[at++] = mix(seed + Math.imul(n, 0x9e3779b1)) * INDEXES + index
    }
  })
  return points.sort()
}

/** The mean weight to the nearest power of two: one instance more or less hardly ever changes the points of all. */
function usualWeight(instances: readonly ServiceInstance[]): number {
  if (instances.length === 0) return 1
  const mean = instances.reduce((sum, { weight }) => sum + weight, 0) / instances.length
  return 2 ** Math.round(Math.log2(mean))
}
