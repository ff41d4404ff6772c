import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createServiceUpdates } from '../../../../src/nacos/push/service-updates.js'
import type { ServiceListener } from '../../../../src/nacos/transport.js'
import type { ServiceInstance, ServiceKey } from '../../../../src/types.js'
import { collectLog } from '../../../support/collect.js'
import { anInstance, ORDERS } from '../../../support/http-transport.js'

const POLL_MS = 40

function setup(list: (key: ServiceKey, signal?: AbortSignal) => Promise<ServiceInstance[]>) {
  const pushes = new Set<ServiceListener>()
  const feed = createServiceUpdates({ list, pollIntervalMs: POLL_MS, logger: collectLog() })
  onTestFinished(() => feed.close())
  const watch = (_key: ServiceKey, listener: ServiceListener) => {
    pushes.add(listener)
    return () => void pushes.delete(listener)
  }
  return {
    feed,
    pushes,
    push: (instances: ServiceInstance[]) => pushes.forEach((listener) => listener(instances)),
    toPush: () => feed.setMode('push', watch),
    toPull: () => feed.setMode('pull', undefined),
  }
}

const ports = (lists: ServiceInstance[][]) => lists.map((list) => list.map(({ port }) => port))

describe('a service feed', () => {
  it('asks again and again while nothing pushes, and stops when something does', async () => {
    let asked = 0
    const { feed, pushes, push, toPush, toPull } = setup(async () => [anInstance({ port: ++asked })])
    const lists: ServiceInstance[][] = []
    feed.watch(ORDERS, (list) => lists.push(list))
    expect(asked).toBe(0)
    toPull()
    await vi.waitFor(() => expect(ports(lists).slice(0, 3)).toEqual([[1], [2], [3]]))
    toPush()
    const before = asked
    expect(pushes.size).toBe(1)
    push([anInstance({ port: 9 })])
    expect(ports(lists).at(-1)).toEqual([9])
    await new Promise((resolve) => setTimeout(resolve, 3 * POLL_MS))
    expect(asked).toBe(before)
    toPull()
    expect(pushes.size).toBe(0)
    await vi.waitFor(() => expect(asked).toBeGreaterThan(before))
  })

  it('does not believe an answer that push has overtaken', async () => {
    let answer: ((list: ServiceInstance[]) => void) | undefined
    const { feed, push, toPush, toPull } = setup(() => new Promise((resolve) => (answer = resolve)))
    const lists: ServiceInstance[][] = []
    feed.watch(ORDERS, (list) => lists.push(list))
    toPull()
    await vi.waitFor(() => expect(answer).toBeDefined())
    toPush()
    push([anInstance({ port: 2 })])
    answer!([anInstance({ port: 1 })])
    await new Promise((resolve) => setImmediate(resolve))
    expect(ports(lists)).toEqual([[2]])
  })

  it('keeps what it has when a question fails, and goes on asking', async () => {
    let asked = 0
    const { feed, toPull } = setup(async () => {
      if (++asked < 3) throw new Error('down')
      return [anInstance({ port: asked })]
    })
    const lists: ServiceInstance[][] = []
    feed.watch(ORDERS, (list) => lists.push(list))
    toPull()
    await vi.waitFor(() => expect(ports(lists)[0]).toEqual([3]))
  })

  it('watches once for all listeners of a service, and gives a late one the present list', async () => {
    const list = vi.fn(async () => [anInstance()])
    const { feed, pushes, push, toPush } = setup(list)
    const [one, two]: [ServiceInstance[][], ServiceInstance[][]] = [[], []]
    const listener = (all: ServiceInstance[]) => one.push(all)
    const end = feed.watch(ORDERS, listener)
    toPush()
    push([anInstance({ port: 1 })])
    feed.watch(ORDERS, (all) => two.push(all))
    await vi.waitFor(() => expect(ports(two)).toEqual([[1]]))
    expect(pushes.size).toBe(1)
    end()
    end()
    push([anInstance({ port: 2 })])
    expect([ports(one), ports(two)]).toEqual([[[1]], [[1], [2]]])
  })

  it('asks for a thousand services eight at a time, spread over the interval', async () => {
    let running = 0
    let most = 0
    const seen = new Set<string>()
    const { feed, toPull } = setup(async ({ service }) => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, 1))
      running--
      seen.add(service)
      return []
    })
    for (let n = 0; n < 1000; n++) feed.watch({ ...ORDERS, service: `service-${n}` }, () => {})
    toPull()
    await vi.waitFor(() => expect(seen.size).toBe(1000), { timeout: 10_000 })
    expect(most).toBeLessThanOrEqual(8)
  })
})
