import type { ServiceInstance, ServiceKey } from 'nacos-sidecar'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createServiceDirectory, type ServiceDirectoryOptions } from '../../../src/discovery/directory.js'
import type { ServiceStore } from '../../../src/discovery/service-store.js'
import { pollServices } from '../../../src/nacos/polling.js'
import type { ServiceListener } from '../../../src/nacos/transport.js'
import { leastCpuTime } from '../../support/cost.js'
import { anInstance } from '../../support/transport.js'

function instance(port: number, more: Partial<ServiceInstance> = {}): ServiceInstance {
  return anInstance({ namespace: 'ns', service: 'svc', ip: '10.0.0.1', port, ...more })
}

const MEMORY = { server: 'memory', servers: ['memory'], protocol: 'memory', connected: true }

type List = (key: ServiceKey, signal?: AbortSignal) => Promise<ServiceInstance[]>

function setUp(
  list: List,
  options: Partial<ServiceDirectoryOptions> & { watch?: (key: ServiceKey, on: ServiceListener) => () => void } = {},
) {
  const { watch, settings = { pollInterval: 20, emptyProtection: 0 }, ...rest } = options
  const asked = vi.fn<List>(list)
  const logged: string[] = []
  const log = (message: string) => void logged.push(message)
  const logger = { debug: log, info: log, warn: log, error: log }
  const emit = vi.fn()
  const directory = createServiceDirectory({
    transport: {
      list: asked,
      watchService: watch ?? pollServices({ ask: asked, intervalMs: settings.pollInterval, immediate: false, logger }),
      describe: () => ({ ...MEMORY, by: watch ? 'push' : 'poll' }),
    },
    namespace: 'ns',
    group: 'DEFAULT_GROUP',
    settings,
    logger,
    emit,
    ...rest,
  })
  onTestFinished(() => directory.close())
  return { directory, asked, logged, emit }
}

const never = { settings: { pollInterval: 1_000_000, emptyProtection: 0 } }

describe('names', () => {
  test('name and group@@name', async () => {
    const { directory, asked } = setUp(async () => [])
    await directory.get('user-service')
    await directory.get('grey@@com.acme.User:1.0_x')
    expect(asked.mock.calls.slice(0, 2).map(([key]) => key)).toEqual([
      { namespace: 'ns', group: 'DEFAULT_GROUP', service: 'user-service' },
      { namespace: 'ns', group: 'grey', service: 'com.acme.User:1.0_x' },
    ])
  })

  test.each([
    '',
    'a/b',
    '../x',
    'a?b',
    'a#b',
    'a b',
    'a\nb',
    'http://x',
    '@@x',
    'g@@',
    'a@@b@@c',
    'a%2e',
    'x'.repeat(513),
  ])('refuses %j', async (name) => {
    const { directory, asked } = setUp(async () => [])
    await expect(directory.get(name)).rejects.toMatchObject({ code: 'SIDECAR_CALL_INVALID' })
    expect(() => directory.watch(name, () => {})).toThrow(/is not a service name/)
    expect(asked).not.toHaveBeenCalled()
  })
})

