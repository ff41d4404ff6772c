import fc from 'fast-check'
import type { Balancer, ServiceInstance } from 'nacos-sidecar'
import { describe, expect, test } from 'vitest'
import { createConsistentHash } from '../../../src/balance/consistent-hash.js'
import { createLeastPending } from '../../../src/balance/least-pending.js'
import { createSameClusterFirst } from '../../../src/balance/same-cluster-first.js'
import { WeightedDraw } from '../../../src/balance/weighted-draw.js'
import { instance } from './support.js'
import { leastCpuTime } from '../../support/cost.js'

const KEYS = Array.from({ length: 500 }, (_, i) => `user-${i}`)

function count(draw: () => number, times: number): number[] {
  const seen: number[] = []
  for (let i = 0; i < times; i++) {
    const index = draw()
    seen[index] = (seen[index] ?? 0) + 1
  }
  return seen
}

describe('weighted draw', () => {
  test('any weights: every share is what it should be', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 6 }), (weights) => {
        const draw = new WeightedDraw(weights)
        const seen = count(() => draw.next(), 20_000)
        const total = weights.reduce((a, b) => a + b)
        weights.forEach((weight, i) => expect(Math.abs((seen[i] ?? 0) / 20_000 - weight / total)).toBeLessThan(0.03))
      }),
      { numRuns: 20 },
    )
  })
})

/** A call that ends well at once; the port it went to. */
function callOne(balancer: Balancer): number {
  const endpoint = balancer.pick()!
  endpoint.done('ok')
  return endpoint.instance.port
}

describe('least pending', () => {
  test('avoids busy instances', () => {
    const balancer = createLeastPending([instance(1), instance(2)])
    const stuck = Array.from({ length: 60 }, () => balancer.pick()!)
    for (const endpoint of stuck) if (endpoint.instance.port === 2) endpoint.done('ok')
    // Everything at 1 is still under way: only drawing it twice sends another call there.
    const seen = count(() => callOne(balancer), 4_000)
    expect(seen[1]! / 4_000).toBeGreaterThan(0.2)
    expect(seen[1]! / 4_000).toBeLessThan(0.3)
  })

  test('idle, it follows the weights; under load, the queues do', () => {
    const list = [instance(1, { weight: 3 }), instance(2)]
    const idle = createLeastPending(list)
    const seen = count(() => callOne(idle), 20_000)
    expect(seen[1]! / 20_000).toBeGreaterThan(0.72)
    expect(seen[1]! / 20_000).toBeLessThan(0.78)
    const loaded = createLeastPending(list)
    const under = count(() => loaded.pick()!.instance.port, 400)
    expect(under[1]! / 400).toBeGreaterThan(0.7)
    expect(under[1]! / 400).toBeLessThan(0.8)
  })

  test('calls under way are known to the next list', () => {
    const [a, b] = [instance(1), instance(2)]
    const before = createLeastPending([a])
    const open = [before.pick()!, before.pick()!]
    const after = createLeastPending([{ ...a, metadata: { v: '2' } }, b], before)
    expect(after.pick({ exclude: new Set([b]) })!.instance.port).toBe(1) // three now
    const exact = () => {
      const endpoint = after.pick({ exclude: new Set([instance(9)]) })!
      endpoint.done('ok')
      return endpoint.instance.port
    }
    expect(exact()).toBe(2)
    after.pick({ exclude: new Set([after.pick({ exclude: new Set([b]) })!.instance]) }) // b has one
    for (const endpoint of open) endpoint.done('ok')
    expect(exact()).toBe(2)
  })

  test('leaves out what is excluded', () => {
    const [a, b] = [instance(1), instance(2)]
    const balancer = createLeastPending([a, b])
    for (let i = 0; i < 5; i++) expect(balancer.pick({ exclude: new Set([a]) })!.instance).toBe(b)
    expect(balancer.pick({ exclude: new Set([a, b]) })).toBeUndefined()
    expect(createLeastPending([]).pick()).toBeUndefined()
  })
})

