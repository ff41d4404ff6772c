import type { Outcome, ServiceInstance } from 'nacos-sidecar'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { ServiceRoute } from '../../../src/balance/service-route.js'
import { formatDrainHeader } from '../../../src/drain-header.js'
import { instance, routesOver } from './support.js'

// Outcomes come from calls in real life (test/faults); here their order and the clock are the test's.
beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

const four = [1, 2, 3, 4].map((port) => instance(port))

/** Ends calls in the way the port deserves. */
function call(route: ServiceRoute, times: number, outcomes: Record<number, Outcome> = {}, idempotent = true) {
  const seen: Record<number, number> = {}
  for (let i = 0; i < times; i++) {
    const endpoint = route.pick(undefined, idempotent)!
    const { port } = endpoint.instance
    seen[port] = (seen[port] ?? 0) + 1
    route.done(endpoint, outcomes[port] ?? 'ok')
  }
  return seen
}

function setUp(ejection: object = {}) {
  const over = routesOver(ejection)
  over.list(...four)
  return { ...over, route: over.routes.to('s') }
}

describe('taking out', () => {
  test('five failures in a row; the others share the calls', () => {
    const { route, events } = setUp()
    expect(call(route, 16, { 2: 'failed' })[2]).toBe(4)
    expect(events).toEqual([])
    call(route, 4, { 2: 'failed' })
    expect(events).toEqual(['ejected 2'])
    expect(call(route, 30)).toEqual({ 1: 10, 3: 10, 4: 10 })
  })

  test('a success in between starts the count again', () => {
    const { route, events } = setUp()
    for (let i = 0; i < 5; i++) {
      call(route, 16, { 2: 'failed' })
      call(route, 4)
    }
    expect(events).toEqual([])
  })

  test('one connection that did not come about is enough', () => {
    const { route, events } = setUp()
    call(route, 4, { 3: 'never-connected' })
    expect(events).toEqual(['ejected 3'])
    expect(call(route, 9)).not.toHaveProperty('3')
  })

  test('what the caller gave up says nothing', () => {
    const { route, events } = setUp()
    call(route, 100, { 1: 'aborted' })
    expect(events).toEqual([])
  })

  test('never more than the share', () => {
    const { route, events } = setUp()
    call(route, 100, { 1: 'failed', 2: 'failed', 3: 'failed', 4: 'failed' })
    expect(events).toHaveLength(2)
    const alone = routesOver()
    alone.list(instance(1))
    call(alone.routes.to('s'), 20, { 1: 'never-connected' })
    expect(alone.events).toEqual([])
  })

  test('switched off', () => {
    const { route, events } = setUp({ enabled: false })
    call(route, 100, { 1: 'never-connected' })
    expect(events).toEqual([])
  })

  test('every route to the service knows', () => {
    const { routes, route } = setUp()
    call(route, 4, { 3: 'never-connected' })
    expect(call(routes.to('s', { balancer: 'random' }), 50)).not.toHaveProperty('3')
  })

  test('a call that has tried all others goes to an ejected instance', () => {
    const { route, list } = setUp()
    const { instances } = list(...four)
    call(route, 4, { 3: 'never-connected' })
    const exclude = new Set(instances.filter(({ port }) => port !== 3))
    expect(route.pick({ exclude }, true)!.instance.port).toBe(3)
    expect(route.pick({ exclude: new Set(instances) }, true)).toBeUndefined()
  })
})

