import { SidecarError } from 'nacos-sidecar'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
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

// Time is the test's: what is due when is exact, on a busy machine too, and no test waits.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  transport = createMemoryTransport()
  events = collectEvents()
  logger = collectLog()
})
afterEach(async () => {
  await Promise.all([registrar.deregister(), pass(1_000)])
  vi.useRealTimers()
})

const now = () => performance.now()
/** Time passes, and what is due in it happens. */
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)
/** Time passes while nothing can run: the loop is blocked, or the process suspended. Promises go on after it. */
const standStill = (ms: number) => void vi.advanceTimersByTime(ms)
const wait = (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms))

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
    backoff: { firstMs: 40, lastMs: 80, spread: 0.5 },
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
  const startedAt = now()
  const starting = registrar.register()
  expect(registrar.register()).toBe(starting)
  await starting
  expect(registrar.state).toMatchObject({ phase: 'registered', listed: true, failures: 0, lastError: undefined })
  expect(listed()).toEqual([registrar.instance])

  // Each beat takes a while: a schedule that counted from its end would drift by that much.
  transport.before = (verb) => (verb === 'beat' ? wait(30) : undefined)
  await pass(6.5 * INTERVAL)
  expect(beats().map(({ at }) => at - startedAt)).toEqual([100, 200, 300, 400, 500, 600])

  await registrar.deregister()
  expect(registrar.state).toMatchObject({ phase: 'left', listed: false })
  expect(listed()).toEqual([])
  expect(events.names()).toEqual(['registered', 'deregistered'])
  expect(logger.lines.join('\n')).toMatch(/info registered DEFAULT_GROUP@@orders \(10\.0\.0\.5:9202\) at memory:8848/)
})

test('goes on trying, and says a lasting failure once', async () => {
  transport.down = registryDown()
  void create().register()
  await pass(500)
  // 20–40 ms after the first, 40–80 ms from then on.
  expect(verbs().length).toBeGreaterThanOrEqual(6)
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
  await pass(80)
  await registrar.register()
  expect(listed()).toHaveLength(1)
})

test('pauses one to two seconds, then two to four', async () => {
  transport.down = registryDown()
  void create({}, { backoff: undefined }).register()
  await pass(30_000)
  const times = transport.requests.map(({ at }) => at)
  const [first, ...further] = times.slice(1).map((at, index) => at - times[index]!)
  expect(first).toBeGreaterThanOrEqual(1_000)
  expect(first).toBeLessThanOrEqual(2_001)
  for (const gap of further) {
    expect(gap).toBeGreaterThanOrEqual(2_000)
    expect(gap).toBeLessThanOrEqual(4_001)
  }
  expect(new Set(further).size).toBeGreaterThan(3)
})

test('unknown: registers again at once, complete', async () => {
  await create().register()
  transport.instances.clear()
  await pass(INTERVAL)
  expect(events.names()).toEqual(['registered', 'registered'])
  expect(events.seen[1]!.payload).toEqual({ instance: registrar.instance, again: true })
  expect(listed()).toEqual([
    expect.objectContaining({ weight: 2, enabled: true, metadata: expect.objectContaining({ zone: '杭州' }) }),
  ])
  const again = transport.requests.findLastIndex(({ verb }) => verb === 'register')
  const unknown = transport.requests.slice(0, again).findLast(({ verb }) => verb === 'beat')!
  expect(transport.requests[again]!.at).toBe(unknown.at)
})

test('unknown: what an operator switched off stays off', async () => {
  await create().register()
  const disabled = { ...registrar.instance, enabled: false }
  // The node that lists it is not the one that forgot it.
  vi.spyOn(transport, 'list').mockResolvedValue([{ ...disabled, port: 1, enabled: true }, disabled])
  transport.instances.clear()
  await pass(INTERVAL)
  expect(listed()).toEqual([disabled])
  expect(registrar.instance.enabled).toBe(false)
})

test('unknown: the entry a directory knows goes before a look', async () => {
  await create({}, { lastKnown: () => ({ ...registrar.instance, enabled: false }) }).register()
  transport.instances.clear()
  await pass(INTERVAL)
  expect(listed()).toEqual([expect.objectContaining({ enabled: false })])
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
  await create({ instanceEnabled: false }).register()
  transport.instances.clear()
  await pass(INTERVAL)
  expect(listed()).toEqual([expect.objectContaining({ enabled: false, weight: 2 })])
  expect(transport.beat).not.toHaveBeenCalled()

  // Once an operator has switched it on, it beats like any other.
  for (const [key, instance] of transport.instances) transport.instances.set(key, { ...instance, enabled: true })
  await pass(2 * INTERVAL)
  expect(transport.beat).toHaveBeenCalledTimes(2)
  expect(listed()).toEqual([expect.objectContaining({ enabled: true })])
  expect(events.names()).toEqual(['registered'])
})

