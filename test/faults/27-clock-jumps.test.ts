import { expect, onTestFinished, test, vi } from 'vitest'
import { createRegistrar } from '../../src/registration/registrar.js'
import { anInstance, openDirectory, registrySettings } from '../support/transport.js'
import { pausedSince } from '../support/pauses.js'
import { bound } from '../support/scale.js'
import { startScriptedRegistry } from '../support/scripted-registry.js'

const BEAT_MS = 400
const HOUR_MS = 3_600_000

test.each([
  ['forward', HOUR_MS],
  ['back', -HOUR_MS],
])('fault 27: clock jumps an hour %s: beats, token and lists are unaffected', async (_where, byMs) => {
  const registry = await startScriptedRegistry()
  onTestFinished(() => registry.close())
  registry.on('POST /nacos/v1/auth/login', { body: { accessToken: 'T', tokenTtl: 1_800 } })
  registry.on('POST /nacos/v1/ns/instance', { body: 'ok' })
  registry.on('DELETE /nacos/v1/ns/instance', { body: 'ok' })
  registry.on('PUT /nacos/v1/ns/instance/beat', { body: { clientBeatInterval: 5000, code: 10200 } })
  registry.on('GET /nacos/v1/ns/instance/list', {
    body: { hosts: [{ ip: '10.0.0.7', port: 9001, healthy: true, enabled: true, weight: 1 }] },
  })
  registry.on('/listener', () => 'never')

  const settings = registrySettings(
    registry.address,
    {
      username: 'me',
      password: 'secret',
      discovery: { heartBeatInterval: BEAT_MS, heartBeatTimeout: 3 * BEAT_MS, ipDeleteTimeout: 9 * BEAT_MS },
    },
    { push: 'off', pollInterval: BEAT_MS },
  )
  const { transport, directory, logger, emit, names } = openDirectory(settings)
  const registrar = createRegistrar({
    transport,
    instance: anInstance(),
    settings: settings.cloud.nacos.discovery,
    sidecar: settings.sidecar,
    logger,
    emit,
  })
  onTestFinished(() => registrar.deregister())
  await registrar.register()
  await directory.get('orders')
  const of = (what: string) => registry.seen(what).map(({ atMs }) => atMs)
  await vi.waitFor(() => expect(of('/beat').length).toBeGreaterThanOrEqual(2), 5_000)

  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + byMs })
  onTestFinished(() => void vi.useRealTimers())
  const [beats, polls] = [of('/beat').length, of('instance/list').length]
  await vi.waitFor(() => expect(of('/beat').length).toBeGreaterThanOrEqual(beats + 6), 10_000)
  vi.useRealTimers()

  const gaps = of('/beat')
    .slice(1)
    .map((at, index) => at - of('/beat')[index]!)
  expect(Math.max(...gaps) - pausedSince(of('/beat')[0]!)).toBeLessThan(bound(BEAT_MS * 1.6))
  const passedMs = of('/beat').at(-1)! - of('/beat')[beats - 1]!
  expect(of('/beat').length - beats).toBeLessThanOrEqual(Math.ceil(passedMs / BEAT_MS) + 1)
  expect(of('instance/list').length - polls).toBeGreaterThan(0)
  expect(of('instance/list').length - polls).toBeLessThanOrEqual(Math.ceil(passedMs / (0.9 * BEAT_MS)) + 1)
  expect(registry.seen('/auth/login')).toHaveLength(1)
  expect(directory.peek('orders')!.instances).toHaveLength(1)
  expect(names()).toEqual(['registered', 'instancesChanged'])
  // A busy machine may hold a beat up for a moment, and the log says so; an hour would be the clock's.
  const heldUp = /no heartbeat was possible for \d\.\d s/
  expect(logger.lines.filter((line) => /^(warn|error)/.test(line) && !heldUp.test(line))).toEqual([])
})
