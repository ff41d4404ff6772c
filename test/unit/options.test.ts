import {
  createSidecar,
  defineClient,
  every,
  fromNacosSdk,
  GET,
  SidecarError,
  type SidecarErrorCode,
} from 'nacos-sidecar'
import { defineEnv } from 'nacos-sidecar/env'
import { events } from 'nacos-sidecar/events'
import { namekoRpc } from 'nacos-sidecar/nameko'
import { defineService, runServices } from 'nacos-sidecar/service'
import { startTestRegistry } from 'nacos-sidecar/testing'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { collectLog } from '../support/collect.js'
import { createMemoryTransport } from '../support/memory-transport.js'

/** Options as plain JavaScript may write them. */
const js = (options: object) => options as never

const sidecar = createSidecar({
  ...{ configPath: false, signals: false, logger: collectLog(), transport: createMemoryTransport() },
  settings: {
    ...{ 'application.name': 'a', 'cloud.nacos.discovery.register-enabled': false, 'sidecar.snapshot-dir': 'off' },
  },
})
afterAll(() => sidecar.stop({ drain: false }))
const MEMORY = { url: 'memory:options' }
const bus = events(sidecar, MEMORY)
const nameko = namekoRpc(sidecar)
const service = defineService({ name: 'a' })
const nothing = () => {}
const ticking = new (class {
  @every('1h', js({ eagre: true }))
  tick() {}
})()

const wrong: [string, () => unknown, SidecarErrorCode, string][] = [
  ['defineService', () => defineService(js({ nmae: 'a' })), 'SIDECAR_SERVICE_INVALID', 'did you mean name?'],
  ['service.run', () => service.run(js({ prot: 0 })), 'SIDECAR_SERVICE_INVALID', 'did you mean port?'],
  ['service.application', () => service.application(js({ x: 0 })), 'SIDECAR_SERVICE_INVALID', '"x"; known are'],
  ['runServices', () => runServices([service], js({ togther: true })), 'SIDECAR_SERVICE_INVALID', 'togther'],
  ['defineEnv', () => defineEnv({ A: 1 }, js({ prefixes: 'A' })), 'SIDECAR_SETTINGS_INVALID', 'did you mean prefix?'],
  ['events', () => events(sidecar, js({ maxByte: 1 })), 'SIDECAR_EVENT_INVALID', 'did you mean maxBytes?'],
  [
    'events, of a bus that is there',
    () => events(sidecar, js({ ...MEMORY, maxByte: 1 })),
    'SIDECAR_EVENT_INVALID',
    'maxBytes?',
  ],
  ['bus.on', () => bus.on('a', 'b', nothing, js({ retires: 3 })), 'SIDECAR_EVENT_INVALID', '"retires"; known are mode'],
  [
    'retry of bus.on',
    () => bus.on('a', 'b', nothing, { retry: js({ attempt: 3 }) }),
    'SIDECAR_EVENT_INVALID',
    'retry: there is no option "attempt", did you mean attempts?',
  ],
  ['bus.emit', () => bus.emit('a', 1, js({ timout: 1 })), 'SIDECAR_EVENT_INVALID', 'did you mean timeout?'],
  [
    'sidecar.timer',
    () => sidecar.timer('a', { every: '1h' }, nothing, js({ eagre: true })),
    'SIDECAR_TIMER_INVALID',
    'did you mean eager?',
  ],
  ['@every', () => sidecar.mount(ticking), 'SIDECAR_TIMER_INVALID', 'did you mean eager?'],
  ['sidecar.mount', () => sidecar.mount(ticking, js({ buss: bus })), 'SIDECAR_MOUNT_INVALID', 'did you mean bus?'],
  [
    'sidecar.around',
    () => sidecar.around(nothing, js({ kind: ['rpc'] })),
    'SIDECAR_AROUND_INVALID',
    'did you mean kinds?',
  ],
  [
    'sidecar.onStart',
    () => sidecar.onStart(nothing, js({ when: 'x' })),
    'SIDECAR_HOOK_INVALID',
    'known are name, timeout',
  ],
  ['sidecar.onStop', () => sidecar.onStop(nothing, js({ wenn: 'x' })), 'SIDECAR_HOOK_INVALID', 'did you mean when?'],
  [
    'sidecar.provide',
    () => sidecar.provide('a', js({ start: nothing, stopp: nothing })),
    'SIDECAR_HOOK_INVALID',
    'did you mean stop?',
  ],
  ['sidecar.proxy', () => sidecar.proxy('a', js({ timeout: 1 })), 'SIDECAR_PROXY_INVALID', 'did you mean timeoutMs?'],
  [
    'config.bind',
    () => sidecar.config.bind(z.any(), js({ prefx: 'a' })),
    'SIDECAR_CONFIG_INVALID',
    'did you mean prefix?',
  ],
  [
    'config.publish',
    () => sidecar.config.publish({ dataId: 'a', content: '' }, js({ casMD5: 'a' })),
    'SIDECAR_CONFIG_INVALID',
    'did you mean casMd5?',
  ],
  [
    'discovery.watch',
    () => sidecar.discovery.watch('a', nothing, js({ singal: 1 })),
    'SIDECAR_CALL_INVALID',
    'signal?',
  ],
  [
    'for await of discovery.watch',
    () => sidecar.discovery.watch('a', js({ singal: 1 })),
    'SIDECAR_CALL_INVALID',
    'signal?',
  ],
  ['namekoRpc', () => namekoRpc(sidecar, js({ servic: 'a' })), 'SIDECAR_NAMEKO_INVALID', 'did you mean service?'],
  ['nameko.service', () => nameko.service('a', js({ timout: 1 })), 'SIDECAR_NAMEKO_INVALID', 'did you mean timeout?'],
  ['nameko.call', () => nameko.call('a', 'b', js({ kwarg: {} })), 'SIDECAR_NAMEKO_INVALID', 'did you mean kwargs?'],
  ['nameko.serve', () => nameko.serve({}, js({ max_workers: 1 })), 'SIDECAR_NAMEKO_INVALID', 'known are concurrency'],
  ['fromNacosSdk', () => fromNacosSdk(js({ owner: true })), 'SIDECAR_SETTINGS_INVALID', 'did you mean own?'],
  ...(['breaker', 'unwrap', 'queryStyle'] as const).map((option): (typeof wrong)[number] => [
    `${option} of defineClient`,
    () => defineClient({ name: 'a', [option]: js({ other: 1 }) }, { get: GET('/').as<() => Promise<void>>() }),
    'SIDECAR_CLIENT_INVALID',
    `${option} of a has no option "other"; known are`,
  ]),
]