test('R1: registered switched off, it is kept where the registry lists some clusters only', async () => {
  vi.spyOn(transport, 'list').mockRejectedValue(new SidecarError('SIDECAR_REGISTRY_UNSUPPORTED', 'DEFAULT and HZ only'))
  await create({ instanceEnabled: false }).register()
  transport.instances.clear()
  await pass(INTERVAL)
  expect(listed()).toEqual([expect.objectContaining({ enabled: false })])
  expect(events.names()).toEqual(['registered'])
})

test('unknown: a look that hangs holds nothing up for long', async () => {
  await create().register()
  transport.before = (verb) => (verb === 'list' ? new Promise(() => {}) : undefined)
  transport.instances.clear()
  await pass(INTERVAL + 1_000)
  expect(listed()).toHaveLength(1)
})

test('failed beats are announced, retried sooner than the interval, and recovered from', async () => {
  await create(
    { heartBeatInterval: 400, heartBeatTimeout: 900 },
    { backoff: { firstMs: 60, lastMs: 60, spread: 0.5 } },
  ).register()
  transport.down = registryDown()
  await pass(600)
  const failed = events.names().filter((name) => name === 'beatFailed').length
  const times = beats().map((beat) => beat.at)
  for (const [index, at] of times.slice(1).entries()) {
    expect(at - times[index]!).toBeGreaterThanOrEqual(30)
    expect(at - times[index]!).toBeLessThanOrEqual(61)
  }
  expect(failed).toBeGreaterThan(2)
  expect(failed).toBe(times.length)
  transport.down = undefined
  await pass(61)
  expect(events.names()).toContain('beatRecovered')
  expect(registrar.state.failures).toBe(0)
  expect(events.seen.at(-1)!.payload).toMatchObject({ failures: failed })
  expect(events.names().filter((name) => name === 'registered')).toHaveLength(1)
})

test('never two beats in flight', async () => {
  await create().register()
  let open = 0
  let most = 0
  transport.before = async (verb) => {
    if (verb !== 'beat') return
    most = Math.max(most, ++open)
    await wait(2.5 * INTERVAL)
    open--
  }
  await pass(10 * INTERVAL)
  expect(beats().length).toBeGreaterThanOrEqual(3)
  expect(most).toBe(1)
})

test('a blocked event loop: a beat at once, and the log says how long', async () => {
  await create().register()
  standStill(5 * INTERVAL)
  const blockedUntil = now()
  await pass(0)
  expect(beats().map(({ at }) => at)).toEqual([blockedUntil])
  // Less the quarter of an interval after which it would have looked anyway.
  expect(logger.lines.join('\n')).toMatch(/warn no heartbeat was possible for 0\.5 s/)
})

test('a beat that failed because the loop stood still is repeated at once', async () => {
  await create({}, { backoff: { firstMs: 5000, lastMs: 5000, spread: 0 } }).register()
  transport.before = (verb) => {
    if (verb !== 'beat' || beats().length > 1) return
    standStill(5 * INTERVAL)
    throw registryDown()
  }
  await pass(INTERVAL)
  expect(beats()[1]!.at - beats()[0]!.at).toBe(5 * INTERVAL)
})

test('suspended while it is being registered, or while a beat is under way: a beat at once', async () => {
  const starting = create().register()
  standStill(5 * INTERVAL)
  const from = now()
  await starting
  await pass(0)
  expect(beats().map(({ at }) => at)).toEqual([from])

  transport.before = (verb) => void (verb === 'beat' && beats().length === 2 && standStill(5 * INTERVAL))
  await pass(INTERVAL)
  expect(beats()[2]!.at - beats()[1]!.at).toBe(5 * INTERVAL)
})

test('without a beat, or for a persistent instance, the registration stands alone', async () => {
  for (const discovery of [{ ephemeral: false }, {}]) {
    transport = createMemoryTransport()
    if (discovery.ephemeral === undefined) transport.beat = undefined as never
    await create(discovery).register()
    await pass(3 * INTERVAL)
    await registrar.deregister()
    expect(verbs()).toEqual(['register', 'deregister'])
  }
})