describe('bringing back', () => {
  test('one call tries it when its time is up; then it is one of them again', () => {
    const { route, events } = setUp()
    call(route, 4, { 3: 'never-connected' })
    vi.advanceTimersByTime(3_900)
    expect(call(route, 6)).not.toHaveProperty('3')
    vi.advanceTimersByTime(1_200)
    const trial = route.pick(undefined, true)!
    expect(trial.instance.port).toBe(3)
    expect(call(route, 9)).not.toHaveProperty('3') // until it is known how the trial ends
    route.done(trial, 'ok')
    expect(events).toEqual(['ejected 3', 'restored 3'])
    expect(call(route, 8)).toEqual({ 1: 2, 2: 2, 3: 2, 4: 2 })
  })

  test('each further time is twice as long, up to the longest', () => {
    const { route, events } = setUp({ time: 1_000, maxTime: 3_000 })
    call(route, 4, { 3: 'never-connected' })
    const waits = [1_000, 2_000, 3_000, 3_000].map((atMost) => {
      const before = events.length
      vi.advanceTimersByTime(atMost * 0.79)
      expect(call(route, 6, { 3: 'failed' })).not.toHaveProperty('3')
      vi.advanceTimersByTime(atMost * 0.21 + 1)
      call(route, 1, { 3: 'failed' })
      return events.length - before
    })
    expect(waits).toEqual([1, 1, 1, 1])
  })

  test('a trial that the caller gives up is tried again', () => {
    const { route, events } = setUp()
    call(route, 4, { 3: 'never-connected' })
    vi.advanceTimersByTime(5_001)
    call(route, 1, { 3: 'aborted' })
    call(route, 1)
    expect(events).toEqual(['ejected 3', 'restored 3'])
  })

  test('a call that cannot be repeated tries it only where no other has come', () => {
    const { route } = setUp()
    call(route, 4, { 3: 'never-connected' })
    vi.advanceTimersByTime(5_001)
    expect(call(route, 9, {}, false)).not.toHaveProperty('3')
    vi.advanceTimersByTime(5_001)
    expect(call(route, 4, {}, false)).toHaveProperty('3')
  })

  test('a probe without an outcome is not the last one', () => {
    const { route, events } = setUp({ maxTime: 20_000 })
    call(route, 4, { 3: 'never-connected' })
    vi.advanceTimersByTime(5_001)
    const lost = route.pick(undefined, true)!
    expect(lost.instance.port).toBe(3)
    vi.advanceTimersByTime(19_000)
    expect(call(route, 6)).not.toHaveProperty('3')
    vi.advanceTimersByTime(1_001)
    expect(call(route, 9)).toHaveProperty('3')
    expect(events).toEqual(['ejected 3', 'restored 3'])
    route.done(lost, 'failed')
    vi.advanceTimersByTime(60_000)
    expect(call(route, 8)).toEqual({ 1: 2, 2: 2, 3: 2, 4: 2 })
  })

  test('an answer from before the ejection changes nothing', () => {
    const { route, events } = setUp()
    const slow = route.pick(undefined, true)!
    expect(slow.instance.port).toBe(1)
    call(route, 4, { 1: 'never-connected' })
    route.done(slow, 'ok')
    expect(events).toEqual(['ejected 1'])
    expect(call(route, 6)).not.toHaveProperty('1')
  })
})