test.each(wrong)('%s refuses an option that it does not have', async (_, work, code, why) => {
  // It throws, or rejects.
  const error = await Promise.resolve()
    .then(work)
    .then(
      () => expect.unreachable('it was taken'),
      (reason: unknown) => reason,
    )
  expect(error).toBeInstanceOf(SidecarError)
  expect(error).toMatchObject({ code, message: expect.stringContaining('no option "') as string })
  expect((error as SidecarError).message).toContain(why)
})

test('a sidecar starts nevertheless, and warns', async () => {
  const logger = collectLog()
  const given = { configPath: false, signals: false, logger, transport: createMemoryTransport(), setings: {} } as const
  const settings = { 'application.name': 'a', 'cloud.nacos.discovery.register-enabled': false }
  const started = createSidecar({ ...given, settings })
  onTestFinished(() => started.stop({ drain: false }))
  await started.ready
  expect(logger.lines.filter((line) => line.includes('no option'))).toEqual([
    expect.stringMatching(/^warn .*no option "setings", did you mean settings\?/),
  ])
})

test('the registry of a test refuses them, too', async () => {
  await using registry = await startTestRegistry()
  const invalid = expect.objectContaining({ code: 'SIDECAR_TEST_INVALID' }) as Error
  await expect(registry.fire('a', js({ srevice: 'a' }))).rejects.toThrow(invalid)
  await expect(registry.delivered('a b', 1, js({ timeout: 1 }))).rejects.toThrow(invalid)
})

test('nothing is left behind by a refused one', () => {
  const { timers, hooks, resources } = sidecar.status()
  expect([timers, hooks, resources, bus.status().handlers]).toEqual([[], [], [], []])
})
