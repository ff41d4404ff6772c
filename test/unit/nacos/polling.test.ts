import { createHash } from 'node:crypto'
import type { ConfigItem, NacosTransport, ServiceInstance, ServiceKey } from 'nacos-sidecar'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createPolling, pollConfigs, pollServices, withPolling } from '../../../src/nacos/polling.js'
import { collectLog } from '../../support/collect.js'
import { anInstance, ORDERS } from '../../support/transport.js'
import { createMemoryTransport } from '../../support/memory-transport.js'

const POLL_MS = 40
const KEY = { namespace: '', group: 'G', dataId: 'app.yml' }
const item = (content: string): ConfigItem => ({
  ...KEY,
  content,
  md5: createHash('md5').update(content).digest('hex'),
})

type List = (key: ServiceKey, signal: AbortSignal) => Promise<ServiceInstance[]>

function services(ask: List) {
  const watch = pollServices({ ask, intervalMs: POLL_MS, logger: collectLog() })
  return (
    listener: (list: ServiceInstance[]) => void,
    service: string = ORDERS.service,
    onFailure?: (error: unknown) => void,
  ) => {
    const end = watch({ ...ORDERS, service }, listener, onFailure)
    onTestFinished(end)
    return end
  }
}

const ports = (lists: ServiceInstance[][]) => lists.map((list) => list.map(({ port }) => port))

describe('a service that is polled', () => {
  it('is asked for again and again until the watch ends', async () => {
    let asked = 0
    const lists: ServiceInstance[][] = []
    const end = services(async () => [anInstance({ port: ++asked })])((list) => lists.push(list))
    await vi.waitFor(() => expect(ports(lists).slice(0, 3)).toEqual([[1], [2], [3]]))
    end()
    const before = asked
    await new Promise((resolve) => setTimeout(resolve, 3 * POLL_MS))
    expect(asked).toBe(before)
  })

  it('is not heard of after the end, and the question in flight is given up', async () => {
    let answer: ((list: ServiceInstance[]) => void) | undefined
    let signal: AbortSignal | undefined
    const heard = vi.fn()
    const end = services((_key, given) => {
      signal = given
      return new Promise((resolve) => (answer = resolve))
    })(heard)
    await vi.waitFor(() => expect(answer).toBeDefined())
    end()
    expect(signal?.aborted).toBe(true)
    answer!([anInstance()])
    await new Promise((resolve) => setImmediate(resolve))
    expect(heard).not.toHaveBeenCalled()
  })

  it('reports each question that fails, and is asked for again', async () => {
    let asked = 0
    const lists: ServiceInstance[][] = []
    const failures: unknown[] = []
    services(async () => {
      if (++asked < 3) throw new Error('down')
      return [anInstance({ port: asked })]
    })(
      (list) => lists.push(list),
      undefined,
      (error) => failures.push(error),
    )
    await vi.waitFor(() => expect(ports(lists)[0]).toEqual([3]))
    expect(failures).toEqual([new Error('down'), new Error('down')])
  })

  it('is asked for once for all its listeners, and a late one gets what there is', async () => {
    const ask = vi.fn(async () => [anInstance({ port: 1 })])
    const watch = pollServices({ ask, intervalMs: 100_000, logger: collectLog() })
    const [one, two]: [ServiceInstance[][], ServiceInstance[][]] = [[], []]
    const ends = [watch(ORDERS, (all) => one.push(all))]
    await vi.waitFor(() => expect(ports(one)).toEqual([[1]]))
    ends.push(watch(ORDERS, (all) => two.push(all)))
    await vi.waitFor(() => expect(ports(two)).toEqual([[1]]))
    expect(ask).toHaveBeenCalledTimes(1)
    expect(one[0]).not.toBe(two[0])
    for (const end of ends) end()
  })

  it('a thousand are asked for eight at a time, spread over the interval', async () => {
    let running = 0
    let most = 0
    const seen = new Set<string>()
    const watch = services(async ({ service }) => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, 1))
      running--
      seen.add(service)
      return []
    })
    for (let n = 0; n < 1000; n++) watch(() => {}, `service-${n}`)
    await vi.waitFor(() => expect(seen.size).toBe(1000), { timeout: 10_000 })
    expect(most).toBeLessThanOrEqual(8)
  })
})

describe('a document that is polled', () => {
  it('tells each listener what differs from what it holds, each change once', async () => {
    let current: ConfigItem | undefined = item('one')
    const logger = collectLog()
    const watch = pollConfigs({ ask: async () => current, intervalMs: 5, logger })
    const heard: string[] = []
    const ends = [
      watch(KEY, '', (next) => heard.push(`behind ${next?.content}`)),
      watch(KEY, item('one').md5, (next) => heard.push(`up to date ${next?.content}`)),
      watch(KEY, '', () => {
        throw new Error('boom')
      }),
    ]
    await vi.waitFor(() => expect(heard).toEqual(['behind one']))
    current = undefined
    await vi.waitFor(() => expect(heard).toHaveLength(3))
    expect(heard.slice(1)).toEqual(['behind undefined', 'up to date undefined'])
    expect(logger.lines).toEqual([
      'error A listener of config app.yml (G) threw: boom',
      'error A listener of config app.yml (G) threw: boom',
    ])
    for (const end of ends) end()
  })
})

it('asks at once when told to', async () => {
  const ask = vi.fn(async () => 1)
  const polling = createPolling({ ask, intervalMs: 100_000, immediate: false })
  const heard = vi.fn()
  onTestFinished(polling.follow('key', heard))
  await new Promise((resolve) => setImmediate(resolve))
  expect(ask).not.toHaveBeenCalled()
  polling.askNow()
  await vi.waitFor(() => expect(heard).toHaveBeenCalledWith(1))
})

describe("an app's own transport", () => {
  const options = { pollIntervalMs: 5, logger: collectLog() }

  it('is used as it is where it watches', () => {
    const watches = { watchService: () => () => {}, watchConfig: () => () => {} }
    const own = { ...createMemoryTransport(), ...watches }
    expect(withPolling(own, options)).toBe(own)
  })

  it('keeps its state where it is a class, and lacks what it lacked', async () => {
    const inner = createMemoryTransport()
    class Own implements NacosTransport {
      readonly #inner = inner
      register(instance: ServiceInstance) {
        return this.#inner.register(instance)
      }
      deregister(instance: ServiceInstance) {
        return this.#inner.deregister(instance)
      }
      list(key: ServiceKey) {
        return this.#inner.list(key)
      }
      async getConfig() {
        return item('one')
      }
      describe() {
        return this.#inner.describe()
      }
      close() {
        return this.#inner.close()
      }
    }
    const transport = withPolling(new Own(), options)
    expect(transport.beat).toBeUndefined()
    expect(transport.publishConfig).toBeUndefined()
    expect(transport.describe()).toMatchObject({ server: 'memory:8848', by: 'poll' })
    await transport.register(anInstance({ port: 7 }))
    const lists: ServiceInstance[][] = []
    const documents: (string | undefined)[] = []
    onTestFinished(transport.watchService(ORDERS, (list) => lists.push(list)))
    onTestFinished(transport.watchConfig(KEY, '', (next) => documents.push(next?.content)))
    await vi.waitFor(() => expect(ports(lists)[0]).toEqual([7]))
    await vi.waitFor(() => expect(documents).toEqual(['one']))
  })

  it('is not said to be polled where it pushes services', () => {
    const own = { ...createMemoryTransport(), watchService: () => () => {} }
    const transport = withPolling(own, options)
    expect(transport.watchService).toBeDefined()
    expect(transport.describe().by).toBeUndefined()
  })
})