describe('an instance that drains', () => {
  /** The detector has seen the list. */
  function ready(ejection: object = {}) {
    const over = setUp(ejection)
    call(over.route, 4)
    return over
  }

  /** One round, in which those ports announce that they drain. */
  function answerDraining(route: ServiceRoute, ...ports: number[]) {
    four.forEach(() => {
      const endpoint = route.pick(undefined, true)!
      if (ports.includes(endpoint.instance.port)) announceDrain(route, endpoint.instance)
      route.done(endpoint, 'ok')
    })
  }

  const announceDrain = (route: ServiceRoute, from: ServiceInstance, forMs = 5_000) =>
    route.onDrainHeader(from, formatDrainHeader(from, forMs))

  test('is skipped without an event, and comes back without a probe', () => {
    const { route, events } = ready()
    answerDraining(route, 3)
    expect(call(route, 9)).toEqual({ 1: 3, 2: 3, 4: 3 })
    vi.advanceTimersByTime(5_001)
    expect(call(route, 8, {}, false)).toEqual({ 1: 2, 2: 2, 3: 2, 4: 2 })
    expect(events).toEqual([])
  })

  test('all but one of them: that one has the calls; all of them: they go on', () => {
    const { route } = ready()
    answerDraining(route, 1, 2, 3)
    expect(call(route, 4)).toEqual({ 4: 4 })
    announceDrain(route, four[3]!)
    expect(call(route, 8)).toEqual({ 1: 2, 2: 2, 3: 2, 4: 2 })
  })

  test('counts neither for nor against failing instances', () => {
    const { route, events } = ready()
    announceDrain(route, four[0]!)
    announceDrain(route, four[1]!)
    call(route, 2, { 3: 'never-connected' })
    expect(events).toEqual(['ejected 3'])
    expect(call(route, 4, { 4: 'never-connected' })).toEqual({ 4: 4 })
    expect(events).toEqual(['ejected 3'])
    expect(call(route, 4)).toEqual({ 4: 4 })
  })

  test('panic goes over those that stay', () => {
    const { route, list } = ready()
    call(route, 4, { 1: 'never-connected', 2: 'never-connected' })
    list(...four.slice(0, 3))
    announceDrain(route, four[2]!)
    expect(call(route, 4)).toEqual({ 1: 2, 2: 2 })
  })

  test('whose listener is closed counts as failed', () => {
    const { route, events } = ready()
    const late = route.pick(undefined, true)!
    announceDrain(route, late.instance)
    route.done(late, 'failed')
    expect(events).toEqual([])
    route.done(late, 'never-connected')
    expect(events).toEqual(['ejected 1'])
  })

  test('is skipped for as long as its header says, 30 s at most', () => {
    const { route } = ready()
    announceDrain(route, four[0]!, 12_000)
    announceDrain(route, four[1]!, 40_000)
    vi.advanceTimersByTime(11_900)
    expect(call(route, 4)).toEqual({ 3: 2, 4: 2 })
    vi.advanceTimersByTime(200)
    expect(call(route, 6)).toEqual({ 1: 2, 3: 2, 4: 2 })
    vi.advanceTimersByTime(18_000)
    expect(call(route, 4)).toHaveProperty('2')
  })

  test.each([
    '',
    '12',
    '12;',
    ';',
    'x;y',
    formatDrainHeader(instance(9), 5_000),
    `-1;${formatDrainHeader(instance(1), 0).slice(2)}`,
  ])('the header of another instance is ignored: %s', (text) => {
    const { route } = ready()
    route.onDrainHeader(four[0]!, text)
    expect(call(route, 8)).toEqual({ 1: 2, 2: 2, 3: 2, 4: 2 })
  })

  test('a late answer of an instance that is no longer listed changes nothing', () => {
    const { route, list } = ready()
    const late = route.pick(undefined, true)!
    list(...four.slice(1))
    call(route, 1)
    announceDrain(route, late.instance)
    list(...four)
    expect(call(route, 8)).toEqual({ 1: 2, 2: 2, 3: 2, 4: 2 })
  })

  test('that returns in a new list starts anew; one that stays listed still drains', () => {
    const { route, list } = ready()
    answerDraining(route, 3, 4)
    list(...four.filter(({ port }) => port !== 3))
    expect(call(route, 4)).toEqual({ 1: 2, 2: 2 })
    list(...four)
    expect(call(route, 6)).toEqual({ 1: 2, 2: 2, 3: 2 })
    vi.advanceTimersByTime(5_001)
    expect(call(route, 8)).toEqual({ 1: 2, 2: 2, 3: 2, 4: 2 })
  })

  test('goes on where ejection is switched off', () => {
    const { route } = ready({ enabled: false })
    answerDraining(route, 3)
    expect(call(route, 8)).toHaveProperty('3')
  })
})

describe('a new list', () => {
  test('by address: metadata and weight may change', () => {
    const { route, list } = setUp()
    call(route, 4, { 3: 'never-connected' })
    list(...four.map((each) => ({ ...each, metadata: { build: '2' } })))
    expect(call(route, 9)).toEqual({ 1: 3, 2: 3, 4: 3 })
    vi.advanceTimersByTime(5_001)
    expect(route.pick(undefined, true)!.instance).toMatchObject({ port: 3, metadata: { build: '2' } })
  })

  test('failures counted so far stay counted', () => {
    const { route, list, events } = setUp()
    call(route, 16, { 2: 'failed' })
    list(...four.map((each) => ({ ...each, weight: 2 })))
    call(route, 4, { 2: 'failed' })
    expect(events).toEqual(['ejected 2'])
  })

  test('an instance that left and returns starts anew', () => {
    const { route, list } = setUp()
    call(route, 4, { 3: 'never-connected' })
    list(...four.filter(({ port }) => port !== 3))
    call(route, 1)
    list(...four)
    expect(call(route, 4)).toHaveProperty('3')
  })

  test('one that the registry marks unhealthy does not count for the share: another one may be ejected', () => {
    const { route, list, events } = setUp()
    call(route, 4, { 1: 'never-connected' })
    list(...four.map((each) => ({ ...each, healthy: each.port !== 1 })))
    call(route, 3, { 2: 'never-connected' })
    expect(events).toEqual(['ejected 1', 'ejected 2'])
    expect(call(route, 8)).toEqual({ 3: 4, 4: 4 })
  })

  test('panic: if few instances are left, all are called', () => {
    const { route, list } = setUp()
    call(route, 4, { 1: 'never-connected', 2: 'never-connected' })
    expect(call(route, 8)).toEqual({ 3: 4, 4: 4 })
    list(...four.slice(0, 3))
    expect(call(route, 9)).toEqual({ 1: 3, 2: 3, 3: 3 })
  })
})
