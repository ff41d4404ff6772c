import { registerBalancer } from 'nacos-sidecar'
import { describe, expect, test, vi } from 'vitest'
import type { ServiceRoute } from '../../../src/balance/service-route.js'
import { instance, routesOver } from './support.js'

const ports = (route: ServiceRoute, times: number, version?: string) =>
  Array.from({ length: times }, () => route.pick(version === undefined ? undefined : { version })?.instance.port)

const versioned = [1, 2, 3, 4].map((port) => instance(port, { metadata: { version: port < 3 ? '1' : '2', zone: 'a' } }))

describe('routes', () => {
  test('one rotation for all callers of the same route', () => {
    const { routes, list } = routesOver()
    list(instance(1), instance(2))
    const own = () => true
    expect(routes.to('s')).toBe(routes.to('s', { balancer: 'round-robin' }))
    expect(routes.to('s')).not.toBe(routes.to('s', { balancer: 'random' }))
    expect(routes.to('s', { filter: { a: '1' } })).toBe(routes.to('s', { filter: { a: '1' } }))
    expect(routes.to('s', { filter: { a: '1' } })).not.toBe(routes.to('s', { filter: { a: '2' } }))
    expect(routes.to('s', { filter: own })).toBe(routes.to('s', { filter: own }))
    expect(routes.to('s', { filter: own })).not.toBe(routes.to('s', { filter: () => true }))
    expect([routes.to('s'), routes.to('s'), routes.to('s')].flatMap((route) => ports(route, 1))).toEqual([1, 2, 1])
  })

  test('nothing before the first list; a new balancer only where the list changes', () => {
    const create = vi.fn((list: readonly unknown[]) => ({ pick: () => list[0] as never }))
    registerBalancer('counted', create)
    const { routes, list } = routesOver({}, { balancer: 'counted' })
    const route = routes.to('s')
    expect(route.pick()).toBeUndefined()
    list(instance(1))
    route.pick()
    list(instance(1))
    route.pick()
    expect(create).toHaveBeenCalledTimes(1)
    list(instance(1), instance(2))
    route.pick()
    expect(create).toHaveBeenCalledTimes(2)
    expect(create.mock.calls[1]).toEqual([
      [instance(1), instance(2)],
      create.mock.results[0]!.value,
      { cluster: 'DEFAULT' },
    ])
  })

  test('reports instances that left, not those that only changed', () => {
    const { routes, list, gone } = routesOver()
    const route = routes.to('s')
    list(instance(1), instance(2), instance(3))
    route.pick()
    list(instance(1, { metadata: { v: '2' } }), instance(2, { healthy: false }))
    route.pick()
    expect(gone).toEqual([[3]])
  })
})

describe('a balancer of the app that throws', () => {
  const failing = () => {
    const failures: unknown[] = []
    const told = {
      balancer: 'fragile',
      onBalancerFailed: (_service: string, error: unknown) => void failures.push(error),
    }
    let fault: string | undefined
    registerBalancer('fragile', (instances) => {
      if (fault === 'no balancer') return undefined as never
      if (fault === 'factory') throw new RangeError('Invalid array length')
      const endpoints = instances.map((own) => ({
        instance: own,
        done() {
          if (fault === 'done') throw new Error('done')
        },
      }))
      return {
        pick(hint) {
          if (fault === 'pick') throw new TypeError('no pick')
          return endpoints.find((endpoint) => !hint?.exclude?.has(endpoint.instance))
        },
      }
    })
    const { routes, list } = routesOver({}, told)
    return { route: routes.to('s'), list, failures, fail: (how?: string) => void (fault = how) }
  }

  test.each(['factory', 'no balancer', 'pick'])('R12: at the first list already: equal turns, one alert: %s', (how) => {
    const { route, list, failures, fail } = failing()
    fail(how)
    list(instance(1), instance(2, { weight: 10_000 }))
    expect(ports(route, 6)).toEqual([1, 2, 1, 2, 1, 2])
    expect(failures).toHaveLength(1)
    fail()
    list(instance(1), instance(2), instance(3))
    expect(ports(route, 3)).toEqual([1, 1, 1])
  })

  test('R12: the previous balancer stays for that change only, and calls no instance that has gone', () => {
    const { route, list, failures, fail } = failing()
    list(instance(1), instance(2))
    expect(ports(route, 2)).toEqual([1, 1])
    fail('factory')
    list(instance(1, { metadata: { v: '2' } }), instance(3))
    expect(ports(route, 2)).toEqual([1, 1])
    expect(route.pick()!.instance.metadata).toEqual({ v: '2' })
    expect(failures).toHaveLength(1)
    list(instance(3), instance(4))
    expect(ports(route, 4)).toEqual([3, 4, 3, 4])
    expect(failures).toHaveLength(2)
    fail()
    list(instance(4), instance(5))
    expect(ports(route, 2)).toEqual([4, 4])
    expect(failures).toHaveLength(2)
  })

  test('R12: the previous balancer calls no instance that has gone', () => {
    const { route, list, fail } = failing()
    list(instance(1), instance(2))
    ports(route, 1)
    fail('factory')
    list(instance(2), instance(3))
    expect(ports(route, 4)).toEqual([2, 3, 2, 3])
  })

  test.each([
    ['a promise', async () => undefined],
    ['a promise that is rejected', () => Promise.reject(new Error('late'))],
    ['a text', () => 'x'],
    ['an instance', () => instance(1)],
    ['one without instance', () => ({ done() {} })],
    ['one without done', () => ({ instance: instance(1) })],
    ['one of another list', () => ({ instance: instance(9), done() {} })],
  ])('R12: a balancer that returns %s takes no service away', (_, pick) => {
    const failures: unknown[] = []
    registerBalancer('foreign', () => ({ pick: pick as never }))
    const onBalancerFailed = (_service: string, error: unknown) => void failures.push(error)
    const { routes, list } = routesOver({}, { balancer: 'foreign', onBalancerFailed })
    list(instance(1), instance(2))
    expect(ports(routes.to('s'), 4)).toEqual([1, 2, 1, 2])
    expect(failures).toEqual([expect.objectContaining({ message: expect.stringContaining('of its list') })])
  })

  test('R12: null is no pick, and an endpoint kept from a list before is one while its address is listed', () => {
    const kept = { instance: instance(1), done() {} }
    let answer: unknown = kept
    registerBalancer('keeper', () => ({ pick: () => answer as never }))
    const { routes, list } = routesOver({}, { balancer: 'keeper' })
    const route = routes.to('s')
    list(instance(1), instance(2))
    expect(route.pick()).toBe(kept)
    answer = null
    expect(route.pick()).toBeUndefined()
  })

  test('R12: a `done` that throws keeps the ejector from nothing', () => {
    const { route, list, failures, fail } = failing()
    list(instance(1), instance(2))
    fail('done')
    route.done(route.pick()!, 'never-connected')
    expect(failures).toHaveLength(1)
    expect(ports(route, 2)).toEqual([2, 2])
  })
})

