import type { ServiceChange, ServiceInstance } from 'nacos-sidecar'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createServiceDirectory } from '../../../src/discovery/directory.js'
import { nextSnapshot } from '../../../src/discovery/snapshot.js'
import { changeBetween, createWatch } from '../../../src/discovery/watch.js'
import type { ServiceListener } from '../../../src/nacos/transport.js'
import { collectLog } from '../../support/collect.js'

const KEY = { namespace: '', group: 'DEFAULT_GROUP', service: 'svc' }

function instance(port: number, more: Partial<ServiceInstance> = {}): ServiceInstance {
  const own = { ip: '10.0.0.1', weight: 1, healthy: true, enabled: true, ephemeral: true, cluster: 'DEFAULT' }
  return { ...KEY, ...own, port, metadata: {}, ...more }
}

function setUp(first: ServiceInstance[] | Error = [instance(1)]) {
  let push: ServiceListener = () => {}
  const logger = collectLog()
  const directory = createServiceDirectory({
    transport: {
      list: async () => (first instanceof Error ? Promise.reject(first) : first),
      watchService: (_key, on) => {
        push = on
        return () => {}
      },
    },
    namespace: '',
    group: 'DEFAULT_GROUP',
    settings: { pollInterval: 1e6, emptyProtection: 0 },
    logger,
    emit: () => {},
  })
  onTestFinished(() => directory.close())
  return { directory, watch: createWatch(directory), logger, push: (...list: ServiceInstance[]) => push(list) }
}

const ports = (list: readonly ServiceInstance[]) => list.map(({ port }) => port)
const short = ({ instances, added, removed, changed }: ServiceChange) => [instances, added, removed, changed].map(ports)

test('what a caller can notice: added, removed, changed', () => {
  const one = nextSnapshot(KEY, [instance(1), instance(2), instance(3), instance(4, { healthy: false })], undefined)
  const list = [instance(2), instance(3, { weight: 5 }), instance(4), instance(5), instance(1, { enabled: false })]
  const two = nextSnapshot(KEY, list, one)
  expect(short(changeBetween(undefined, one)!)).toEqual([[1, 2, 3], [1, 2, 3], [], []])
  expect(short(changeBetween(one, two)!)).toEqual([[2, 3, 4, 5], [4, 5], [1], [3]])
  const three = nextSnapshot(KEY, [...list.slice(0, 4), instance(1, { enabled: false, metadata: { a: '1' } })], two)
  expect(three).not.toBe(two)
  expect(changeBetween(two, three)).toBeUndefined()
})

test('a callback gets the first list and each change, until it is ended', async () => {
  const { watch, push } = setUp()
  const heard: number[][][] = []
  const end = watch('svc', (change) => heard.push(short(change)))
  await vi.waitFor(() => expect(heard).toEqual([[[1], [1], [], []]]))
  push(instance(1), instance(2))
  push(instance(2), instance(1))
  push(instance(2, { metadata: { v: '2' } }))
  expect(heard.slice(1)).toEqual([
    [[1, 2], [2], [], []],
    [[2], [], [1], [2]],
  ])
  end()
  push()
  expect(heard).toHaveLength(3)
})

test('using, await using and a signal end it too', async () => {
  const { watch, push } = setUp()
  const heard = [vi.fn(), vi.fn(), vi.fn()] as const
  const abort = new AbortController()
  watch('svc', heard[2], { signal: abort.signal })
  {
    using _one = watch('svc', heard[0])
    await using _two = watch('svc', heard[1])
    await vi.waitFor(() => expect(heard.map((each) => each.mock.calls.length)).toEqual([1, 1, 1]))
  }
  abort.abort()
  push(instance(2))
  watch('svc', heard[2], { signal: abort.signal })
  await Promise.resolve()
  expect(heard.map((each) => each.mock.calls.length)).toEqual([1, 1, 1])
})

test('an iterator gives one change after the other, and several as one to a slow reader', async () => {
  const { watch, push } = setUp()
  const changes = watch('svc')
  expect(short((await changes.next()).value!)).toEqual([[1], [1], [], []])
  const next = changes.next()
  push(instance(1), instance(2))
  expect(short((await next).value!)).toEqual([[1, 2], [2], [], []])
  push(instance(1), instance(2), instance(3))
  push(instance(3), instance(4))
  expect(short((await changes.next()).value!)).toEqual([[3, 4], [3, 4], [1, 2], []])
  push(instance(3), instance(4), instance(5))
  push(instance(3), instance(4))
  const quiet = changes.next()
  push(instance(4))
  expect(short((await quiet).value!)).toEqual([[4], [], [3], []])
})

test.each<[string, (of: ReturnType<typeof setUp>, abort: AbortController) => void]>([
  ['the end of the sidecar', ({ directory }) => directory.close()],
  ['a signal', (_, abort) => abort.abort()],
])('%s ends the loop', async (_, end) => {
  const made = setUp()
  const abort = new AbortController()
  const seen: number[][] = []
  const loop = (async () => {
    for await (const { instances } of made.watch('svc', { signal: abort.signal })) seen.push(ports(instances))
    return 'ended'
  })()
  await vi.waitFor(() => expect(seen).toEqual([[1]]))
  end(made, abort)
  expect(await loop).toBe('ended')
})

test('break ends the watch, and a second look is over at once', async () => {
  const { watch, push } = setUp()
  const changes = watch('svc')
  for await (const change of changes) {
    expect(change.added).toHaveLength(1)
    break
  }
  push(instance(2))
  expect(await changes.next()).toEqual({ done: true, value: undefined })
})

test('a script that waits for the next change goes on running, and no longer than that', async () => {
  const { watch } = setUp()
  const changes = watch('svc')
  await changes.next()
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const before = timers()
  const next = changes.next()
  expect(timers()).toBe(before + 1)
  await changes.return!()
  await next
  expect(timers()).toBe(before)
})

test('a signal that was aborted before: the registry is not asked', async () => {
  const { directory, watch } = setUp()
  const signal = AbortSignal.abort()
  expect(await watch('svc', { signal }).next()).toEqual({ done: true, value: undefined })
  watch('svc', () => {}, { signal })
  expect(directory.status()).toEqual([])
})

test('several pending next() calls get one change each', async () => {
  const { watch, push } = setUp()
  const changes = watch('svc')
  const [first, second, third] = [changes.next(), changes.next(), changes.next()]
  expect((await first).value!.added).toHaveLength(1)
  push(instance(1), instance(2))
  expect((await second).value!.added).toHaveLength(1)
  await changes.return!()
  expect((await third).done).toBe(true)
})

test('while the registry is down the reader waits; what is no name is refused at once', async () => {
  const { watch, push } = setUp(new Error('down'))
  const next = watch('svc').next()
  await Promise.resolve()
  push(instance(7))
  expect(ports((await next).value!.instances)).toEqual([7])
  expect(() => watch('../x')).toThrow(/is not a service name/)
  expect(() => watch('../x', () => {})).toThrow(/is not a service name/)
})

test('a listener that throws or rejects is named in the log', async () => {
  const { watch, logger } = setUp()
  watch('svc', () => {
    throw new Error('one')
  })
  watch('svc', () => Promise.reject(new Error('two')))
  await vi.waitFor(() =>
    expect(logger.lines).toEqual([
      'error A listener of DEFAULT_GROUP@@svc threw: one',
      'error A listener of DEFAULT_GROUP@@svc threw: two',
    ]),
  )
})