describe('the first list', () => {
  test('is fetched once for all callers, then cached', async () => {
    const { directory, asked } = setUp(async () => [instance(1)], never)
    expect(directory.peek('svc')).toBeUndefined()
    const all = await Promise.all([directory.get('svc'), directory.get('svc'), directory.get('DEFAULT_GROUP@@svc')])
    expect(asked).toHaveBeenCalledTimes(1)
    expect(new Set(all).size).toBe(1)
    expect(directory.peek('svc')).toBe(all[0])
    expect(await directory.get('svc')).toBe(all[0])
    expect(asked).toHaveBeenCalledTimes(1)
  })

  test('names that no service has are forgotten after a thousand; what is watched, or was a service once, stays', async () => {
    const services = new Set(['real'])
    const { directory, asked } = setUp(async ({ service }) => (services.has(service) ? [instance(1)] : []), never)
    await directory.get('real')
    services.clear()
    directory.watch('watched', () => {})
    await directory.get('watched')
    for (let i = 0; i < 1_500; i++) await directory.get(`name-${i}`)
    const names = directory.status().map(({ service }) => service)
    expect(names.length).toBeLessThanOrEqual(1_001)
    expect(names).toEqual(expect.arrayContaining(['real', 'watched', 'name-1499']))
    expect(names).not.toContain('name-0')
    expect(directory.hasSeen('real')).toBe(true)
    asked.mockClear()
    await directory.get('name-0')
    expect(asked).toHaveBeenCalledOnce()
  })

  test('keeps the callable ones apart from all', async () => {
    const list = [
      instance(1),
      instance(2, { healthy: false }),
      instance(3, { enabled: false }),
      instance(4, { weight: 0 }),
      instance(5, { ip: 'evil.example/path' }),
      instance(6, { ip: 'user@evil.example' }),
      instance(0),
      instance(70_000),
      instance(7, { ip: '::1' }),
      instance(8, { ip: 'provider.internal' }),
    ]
    const { directory } = setUp(async () => list, never)
    const snapshot = await directory.get('svc')
    expect(snapshot.all).toHaveLength(10)
    expect(snapshot.instances.map((i) => i.port).sort()).toEqual([1, 7, 8])
  })

  test('a failure is an error, repeated for a second without asking again', async () => {
    const { directory, asked } = setUp(async () => Promise.reject(new Error('down')), never)
    await expect(directory.get('svc')).rejects.toThrow('down')
    await expect(directory.get('svc')).rejects.toThrow('down')
    expect(asked).toHaveBeenCalledTimes(1)
  })

  test.each(['down', 'Listing DEFAULT_GROUP@@svc failed: down'])('a failure is said once: %s', async (reason) => {
    const { directory, logged } = setUp(async () => Promise.reject(new Error(reason)), never)
    await directory.get('svc').catch(() => {})
    expect(logged).toEqual(['Listing DEFAULT_GROUP@@svc failed: down; there is no list yet, asking again'])
  })

  test('an abort ends the wait of its caller only', async () => {
    let answer = (_: ServiceInstance[]) => {}
    const { directory } = setUp(() => new Promise((resolve) => (answer = resolve)), never)
    const abort = new AbortController()
    const one = directory.get('svc', abort.signal)
    const other = directory.get('svc')
    abort.abort(new Error('enough'))
    await expect(one).rejects.toThrow('enough')
    answer([instance(1)])
    expect((await other).instances).toHaveLength(1)
    await expect(directory.get('svc', abort.signal)).rejects.toThrow('enough')
  })

  test('an empty one that has aged a second is fetched again on demand', async () => {
    let list: ServiceInstance[] = []
    const { directory, asked } = setUp(async () => list, never)
    expect((await directory.get('svc')).instances).toHaveLength(0)
    list = [instance(1)]
    expect((await directory.get('svc')).instances).toHaveLength(0)
    await vi.waitFor(async () => expect((await directory.get('svc')).instances).toHaveLength(1), { timeout: 3_000 })
    expect(asked).toHaveBeenCalledTimes(2)
  })
})

