import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { SidecarError } from '../../../src/errors.js'
import { systemClock } from '../../../src/registration/clock.js'
import { createInstance } from '../../../src/registration/instance.js'
import { createRegistrar, type Registrar, type RegistrarOptions } from '../../../src/registration/registrar.js'
import { settingsSchema } from '../../../src/settings/schema.js'
import { collectEvents, collectLog } from '../../support/collect.js'
import { createMemoryTransport, registryDown, type MemoryTransport } from '../../support/memory-transport.js'

const INTERVAL = 100
let transport: MemoryTransport
let events: ReturnType<typeof collectEvents>
let logger: ReturnType<typeof collectLog>
let registrar: Registrar

beforeEach(() => {
  transport = createMemoryTransport()
  events = collectEvents()
  logger = collectLog()
})
afterEach(() => registrar.stop())

function create(discovery: object = {}, extra: Partial<RegistrarOptions> = {}): Registrar {
  const settings = settingsSchema.parse({
    application: { name: 'orders' },
    cloud: {
      nacos: {
        discovery: {
          heartBeatInterval: INTERVAL,
          heartBeatTimeout: 300,
          ipDeleteTimeout: 900,
          weight: 2,
          metadata: { zone: '杭州' },
          ...discovery,
        },
      },
    },
    sidecar: { deregisterTimeout: 600 },
  })
  registrar = createRegistrar({
    transport,
    instance: createInstance({ settings, namespace: '', ip: '10.0.0.5', port: 9202 }),
    settings: settings.cloud.nacos.discovery,
    sidecar: settings.sidecar,
    logger,
    emit: events.emit,
    backoff: { firstMs: 20, capMs: 80 },
    ...extra,
  })
  return registrar
}

const verbs = () => transport.requests.map((request) => request.verb)
const beats = () => transport.requests.filter((request) => request.verb === 'beat')
const listed = () => [...transport.instances.values()]

test('registers once, beats on a grid, deregisters', async () => {
  create()
  expect(registrar.state.phase).toBe('idle')
  const starting = registrar.start()
  expect(registrar.start()).toBe(starting)
  await starting
  expect(registrar.state).toMatchObject({ phase: 'registered', listed: true, failures: 0, lastError: undefined })
  expect(listed()).toEqual([registrar.instance])

  // Each beat takes a while: a schedule that counted from its end would drift by that much.
  transport.before = (verb) => new Promise((resolve) => setTimeout(resolve, verb === 'beat' ? 30 : 0))
  await vi.waitFor(() => expect(beats().length).toBe(6), 5000)
  const [first, last] = [beats()[0]!.at, beats()[5]!.at]
  expect(last - first).toBeGreaterThan(5 * INTERVAL - 20)
  expect(last - first).toBeLessThan(5 * INTERVAL + 60)

  await registrar.stop()
  expect(registrar.state).toMatchObject({ phase: 'left', listed: false })
  expect(listed()).toEqual([])
  expect(events.names()).toEqual(['registered', 'deregistered'])
  expect(logger.lines.join('\n')).toMatch(/info registered DEFAULT_GROUP@@orders \(10\.0\.0\.5:9202\) at memory:8848/)
})

test('goes on trying, and says a lasting failure once', async () => {
  transport.down = registryDown()
  void create().start()
  await vi.waitFor(() => expect(verbs().length).toBeGreaterThan(5))
  expect(registrar.state).toMatchObject({
    phase: 'registering',
    listed: false,
    lastError: 'connect ECONNREFUSED 127.0.0.1:8848',
  })
  const warnings = logger.lines.filter((line) => line.startsWith('warn'))
  expect(warnings).toHaveLength(1)
  expect(warnings[0]).toMatch(
    /cannot register DEFAULT_GROUP@@orders .* at memory:8848, attempt 1: connect ECONNREFUSED/,
  )
  transport.down = undefined
  await registrar.start()
  expect(listed()).toHaveLength(1)
})

