import { registerBalancer } from 'nacos-sidecar'
import { describe, expect, test } from 'vitest'
import { createConsistentHash } from '../../../src/balance/consistent-hash.js'
import { createLeastPending } from '../../../src/balance/least-pending.js'
import { createRandom } from '../../../src/balance/random.js'
import { balancerFor } from '../../../src/balance/registry.js'
import { createRoundRobin } from '../../../src/balance/round-robin.js'
import { createSameClusterFirst } from '../../../src/balance/same-cluster-first.js'
import { anInstance } from '../../support/transport.js'

const key = { namespace: '', group: 'G', service: 's' }

const instance = (port: number, weight = 1) => anInstance({ ...key, ip: '10.0.0.1', port, weight })

describe('balancers by name', () => {
  test('the built-in ones and one’s own', () => {
    expect(balancerFor('round-robin')).toBe(createRoundRobin)
    expect(balancerFor('random')).toBe(createRandom)
    expect(balancerFor('least-pending')).toBe(createLeastPending)
    expect(balancerFor('consistent-hash')).toBe(createConsistentHash)
    expect(balancerFor('same-cluster-first')).toBe(createSameClusterFirst)
    const first = () => ({ pick: () => undefined })
    registerBalancer('first', first)
    expect(balancerFor('first')).toBe(first)
  })

  test('an unknown one lists those there are', () => {
    expect(() => balancerFor('fastest')).toThrow(expect.objectContaining({ code: 'SIDECAR_SETTINGS_INVALID' }))
    expect(() => balancerFor('__proto__')).toThrow(/known are round-robin, random/)
  })
})

describe('random', () => {
  test('follows the weights', () => {
    const balancer = createRandom([instance(1, 3), instance(2, 1)])
    let first = 0
    for (let i = 0; i < 20_000; i++) if (balancer.pick()!.instance.port === 1) first++
    expect(first / 20_000).toBeGreaterThan(0.72)
    expect(first / 20_000).toBeLessThan(0.78)
  })

  test('leaves out what is excluded', () => {
    const [a, b] = [instance(1), instance(2)]
    const balancer = createRandom([a, b])
    for (let i = 0; i < 20; i++) expect(balancer.pick({ exclude: new Set([a]) })!.instance).toBe(b)
    expect(balancer.pick({ exclude: new Set([a, b]) })).toBeUndefined()
    expect(createRandom([]).pick()).toBeUndefined()
  })
})