describe('polls', () => {
  test('bring changes; what did not change by content is the same snapshot', async () => {
    let list = [instance(1, { metadata: { a: '1', b: '2' } }), instance(2)]
    const { directory, asked, emit } = setUp(async () => list)
    const first = await directory.get('svc')
    list = [
      { ...instance(2), lastRefTime: Date.now() } as ServiceInstance,
      instance(1, { metadata: { b: '2', a: '1' } }),
    ]
    const polls = asked.mock.calls.length
    await vi.waitFor(() => expect(asked.mock.calls.length).toBeGreaterThan(polls + 2))
    expect(directory.peek('svc')).toBe(first)
    expect(emit).toHaveBeenCalledTimes(1)

    list = [instance(1, { metadata: { a: '1', b: '3' } }), instance(2)]
    await vi.waitFor(() => expect(directory.peek('svc')).not.toBe(first))
    const second = directory.peek('svc')!
    expect(second.instances[0]!.metadata['b']).toBe('3')
    expect(second.instances[1]).toBe(first.instances[1])
    expect(emit).toHaveBeenLastCalledWith('instancesChanged', { service: second.key, instances: second.instances })
  })

  test('that fail keep the last good list, with one line at the start and one at the end', async () => {
    let failing = false
    const { directory, asked, logged } = setUp(async () =>
      failing ? Promise.reject(new Error('down')) : [instance(1)],
    )
    const first = await directory.get('svc')
    failing = true
    await vi.waitFor(() => expect(directory.status()[0]!.failures).toBeGreaterThan(2))
    expect(directory.peek('svc')).toBe(first)
    expect(await directory.get('svc')).toBe(first)
    expect(directory.status()).toEqual([
      expect.objectContaining({
        group: 'DEFAULT_GROUP',
        service: 'svc',
        instances: 1,
        callable: 1,
        by: 'poll',
        lastError: 'down',
      }),
    ])
    failing = false
    await vi.waitFor(() => expect(directory.status()[0]!.failures).toBe(0))
    expect(logged).toEqual([
      expect.stringMatching(/svc failed: down; the last list stays in use/),
      expect.stringMatching(/works again/),
    ])
    expect(asked.mock.calls.length).toBeGreaterThan(3)
  })

  test('are jittered by ten per cent', async () => {
    const spy = vi.spyOn(globalThis, 'setTimeout')
    onTestFinished(() => spy.mockRestore())
    const { directory } = setUp(async () => [instance(1)], { settings: { pollInterval: 100_000, emptyProtection: 0 } })
    await Promise.all(Array.from({ length: 50 }, (_, i) => directory.get(`svc-${i}`)))
    const delays = spy.mock.calls.map(([, ms]) => ms ?? 0).filter((ms) => ms >= 90_000 && ms <= 110_000)
    expect(delays).toHaveLength(50)
    expect(Math.max(...delays) - Math.min(...delays)).toBeGreaterThan(5_000)
  })

  test('of a thousand services run eight at a time', async () => {
    let running = 0
    let most = 0
    const { directory, asked } = setUp(async () => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setImmediate(resolve))
      running--
      return [instance(1)]
    }, never)
    await Promise.all(Array.from({ length: 1_000 }, (_, i) => directory.get(`svc-${i}`)))
    expect(asked).toHaveBeenCalledTimes(1_000)
    expect(most).toBe(8)
  })

  test('end with close, which aborts the one in flight', async () => {
    const signals: AbortSignal[] = []
    const { directory, asked } = setUp((_, signal) => {
      signals.push(signal!)
      return signals.length === 1
        ? Promise.resolve([instance(1)])
        : new Promise((_resolve, reject) => signal!.addEventListener('abort', () => reject(signal!.reason as Error)))
    })
    await directory.get('svc')
    await vi.waitFor(() => expect(asked).toHaveBeenCalledTimes(2))
    directory.close()
    expect(signals[1]!.aborted).toBe(true)
    expect(directory.peek('svc')).toBeUndefined()
    await expect(directory.get('svc')).rejects.toMatchObject({ code: 'SIDECAR_STOPPED' })
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(asked).toHaveBeenCalledTimes(2)
  })
})