describe('filters', () => {
  test('metadata, a function, a version', () => {
    const { routes, list } = routesOver()
    list(...versioned, instance(5))
    expect(ports(routes.to('s', { filter: { version: '2', zone: 'a' } }), 4)).toEqual([3, 4, 3, 4])
    expect(ports(routes.to('s', { filter: ({ port }) => port % 2 === 0 }), 4)).toEqual([2, 4, 2, 4])
    expect(ports(routes.to('s', { version: '1' }), 4)).toEqual([1, 2, 1, 2])
    expect(ports(routes.to('s', { filter: { __proto__: '1', constructor: 'x' } }), 1)).toEqual([undefined])
  })

  test('no instance fits: the error names the filter', async () => {
    const { routes, list } = routesOver()
    list(...versioned)
    const route = routes.to('s', { filter: { zone: 'b' }, version: '3' })
    expect(route.pick()).toBeUndefined()
    await expect(route.awaitInstance()).rejects.toMatchObject({
      code: 'SIDECAR_NO_INSTANCE',
      message: expect.stringMatching(
        /"s" matches zone=b, version=3: none of the 4 usable instances does.*feign\.client\.s\.filter/,
      ) as string,
    })
  })

  test('a filter that throws is an error of the client', () => {
    const { routes, list } = routesOver()
    list(...versioned)
    const route = routes.to('s', {
      filter: () => {
        throw new Error('boom')
      },
    })
    expect(() => route.pick()).toThrow(expect.objectContaining({ code: 'SIDECAR_CLIENT_INVALID' }))
  })

  test('a wanted version steers among what the filter lets through, and beats the client’s own', () => {
    const { routes, list } = routesOver()
    list(...versioned, instance(5, { metadata: { version: '3', zone: 'b' } }))
    const route = routes.to('s', { filter: { zone: 'a' }, version: '1' })
    expect(ports(route, 2)).toEqual([1, 2])
    expect(ports(route, 4, '2')).toEqual([3, 4, 3, 4])
    // No instance of that version, or only filtered ones: the default selection.
    for (const version of ['3', '9', '__proto__']) expect([1, 2]).toContain(ports(route, 1, version)[0])
    expect(ports(routes.to('s'), 1, '3')).toEqual([5])
  })

  test('versions come and go with the list', () => {
    const { routes, list } = routesOver()
    const route = routes.to('s', { version: '1' })
    list(...versioned)
    expect(ports(route, 1, '2')).toEqual([3])
    list(...versioned.slice(0, 2))
    expect([1, 2]).toContain(ports(route, 1, '2')[0])
    list(...versioned)
    expect([3, 4]).toContain(ports(route, 1, '2')[0])
  })

  test('the version whose instances have all been tried gives way', () => {
    const { routes, list } = routesOver()
    const exclude = new Set(list(...versioned).instances.slice(2))
    expect(routes.to('s').pick({ version: '2', exclude })!.instance.port).toBeLessThan(3)
  })
})
