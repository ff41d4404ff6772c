import type { ServiceInstance } from '../types.js'
import type { Balancer, Endpoint, PickHint } from './balancer.js'
import { DeadlineHeap } from './deadline-heap.js'
import { plainEndpoints } from './endpoint.js'
import { smoothSequence, wholeWeights } from './smooth-sequence.js'

/**
 * The default: smooth weighted round-robin. Equal weights take plain turns, so that two instances share 100 calls
 * 50/50; small weights walk a cycle written out beforehand; large ones take turns by deadline.
 */
export function createRoundRobin(instances: readonly ServiceInstance[], previous?: Balancer): Balancer {
  const before = previous instanceof Rotation ? previous : undefined
  const weights = wholeWeights(instances.length > 0 ? instances.map((i) => i.weight) : [1])
  if (weights.every((weight) => weight === weights[0])) return new TurnRotation(instances, before)
  const sequence = smoothSequence(weights)
  return sequence ? new SequenceRotation(instances, sequence, before) : new HeapRotation(instances, weights)
}

/** Plain turns, whatever the weights: what is left where no other balancer can be made. */
export function createEqualTurns(instances: readonly ServiceInstance[]): Balancer {
  return new TurnRotation(instances, undefined)
}

abstract class Rotation implements Balancer {
  protected readonly endpoints: readonly Endpoint[]

  constructor(readonly instances: readonly ServiceInstance[]) {
    this.endpoints = plainEndpoints(instances)
  }

  /** The next endpoint in turn. */
  protected abstract next(): Endpoint
  /** Steps after which every endpoint has had its turn. */
  protected abstract readonly cycle: number
  /** How far the rotation has come, 0 to 1. */
  abstract readonly progress: number
  /** The instance whose turn is next, where that is known beforehand. */
  abstract readonly upcoming: ServiceInstance | undefined

  pick(hint?: PickHint): Endpoint | undefined {
    if (this.endpoints.length === 0) return undefined
    const exclude = hint?.exclude
    if (exclude === undefined || exclude.size === 0) return this.next()
    for (let step = 0; step < this.cycle; step++) {
      const endpoint = this.next()
      if (!exclude.has(endpoint.instance)) return endpoint
    }
    return this.endpoints.find((endpoint) => !exclude.has(endpoint.instance))
  }
}

class TurnRotation extends Rotation {
  private at: number

  constructor(instances: readonly ServiceInstance[], before: Rotation | undefined) {
    super(instances)
    this.at = before ? startAfter(instances, before) : 0
  }

  protected get cycle(): number {
    return this.endpoints.length
  }

  get progress(): number {
    return this.endpoints.length === 0 ? 0 : this.at / this.endpoints.length
  }

  get upcoming(): ServiceInstance | undefined {
    return this.instances[this.at]
  }

  protected next(): Endpoint {
    const endpoint = this.endpoints[this.at]!
    this.at = this.at + 1 === this.endpoints.length ? 0 : this.at + 1
    return endpoint
  }
}

class SequenceRotation extends Rotation {
  private at: number

  constructor(
    instances: readonly ServiceInstance[],
    private readonly sequence: Uint16Array,
    before: Rotation | undefined,
  ) {
    super(instances)
    this.at = Math.floor((before?.progress ?? 0) * sequence.length + 1e-9) % sequence.length
  }

  protected get cycle(): number {
    return this.sequence.length
  }

  get progress(): number {
    return this.at / this.sequence.length
  }

  get upcoming(): ServiceInstance | undefined {
    return this.instances[this.sequence[this.at]!]
  }

  protected next(): Endpoint {
    const endpoint = this.endpoints[this.sequence[this.at]!]!
    this.at = this.at + 1 === this.sequence.length ? 0 : this.at + 1
    return endpoint
  }
}

class HeapRotation extends Rotation {
  readonly progress = 0
  readonly upcoming = undefined
  private readonly heap: DeadlineHeap

  constructor(instances: readonly ServiceInstance[], weights: readonly number[]) {
    super(instances)
    // A long cycle never ends between two updates: a random phase keeps the share right from the first pick on.
    this.heap = new DeadlineHeap(weights, Math.random)
  }

  protected get cycle(): number {
    return this.endpoints.length
  }

  protected next(): Endpoint {
    return this.endpoints[this.heap.next()]!
  }
}

/** Where the old rotation would have gone on: at its next instance that is still there. */
function startAfter(instances: readonly ServiceInstance[], before: Rotation): number {
  const { upcoming } = before
  if (!upcoming) return Math.floor(Math.random() * instances.length)
  const old = before.instances
  const from = old.indexOf(upcoming)
  const position = new Map(instances.map((instance, index) => [instance, index]))
  for (let step = 0; step < old.length; step++) {
    const index = position.get(old[(from + step) % old.length]!)
    if (index !== undefined) return index
  }
  return 0
}