describe('push', () => {
  function pushing(list: List) {
    const listeners: ServiceListener[] = []
    const unsubscribe = vi.fn()
    const watch = (_: ServiceKey, on: ServiceListener) => {
      listeners.push(on)
      return unsubscribe
    }
    return {
      ...setUp(list, { watch }),
      push: (...list: ServiceInstance[]) => listeners.forEach((on) => on(list)),
      unsubscribe,
    }
  }

  test('replaces polling', async () => {
    const { directory, asked, push, unsubscribe } = pushing(async () => [instance(1)])
    await directory.get('svc')
    push(instance(1), instance(2))
    expect(directory.peek('svc')!.instances).toHaveLength(2)
    await new Promise((resolve) => setTimeout(resolve, 80))
    expect(asked).toHaveBeenCalledTimes(1)
    expect(directory.status()[0]!.by).toBe('push')
    directory.close()
    expect(unsubscribe).toHaveBeenCalled()
    push(instance(3))
    expect(directory.peek('svc')).toBeUndefined()
  })

  test('beats the answer of a request that was sent before it', async () => {
    let answer = (_: ServiceInstance[]) => {}
    const { directory, asked, push } = pushing(() => new Promise((resolve) => (answer = resolve)))
    const first = directory.get('svc')
    await vi.waitFor(() => expect(asked).toHaveBeenCalledTimes(1))
    push(instance(2))
    answer([instance(1)])
    expect((await first).instances.map((i) => i.port)).toEqual([2])
  })

  test('a first list that fails is asked for again', async () => {
    let fail = true
    const { directory } = pushing(async () => (fail ? Promise.reject(new Error('down')) : [instance(1)]))
    await expect(directory.get('svc')).rejects.toThrow('down')
    fail = false
    await vi.waitFor(() => expect(directory.peek('svc')?.instances).toHaveLength(1))
  })
})

describe('watch', () => {
  test('gets the first list and each change, until it is ended', async () => {
    let list = [instance(1)]
    const { directory } = setUp(async () => list)
    const heard: number[][] = []
    const end = directory.watch('svc', (snapshot) => heard.push(snapshot.instances.map((i) => i.port)))
    await vi.waitFor(() => expect(heard).toEqual([[1]]))
    list = [instance(1), instance(2)]
    await vi.waitFor(() => expect(heard).toEqual([[1], [1, 2]]))
    end()
    end()
    list = []
    await vi.waitFor(() => expect(directory.peek('svc')!.instances).toHaveLength(0))
    expect(heard).toHaveLength(2)
  })

  test('a later one gets the current list', async () => {
    const { directory } = setUp(async () => [instance(1)], never)
    await directory.get('svc')
    const heard = vi.fn()
    directory.watch('svc', heard)
    await vi.waitFor(() => expect(heard).toHaveBeenCalledTimes(1))
  })

  test('one that throws harms no other', async () => {
    const { directory, logged } = setUp(async () => [instance(1)], never)
    const heard = vi.fn()
    directory.watch('svc', () => {
      throw new Error('mine')
    })
    directory.watch('svc', heard)
    await vi.waitFor(() => expect(heard).toHaveBeenCalledTimes(1))
    expect(logged).toEqual([expect.stringContaining('threw: mine')])
  })
})