test('unknown: registers again at once, complete', async () => {
  await create().start()
  transport.instances.clear()
  await vi.waitFor(() => expect(events.names()).toEqual(['registered', 'registered']))
  expect(events.seen[1]!.payload).toEqual({ instance: registrar.instance, again: true })
  expect(listed()).toEqual([
    expect.objectContaining({ weight: 2, enabled: true, metadata: expect.objectContaining({ zone: '杭州' }) }),
  ])
  const again = transport.requests.findLastIndex(({ verb }) => verb === 'register')
  const unknown = transport.requests.slice(0, again).findLast(({ verb }) => verb === 'beat')!
  expect(transport.requests[again]!.at - unknown.at).toBeLessThan(50)
})

test('unknown: what an operator switched off stays off', async () => {
  await create().start()
  const disabled = { ...registrar.instance, enabled: false }
  // The node that lists it is not the one that forgot it.
  vi.spyOn(transport, 'list').mockResolvedValue([{ ...disabled, port: 1, enabled: true }, disabled])
  transport.instances.clear()
  await vi.waitFor(() => expect(listed()).toEqual([disabled]))
  expect(registrar.instance.enabled).toBe(false)
})

test('unknown: the entry a directory knows goes before a look', async () => {
  await create({}, { lastKnown: () => ({ ...registrar.instance, enabled: false }) }).start()
  transport.instances.clear()
  await vi.waitFor(() => expect(listed()).toEqual([expect.objectContaining({ enabled: false })]))
  // Up to the second registration; the beats of what is switched off look at the list after it.
  expect(verbs().slice(0, verbs().indexOf('register', 1))).not.toContain('list')
})

test('registered switched off: no beat brings it back switched on', async () => {
  // As Nacos has it: a full beat creates what is unknown, and lists hide what is switched off.
  vi.spyOn(transport, 'beat').mockImplementation(async (instance) => {
    if (listed().length === 0) transport.instances.set('beat', { ...instance, enabled: true })
    return 'ok'
  })
  vi.spyOn(transport, 'list').mockImplementation(async () => listed().filter(({ enabled }) => enabled))
  await create({ instanceEnabled: false }).start()
  transport.instances.clear()
  await vi.waitFor(() => expect(listed()).toEqual([expect.objectContaining({ enabled: false, weight: 2 })]))
  expect(transport.beat).not.toHaveBeenCalled()

  // Once an operator has switched it on, it beats like any other.
  for (const [key, instance] of transport.instances) transport.instances.set(key, { ...instance, enabled: true })
  await vi.waitFor(() => expect(vi.mocked(transport.beat).mock.calls.length).toBeGreaterThan(1))
  expect(listed()).toEqual([expect.objectContaining({ enabled: true })])
  expect(events.names()).toEqual(['registered'])
})

test('R1: registered switched off, it is kept where the registry lists some clusters only', async () => {
  vi.spyOn(transport, 'list').mockRejectedValue(new SidecarError('SIDECAR_REGISTRY_UNSUPPORTED', 'DEFAULT and HZ only'))
  await create({ instanceEnabled: false }).start()
  transport.instances.clear()
  await vi.waitFor(() => expect(listed()).toEqual([expect.objectContaining({ enabled: false })]))
  expect(events.names()).toEqual(['registered'])
})

test('unknown: a look that hangs holds nothing up for long', async () => {
  await create().start()
  transport.before = (verb) => (verb === 'list' ? new Promise(() => {}) : undefined)
  transport.instances.clear()
  await vi.waitFor(() => expect(listed()).toHaveLength(1), 3000)
})

