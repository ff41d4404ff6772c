import { describe, expect, test } from 'vitest'
import type { Balancer } from '../../../src/balance/balancer.js'
import { createRandom } from '../../../src/balance/random.js'
import { balancerFor, registerBalancer } from '../../../src/balance/registry.js'
import { createRoundRobin } from '../../../src/balance/round-robin.js'
import { createRoutes } from '../../../src/balance/routes.js'
import type { ServiceDirectory, ServiceSnapshot } from '../../../src/discovery/directory.js'
import { nextSnapshot } from '../../../src/discovery/snapshot.js'
import type { ServiceInstance } from '../../../src/types.js'

const key = { namespace: '', group: 'G', service: 's' }

function instance(port: number, weight = 1): ServiceInstance {
  return {
    ...key,
    ip: '10.0.0.1',
    port,
    weight,
    healthy: true,
    enabled: true,
    ephemeral: true,
    cluster: 'DEFAULT',
    metadata: {},
  }
}

describe('balancers by name', () => {
  test('the built-in ones and one’s own', () => {
    expect(balancerFor('round-robin')).toBe(createRoundRobin)
    expect(balancerFor('random')).toBe(createRandom)
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

describe('routes', () => {
  function setUp() {
    let snapshot: ServiceSnapshot | undefined
    const gone: number[][] = []
    const directory = { peek: () => snapshot } as unknown as ServiceDirectory
    const routes = createRoutes({
      directory,
      balancer: 'round-robin',
      onGone: (list) => gone.push(list.map((i) => i.port)),
    })
    const list = (...instances: ServiceInstance[]) => (snapshot = nextSnapshot(key, instances, snapshot))
    return { routes, list, gone }
  }

  test('one rotation for everybody who calls the service the same way', () => {
    const { routes, list } = setUp()
    list(instance(1), instance(2))
    expect(routes.to('s')).toBe(routes.to('s', 'round-robin'))
    expect(routes.to('s')).not.toBe(routes.to('s', 'random'))
    const ports = [routes.to('s'), routes.to('s'), routes.to('s')].map(
      (route) => route.balancer()!.pick()!.instance.port,
    )
    expect(ports).toEqual([1, 2, 1])
  })

  test('nothing before the first list; the same balancer until the list changes', () => {
    const { routes, list } = setUp()
    const route = routes.to('s')
    expect(route.balancer()).toBeUndefined()
    list(instance(1))
    const first = route.balancer() as Balancer
    list(instance(1))
    expect(route.balancer()).toBe(first)
    list(instance(1), instance(2))
    expect(route.balancer()).not.toBe(first)
  })

  test('tells of instances that left, not of those that only changed', () => {
    const { routes, list, gone } = setUp()
    const route = routes.to('s')
    list(instance(1), instance(2), instance(3))
    route.balancer()
    list({ ...instance(1), metadata: { v: '2' } }, { ...instance(2), healthy: false })
    route.balancer()
    expect(gone).toEqual([[3]])
  })
})