describe('an empty list after one that was not', () => {
  const held = (emptyProtection: number) => ({ settings: { pollInterval: 20, emptyProtection } })

  test('is held, asked for again, and then believed', async () => {
    let list = [instance(1), instance(2)]
    const { directory, emit, logged, asked } = setUp(async () => list, held(500))
    const full = await directory.get('svc')
    list = []
    const startMs = performance.now()
    await vi.waitFor(() => expect(directory.status()[0]!.heldEmpty).toBe(true), { interval: 5 })
    const polls = asked.mock.calls.length
    expect(directory.peek('svc')).toBe(full)
    await vi.waitFor(() => expect(directory.peek('svc')!.instances).toHaveLength(0), { interval: 5 })
    expect(performance.now() - startMs).toBeGreaterThan(490)
    expect(asked.mock.calls.length).toBeGreaterThan(polls)
    expect(directory.status()[0]!.heldEmpty).toBe(false)
    expect(emit).toHaveBeenCalledTimes(2)
    expect(logged).toEqual([
      expect.stringMatching(/no instance of DEFAULT_GROUP@@svc any more: the last 2 stay in use/),
      expect.stringMatching(/^Confirmed/),
    ])
  })

  test('is forgotten when instances are back', async () => {
    let list = [instance(1)]
    const { directory, emit, logged } = setUp(async () => list, held(60_000))
    await directory.get('svc')
    list = []
    await vi.waitFor(() => expect(directory.status()[0]!.heldEmpty).toBe(true))
    list = [instance(1)]
    await vi.waitFor(() => expect(directory.status()[0]!.heldEmpty).toBe(false))
    expect(emit).toHaveBeenCalledTimes(1)
    expect(logged.at(-1)).toMatch(/is listed again/)
  })

  test('is not confirmed by a failing request', async () => {
    let answer: () => Promise<ServiceInstance[]> = async () => [instance(1)]
    const { directory } = setUp(() => answer(), held(50))
    await directory.get('svc')
    const down = async () => Promise.reject(new Error('down'))
    answer = async () => ((answer = down), [])
    await vi.waitFor(() => expect(directory.status()[0]!.failures).toBeGreaterThan(4))
    expect(directory.status()[0]!.heldEmpty).toBe(true)
    expect(directory.peek('svc')!.instances).toHaveLength(1)
    answer = async () => []
    await vi.waitFor(() => expect(directory.peek('svc')!.instances).toHaveLength(0))
  })

  test('is asked for again where it was pushed', async () => {
    let push: ServiceListener = () => {}
    let list = [instance(1)]
    const watch = (_: ServiceKey, on: ServiceListener) => {
      push = on
      return () => {}
    }
    const { directory, asked } = setUp(async () => list, {
      watch,
      settings: { pollInterval: 1e6, emptyProtection: 100 },
    })
    await directory.get('svc')
    push([])
    expect(directory.peek('svc')!.instances).toHaveLength(1)
    // The registry had only lost sight of it.
    await vi.waitFor(() => expect(asked).toHaveBeenCalledTimes(2))
    await vi.waitFor(() => expect(directory.status()[0]!.heldEmpty).toBe(false))
    expect(directory.peek('svc')!.instances).toHaveLength(1)
    list = []
    push([])
    await vi.waitFor(() => expect(directory.peek('svc')!.instances).toHaveLength(0))
    expect(asked).toHaveBeenCalledTimes(3)
  })
})

describe('a store', () => {
  test('lends its list while the registry cannot be had, and is given each good one', async () => {
    const savedAt = new Date('2030-01-01')
    const store: ServiceStore = { load: async () => ({ instances: [instance(9)], savedAt }), save: vi.fn() }
    let fail = true
    const { directory, logged } = setUp(async () => (fail ? Promise.reject(new Error('down')) : [instance(1)]), {
      store,
    })
    expect((await directory.get('svc')).instances.map((i) => i.port)).toEqual([9])
    expect(directory.status()[0]).toMatchObject({ from: 'snapshot', lastError: 'down' })
    expect(logged[0]).toMatch(/down; the list of an earlier run is in use \(1 instances, saved 2030-01-01/)
    expect(store.save).not.toHaveBeenCalled()
    fail = false
    await vi.waitFor(() => expect(directory.peek('svc')!.instances[0]!.port).toBe(1))
    expect(store.save).toHaveBeenLastCalledWith(directory.peek('svc'))
    expect(directory.status()[0]!.from).toBe('registry')
  })

  test('is given a list once, not at each poll', async () => {
    const store: ServiceStore = { load: async () => undefined, save: vi.fn() }
    const { directory, asked } = setUp(async () => [instance(1)], { store })
    await directory.get('svc')
    await vi.waitFor(() => expect(asked.mock.calls.length).toBeGreaterThan(3))
    expect(store.save).toHaveBeenCalledTimes(1)
  })
})

test('10,000 instances: an update takes less than 50 ms', async () => {
  const list = Array.from({ length: 10_000 }, (_, i) => instance(1 + i, { metadata: { zone: 'a', version: '1' } }))
  const { directory } = setUp(async () => list, never)
  await directory.get('svc')
  const { nextSnapshot } = await import('../../../src/discovery/snapshot.js')
  const before = directory.peek('svc')!
  const changed = list
    .map((each, i) => (i === 5_000 ? { ...each, healthy: false } : { ...each, metadata: { ...each.metadata } }))
    .reverse()
  const tookMs = leastCpuTime(5, () => expect(nextSnapshot(before.key, changed, before).instances).toHaveLength(9_999))
  expect(tookMs).toBeLessThan(50)
})