describe('consistent hash', () => {
  const where = (balancer: Balancer) => KEYS.map((hashKey) => balancer.pick({ hashKey })!.instance.port)
  const weights = fc.array(fc.constantFrom(1, 1, 2, 5, 0.3), { minLength: 2, maxLength: 12 })
  const listOf = (drawn: number[]) => drawn.map((weight, index) => instance(index + 1, { weight }))

  test('the same key goes to the same instance, in whatever order the list comes', () => {
    fc.assert(
      fc.property(weights, (drawn) => {
        const list = listOf(drawn)
        expect(where(createConsistentHash([...list].reverse()))).toEqual(where(createConsistentHash(list)))
      }),
    )
  })

  test('an instance that leaves moves only its own keys; a new one takes only its own', () => {
    fc.assert(
      fc.property(fc.array(fc.constant(1), { minLength: 2, maxLength: 20 }), fc.nat(), (drawn, which) => {
        const list = listOf(drawn)
        const leaving = list[which % list.length]!
        const all = where(createConsistentHash(list))
        const rest = where(createConsistentHash(list.filter((each) => each !== leaving)))
        expect(KEYS.filter((_, i) => all[i] !== leaving.port && all[i] !== rest[i])).toEqual([])
      }),
    )
  })

  test('with weights too, few others move', () => {
    fc.assert(
      fc.property(weights, fc.nat(), (drawn, which) => {
        const list = listOf(drawn)
        // Whole numbers of the usual weight: the unit stays what it is.
        const unit = (each: readonly ServiceInstance[]) =>
          Math.round(Math.log2(each.reduce((sum, { weight }) => sum + weight, 0) / each.length))
        const leaving = list[which % list.length]!
        const left = list.filter((each) => each !== leaving)
        fc.pre(unit(list) === unit(left))
        const all = where(createConsistentHash(list))
        const rest = where(createConsistentHash(left))
        expect(KEYS.filter((_, i) => all[i] !== leaving.port && all[i] !== rest[i])).toEqual([])
      }),
    )
  })

  test('shares follow the weights', () => {
    const balancer = createConsistentHash([instance(1, { weight: 3 }), instance(2), instance(3)])
    const seen = count(() => balancer.pick({ hashKey: String(Math.random()) })!.instance.port, 20_000)
    expect(seen[1]! / 20_000).toBeGreaterThan(0.52)
    expect(seen[1]! / 20_000).toBeLessThan(0.68)
  })

  test('a retry of the same key always goes to the same second', () => {
    const list = Array.from({ length: 5 }, (_, i) => instance(i + 1))
    const balancer = createConsistentHash(list)
    for (const hashKey of KEYS.slice(0, 50)) {
      const first = balancer.pick({ hashKey })!.instance
      const second = balancer.pick({ hashKey, exclude: new Set([first]) })!.instance
      expect(second).not.toBe(first)
      expect(createConsistentHash(list.filter((each) => each !== first)).pick({ hashKey })!.instance).toBe(second)
    }
    expect(balancer.pick({ hashKey: 'x', exclude: new Set(list) })).toBeUndefined()
  })

  test('without a key, calls take turns', () => {
    const balancer = createConsistentHash([instance(1), instance(2)])
    expect([1, 2, 3, 4].map(() => balancer.pick()!.instance.port)).toEqual([1, 2, 1, 2])
    expect(createConsistentHash([]).pick({ hashKey: 'x' })).toBeUndefined()
  })

  test('10,000 instances are laid out quickly', () => {
    const list = Array.from({ length: 10_000 }, (_, i) => instance(8080, { ip: `10.0.${i >> 8}.${i & 255}` }))
    const tookMs = leastCpuTime(3, () => expect(createConsistentHash(list).pick({ hashKey: 'x' })).toBeDefined())
    expect(tookMs).toBeLessThan(500)
  })
})

describe('same cluster first', () => {
  const [near, near2, far] = [
    instance(1, { cluster: 'HZ' }),
    instance(2, { cluster: 'HZ' }),
    instance(3, { cluster: 'SH' }),
  ] as const

  test('its own while there is one, the others then', () => {
    const own = createSameClusterFirst([near, near2, far], undefined, { cluster: 'HZ' })
    expect([1, 2, 3, 4].map(() => own.pick()!.instance.port)).toEqual([1, 2, 1, 2])
    expect(own.pick({ exclude: new Set([near, near2]) })!.instance).toBe(far)
    expect(createSameClusterFirst([far], own, { cluster: 'HZ' }).pick()!.instance).toBe(far)
    expect(createSameClusterFirst([], own, { cluster: 'HZ' }).pick()).toBeUndefined()
  })
})