test('failed beats are announced, retried sooner than the interval, and recovered from', async () => {
  await create({ heartBeatInterval: 400, heartBeatTimeout: 900 }, { backoff: { firstMs: 30, capMs: 60 } }).start()
  transport.down = registryDown()
  await vi.waitFor(() => expect(events.names().filter((name) => name === 'beatFailed').length).toBeGreaterThan(2), 3000)
  const [one, two, three] = beats().map((beat) => beat.at)
  expect(two! - one!).toBeLessThan(200)
  expect(three! - two!).toBeGreaterThanOrEqual(25)
  transport.down = undefined
  await vi.waitFor(() => expect(events.names()).toContain('beatRecovered'), 3000)
  expect(registrar.state.failures).toBe(0)
  expect(events.seen.at(-1)!.payload).toMatchObject({ failures: expect.any(Number) })
  expect(events.names().filter((name) => name === 'registered')).toHaveLength(1)
})

test('never two beats in flight', async () => {
  await create().start()
  let open = 0
  let most = 0
  transport.before = async (verb) => {
    if (verb !== 'beat') return
    most = Math.max(most, ++open)
    await new Promise((resolve) => setTimeout(resolve, 2.5 * INTERVAL))
    open--
  }
  await vi.waitFor(() => expect(beats().length).toBe(3), 5000)
  expect(most).toBe(1)
})

test('a blocked event loop: a beat at once, and the log says how long', async () => {
  await create().start()
  const blockedUntil = performance.now() + 5 * INTERVAL
  while (performance.now() < blockedUntil);
  await vi.waitFor(() => expect(beats().length).toBe(1))
  expect(beats()[0]!.at - blockedUntil).toBeLessThan(INTERVAL / 2)
  await vi.waitFor(() => expect(logger.lines.join('\n')).toMatch(/warn no heartbeat was possible for 0\.[345] s/))
})

test('a beat that failed because the loop stood still is repeated at once', async () => {
  await create({}, { backoff: { firstMs: 5000, capMs: 5000 } }).start()
  transport.before = (verb) => {
    if (verb !== 'beat' || beats().length > 1) return
    const until = performance.now() + 5 * INTERVAL
    while (performance.now() < until);
    throw registryDown()
  }
  await vi.waitFor(() => expect(beats().length).toBe(2), 3000)
  expect(beats()[1]!.at - beats()[0]!.at).toBeLessThan(6 * INTERVAL)
})

test('suspended while it is being registered, or while a beat is under way: a beat at once', async () => {
  const standStill = () => {
    const until = performance.now() + 5 * INTERVAL
    while (performance.now() < until);
  }
  const starting = create().start()
  standStill()
  const from = performance.now()
  await starting
  await vi.waitFor(() => expect(beats().length).toBe(1), { interval: 1 })
  expect(performance.now() - from).toBeLessThan(INTERVAL / 2)

  transport.before = (verb) => void (verb === 'beat' && beats().length === 2 && standStill())
  await vi.waitFor(() => expect(beats().length).toBe(3), { interval: 1 })
  expect(beats()[2]!.at - beats()[1]!.at).toBeLessThan(5.5 * INTERVAL)
})

test('without a beat, or for a persistent instance, the registration stands alone', async () => {
  for (const discovery of [{ ephemeral: false }, {}]) {
    transport = createMemoryTransport()
    if (discovery.ephemeral === undefined) transport.beat = undefined as never
    await create(discovery).start()
    await new Promise((resolve) => setTimeout(resolve, 3 * INTERVAL))
    await registrar.stop()
    expect(verbs()).toEqual(['register', 'deregister'])
  }
})

test('fail-fast rejects in time, and names the registry', async () => {
  transport.down = registryDown()
  const error = await create({ failFast: true }, { failFastMs: 150 })
    .start()
    .catch((thrown: unknown) => thrown as SidecarError)
  expect(error).toMatchObject({ code: 'SIDECAR_REGISTRY_UNAVAILABLE' })
  expect(error!.message).toMatch(/cannot register .* at memory:8848, attempt \d: connect ECONNREFUSED.*fail-fast is on/)
  const sent = verbs().length
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(verbs().length).toBe(sent)
  expect(registrar.state.phase).toBe('left')
})

