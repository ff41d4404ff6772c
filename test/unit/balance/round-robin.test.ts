import fc from 'fast-check'
import type { Balancer, ServiceInstance } from 'nacos-sidecar'
import { describe, expect, test } from 'vitest'
import { DeadlineHeap } from '../../../src/balance/deadline-heap.js'
import { createRoundRobin } from '../../../src/balance/round-robin.js'
import { smoothSequence, wholeWeights } from '../../../src/balance/smooth-sequence.js'
import { cpuTime } from '../../support/cost.js'

function instances(...weights: number[]): ServiceInstance[] {
  const base = { namespace: '', group: 'G', service: 's', ip: '10.0.0.1', cluster: 'DEFAULT', metadata: {} }
  return weights.map((weight, index) => ({
    ...base,
    port: index + 1,
    weight,
    healthy: true,
    enabled: true,
    ephemeral: true,
  }))
}

function picks(balancer: Balancer, count: number, exclude?: ReadonlySet<ServiceInstance>): number[] {
  return Array.from({ length: count }, () => balancer.pick(exclude && { exclude })!.instance.port)
}

function counts(ports: readonly number[]): number[] {
  const found: number[] = []
  for (const port of ports) found[port - 1] = (found[port - 1] ?? 0) + 1
  return found
}

describe('round-robin', () => {
  test('two equal instances alternate: 100 picks are 50/50', () => {
    const ports = picks(createRoundRobin(instances(1, 1)), 100)
    expect(counts(ports)).toEqual([50, 50])
    for (let i = 1; i < 100; i++) expect(ports[i]).not.toBe(ports[i - 1])
  })

  test('3:1 is 75/25, and smooth', () => {
    const ports = picks(createRoundRobin(instances(3, 1)), 100)
    expect(counts(ports)).toEqual([75, 25])
    expect(ports.slice(0, 8)).toEqual([1, 1, 2, 1, 1, 1, 2, 1])
  })

  test('5:1:1 takes the turns that made the algorithm known', () => {
    expect(picks(createRoundRobin(instances(5, 1, 1)), 7)).toEqual([1, 1, 2, 1, 3, 1, 1])
  })

  test('equal weights of any size take plain turns', () => {
    expect(picks(createRoundRobin(instances(0.3, 0.3, 0.3)), 6)).toEqual([1, 2, 3, 1, 2, 3])
  })

  test('none is none', () => {
    expect(createRoundRobin([]).pick()).toBeUndefined()
  })

  test('every share is exact over each cycle', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 8 }), (weights) => {
        const whole = wholeWeights(weights)
        const total = whole.reduce((a, b) => a + b)
        const balancer = createRoundRobin(instances(...weights))
        const seen = whole.map(() => 0)
        for (let n = 1; n <= total * 2; n++) {
          seen[balancer.pick()!.instance.port - 1]!++
          if (n % total === 0) expect(seen).toEqual(whole.map((weight) => (weight * n) / total))
        }
      }),
    )
  })

  test('with some excluded, another is picked; with all excluded, none', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(1, 1, 3, 0.01, 7919.37), fc.boolean()), { minLength: 1, maxLength: 6 }),
        fc.nat(20),
        (drawn, warmUp) => {
          const list = instances(...drawn.map(([weight]) => weight))
          const exclude = new Set(list.filter((_, index) => drawn[index]![1]))
          const balancer = createRoundRobin(list)
          picks(balancer, warmUp)
          for (let i = 0; i < 10; i++) {
            const endpoint = balancer.pick({ exclude })
            if (exclude.size === list.length) expect(endpoint).toBeUndefined()
            else expect(exclude.has(endpoint!.instance)).toBe(false)
          }
        },
      ),
    )
  })
})

describe('a new list', () => {
  test('goes on with the next in turn', () => {
    const [a, b, c] = instances(1, 1, 1) as [ServiceInstance, ServiceInstance, ServiceInstance]
    const before = createRoundRobin([a, b, c])
    expect(picks(before, 1)).toEqual([1])
    const after = createRoundRobin([a, c], before) // b, whose turn it was, is gone
    expect(picks(after, 3)).toEqual([3, 1, 3])
    expect(picks(createRoundRobin([a, b, c], after), 3)).toEqual([1, 2, 3])
  })

  test('at every pick still gives every instance a turn', () => {
    const list = instances(3, 1, 2)
    let balancer = createRoundRobin(list)
    const ports: number[] = []
    for (let i = 0; i < 60; i++) {
      ports.push(balancer.pick()!.instance.port)
      balancer = createRoundRobin(list, balancer)
    }
    expect(counts(ports)).toEqual([30, 10, 20])
  })

  test('from nothing and back', () => {
    const empty = createRoundRobin([], createRoundRobin(instances(1, 2)))
    expect(empty.pick()).toBeUndefined()
    expect(counts(picks(createRoundRobin(instances(1, 2), empty), 30))).toEqual([10, 20])
  })
})

describe('long cycles', () => {
  test('are not written out', () => {
    expect(smoothSequence([7919, 104_729])).toBeUndefined()
    expect(smoothSequence([1, 2])).toHaveLength(3)
  })

  test('keep the shares all the same', () => {
    const [a = 0, b = 0] = counts(picks(createRoundRobin(instances(79.19, 1047.29)), 11_265))
    expect(Math.abs(a - 792)).toBeLessThanOrEqual(1)
    expect(a + b).toBe(11_265)
  })

  test('any weights: no instance is ever more than two turns off', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 9 }),
        fc.integer({ min: 1, max: 400 }),
        (weights, n) => {
          const heap = new DeadlineHeap(weights)
          const total = weights.reduce((a, b) => a + b)
          const seen = weights.map(() => 0)
          for (let i = 0; i < n; i++) seen[heap.next()]!++
          weights.forEach((weight, index) =>
            expect(Math.abs(seen[index]! - (weight * n) / total)).toBeLessThan(weights.length / 2 + 1),
          )
        },
      ),
    )
  })

  test('10,000 instances of mixed weight are set up at once', () => {
    const list = instances(...Array.from({ length: 10_000 }, (_, i) => 1 + (i % 977) / 100))
    let balancer = createRoundRobin([])
    expect(cpuTime(() => (balancer = createRoundRobin(list)))).toBeLessThan(200)
    expect(new Set(picks(balancer, 70_000)).size).toBe(10_000)
  })
})

test('whole weights keep the proportion', () => {
  expect(wholeWeights([0.5, 1.5])).toEqual([1, 3])
  expect(wholeWeights([100, 300, 50])).toEqual([2, 6, 1])
  expect(wholeWeights([0.001, 1])).toEqual([1, 100])
})