test('fail-fast rejects in time, and names the registry', async () => {
  transport.down = registryDown()
  const starting = create({ failFast: true }, { failFastMs: 150 })
    .register()
    .catch((thrown: unknown) => thrown as SidecarError)
  await pass(150)
  const error = await starting
  expect(error).toMatchObject({ code: 'SIDECAR_REGISTRY_UNAVAILABLE' })
  expect(error!.message).toMatch(/cannot register .* at memory:8848, attempt \d: connect ECONNREFUSED.*fail-fast is on/)
  const sent = verbs().length
  await pass(200)
  expect(verbs().length).toBe(sent)
  expect(registrar.state.phase).toBe('left')
})

test('fail-fast does not repeat what was refused', async () => {
  transport.down = new SidecarError('SIDECAR_REGISTRY_REFUSED', '403 forbidden')
  await expect(create({ failFast: true }).register()).rejects.toMatchObject({ code: 'SIDECAR_REGISTRY_REFUSED' })
  expect(verbs()).toEqual(['register'])
})

test('deregister() before register(): nothing is ever sent', async () => {
  await create().deregister()
  await registrar.register()
  expect(verbs()).toEqual([])
})

test('deregister() while registering: the deregistration comes last, and register() settles', async () => {
  let arrive = () => {}
  transport.before = (verb) => (verb === 'register' ? new Promise((resolve) => (arrive = resolve)) : undefined)
  const starting = create().register()
  const stopping = registrar.deregister()
  expect(registrar.deregister()).toBe(stopping)
  arrive()
  await Promise.all([starting, stopping])
  expect(verbs()).toEqual(['register', 'deregister'])
  expect(listed()).toEqual([])
  expect(events.names()).not.toContain('registered')
})

test('deregister() while a registration hangs: cut, no ghost when it lands after all', async () => {
  let land = () => {}
  const original = transport.register
  // A transport that ignores its signal.
  transport.register = async (instance) => {
    await new Promise<void>((resolve) => (land = resolve))
    await original(instance)
  }
  void create().register()
  const stopping = registrar.deregister()
  // Half of `deregister-timeout` for the request in flight, the other half for the deregistration.
  await pass(300)
  await stopping
  land()
  await pass(0)
  expect(verbs()).toEqual(['deregister', 'register', 'deregister'])
  expect(listed()).toEqual([])
})

test('deregister() awaits the beat in flight, then deregisters', async () => {
  await create().register()
  let answer = () => {}
  transport.before = (verb) => (verb === 'beat' ? new Promise((resolve) => (answer = resolve)) : undefined)
  await pass(INTERVAL)
  expect(beats().length).toBe(1)
  const stopping = registrar.deregister()
  await pass(50)
  expect(verbs()).not.toContain('deregister')
  answer()
  await stopping
  expect(verbs().at(-1)).toBe('deregister')
})

test('deregister() is capped where everything hangs', async () => {
  await create().register()
  transport.before = () => new Promise(() => {})
  await pass(INTERVAL)
  expect(beats().length).toBe(1)
  const began = now()
  let took = 0
  const stopping = registrar.deregister().then(() => (took = now() - began))
  await pass(1_000)
  await stopping
  expect(took).toBe(600)
  expect(registrar.state.phase).toBe('left')
  expect(logger.lines.at(-1)).toMatch(/warn cannot deregister .*no answer within .*removes it 900 ms after/)
})

const SILENT = { heartBeatInterval: undefined, heartBeatTimeout: undefined, ipDeleteTimeout: undefined }

test.each([
  ['what the registry asks for is obeyed where the file says nothing', SILENT, 10_000, 10_000],
  ['however often it asks, a second is the least', SILENT, 3, 1_000],
  ['what the file says wins', { ...SILENT, heartBeatInterval: 4_000 }, 1_000, 4_000],
])('R5: %s', async (_title, discovery, askedMs, everyMs) => {
  create(discovery)
  const beat = transport.beat.bind(transport)
  transport.beat = (instance, signal, onInterval) => {
    onInterval?.(askedMs)
    return beat(instance, signal)
  }
  await registrar.register()
  await pass(10 * Math.max(everyMs, 5_000))
  const times = beats().map(({ at }) => at)
  const gaps = times.slice(1).map((at, index) => at - times[index]!)
  expect(gaps.length).toBeGreaterThan(6)
  // The first one shows how it asks; the grid of the new interval is met with the second.
  expect(new Set(gaps.slice(1))).toEqual(new Set([everyMs]))
})