test('fail-fast does not repeat what was refused', async () => {
  transport.down = new SidecarError('SIDECAR_REGISTRY_REFUSED', '403 forbidden')
  await expect(create({ failFast: true }).start()).rejects.toMatchObject({ code: 'SIDECAR_REGISTRY_REFUSED' })
  expect(verbs()).toEqual(['register'])
})

test('stop() before start(): nothing is ever sent', async () => {
  await create().stop()
  await registrar.start()
  expect(verbs()).toEqual([])
})

test('stop() while registering: the deregistration comes last, and start() settles', async () => {
  let arrive = () => {}
  transport.before = (verb) => (verb === 'register' ? new Promise((resolve) => (arrive = resolve)) : undefined)
  const starting = create().start()
  const stopping = registrar.stop()
  expect(registrar.stop()).toBe(stopping)
  arrive()
  await Promise.all([starting, stopping])
  expect(verbs()).toEqual(['register', 'deregister'])
  expect(listed()).toEqual([])
  expect(events.names()).not.toContain('registered')
})

test('stop() while a registration hangs: cut, no ghost when it lands after all', async () => {
  let land = () => {}
  const original = transport.register
  // A transport that ignores its signal.
  transport.register = async (instance) => {
    await new Promise<void>((resolve) => (land = resolve))
    await original(instance)
  }
  void create().start()
  const began = performance.now()
  await registrar.stop()
  expect(performance.now() - began).toBeLessThan(600)
  land()
  await vi.waitFor(() => expect(verbs()).toEqual(['deregister', 'register', 'deregister']))
  expect(listed()).toEqual([])
})

test('stop() awaits the beat in flight, then deregisters', async () => {
  await create().start()
  let answer = () => {}
  transport.before = (verb) => (verb === 'beat' ? new Promise((resolve) => (answer = resolve)) : undefined)
  await vi.waitFor(() => expect(beats().length).toBe(1))
  const stopping = registrar.stop()
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(verbs()).not.toContain('deregister')
  answer()
  await stopping
  expect(verbs().at(-1)).toBe('deregister')
})

test('stop() is capped where everything hangs', async () => {
  await create().start()
  transport.before = () => new Promise(() => {})
  await vi.waitFor(() => expect(beats().length).toBe(1))
  const began = performance.now()
  await registrar.stop()
  expect(performance.now() - began).toBeGreaterThan(500)
  expect(performance.now() - began).toBeLessThan(800)
  expect(registrar.state.phase).toBe('left')
  expect(logger.lines.at(-1)).toMatch(/warn cannot deregister .*no answer within .*removes it 900 ms after/)
})

/** The system's clock, twenty times as fast. */
const fast = {
  now: () => performance.now() * 20,
  wait: (ms: number, signal?: AbortSignal) => systemClock.wait(ms / 20, signal),
}
const SILENT = { heartBeatInterval: undefined, heartBeatTimeout: undefined, ipDeleteTimeout: undefined }

test.each([
  ['what the registry asks for is obeyed where the file says nothing', SILENT, 5_000, 5_000],
  ['however often it asks, a second is the least', SILENT, 3, 1_000],
  ['what the file says wins', { ...SILENT, heartBeatInterval: 4_000 }, 1_000, 4_000],
])('R5: %s', async (_title, discovery, askedMs, everyMs) => {
  create(discovery, { clock: fast })
  const beat = transport.beat.bind(transport)
  const times: number[] = []
  transport.beat = async (instance, signal, onInterval) => {
    times.push(fast.now())
    onInterval?.(askedMs)
    return beat(instance, signal)
  }
  await registrar.start()
  await vi.waitFor(() => expect(times.length).toBeGreaterThan(6), 5_000)
  const gaps = times.slice(1).map((at, index) => at - times[index]!)
  // A beat that is late is sent at once and the grid stays: only the mean says something.
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
  expect(mean).toBeGreaterThan(everyMs * 0.5)
  expect(mean).toBeLessThan(everyMs * 1.9)
})
