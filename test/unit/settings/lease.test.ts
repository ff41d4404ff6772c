import { describe, expect, test } from 'vitest'
import { createInstance, leaseOf } from '../../../src/registration/instance.js'
import { loadBootstrap, loadError } from '../../support/bootstrap.js'

const DISCOVERY = 'spring.cloud.nacos.discovery:'

/** Interval, timeout and deletion, in ms, of a bootstrap.yml with these settings of `discovery`. */
function lease(discovery: string, options: Parameters<typeof loadBootstrap>[1] = {}) {
  const { settings, warnings } = loadBootstrap(`application.name: orders\n${DISCOVERY} ${discovery}`, options)
  const { heartBeatInterval, heartBeatTimeout, ipDeleteTimeout } = settings.cloud.nacos.discovery
  const bound = { intervalMs: heartBeatInterval, timeoutMs: heartBeatTimeout, deleteAfterMs: ipDeleteTimeout }
  // One rule for the settings, for the beat and for what is registered.
  expect(leaseOf(settings.cloud.nacos.discovery)).toEqual(bound)
  const { metadata } = createInstance({ settings, namespace: '', ip: '10.0.0.5', port: 1 })
  const told = ['preserved.heart.beat.interval', 'preserved.heart.beat.timeout', 'preserved.ip.delete.timeout']
  expect(told.map((name) => Number(metadata[name]))).toEqual(Object.values(bound))
  return { ms: Object.values(bound), warnings }
}

describe('what is written holds, the rest adapts', () => {
  test.each([
    ['{}', [10_000, 30_000, 90_000]],
    ['{ ip-delete-timeout: 20000 }', [6_666, 20_000, 20_000]],
    ['{ heart-beat-timeout: 10000 }', [3_333, 10_000, 90_000]],
    ['{ heart-beat-interval: 1000, ip-delete-timeout: 3000 }', [1_000, 3_000, 3_000]],
    ['{ heart-beat-interval: 5000, heart-beat-timeout: 5000, ip-delete-timeout: 5000 }', [5_000, 5_000, 5_000]],
    ['{ heart-beat-interval: 10s, ip-delete-timeout: 10s }', [10_000, 10_000, 10_000]],
    ['{ heart-beat-interval: 60s }', [60_000, 180_000, 180_000]],
    ['{ heart-beat-timeout: 60s, ip-delete-timeout: 30s }', [10_000, 60_000, 30_000]],
    ['{ heart-beat-interval: 5000, heart-beat-timeout: 15000, ip-delete-timeout: 30000 }', [5_000, 15_000, 30_000]],
    ['{ metadata: { preserved.ip.delete.timeout: 10000 } }', [3_333, 10_000, 10_000]],
    ['{ metadata: { preserved.heart.beat.timeout: 10000 } }', [3_333, 10_000, 90_000]],
    ['{ heart-beat-interval: 8000, metadata: { preserved.heart.beat.interval: 2000 } }', [2_000, 30_000, 90_000]],
    ['{ metadata: { preserved.heart.beat.interval: soon } }', [10_000, 30_000, 90_000]],
  ])('R6: %s', (discovery, ms) => {
    expect(lease(discovery)).toEqual({ ms, warnings: [] })
  })

  test('J3: in the environment too', () => {
    const vars = { SPRING_CLOUD_NACOS_DISCOVERY_IPDELETETIMEOUT: '20000' }
    expect(lease('{}', { vars }).ms).toEqual([6_666, 20_000, 20_000])
  })

  test.each([
    [
      '{ heart-beat-interval: 5000, heart-beat-timeout: 4000 }',
      /bootstrap\.yml:2:\d+: .*heart-beat-timeout: heart-beat-timeout \(4000 ms\) must not be below heart-beat-interval \(5000 ms\)/,
    ],
    ['{ heart-beat-interval: 5000, ip-delete-timeout: 4999 }', /ip-delete-timeout \(4999 ms\) must not be below/],
    [
      '{ heart-beat-interval: 5000, metadata: { preserved.heart.beat.timeout: 4000 } }',
      /metadata preserved\.heart\.beat\.timeout \(4000 ms\) must not be below heart-beat-interval \(5000 ms\)/,
    ],
  ])('R6: what the registry refuses is an error that names what is written: %s', (discovery, message) => {
    const error = loadError(`application.name: orders\n${DISCOVERY} ${discovery}`)
    expect(error).toMatchObject({ code: 'SIDECAR_SETTINGS_INVALID', message: expect.stringMatching(message) })
  })
})

describe('seconds that were meant as such', () => {
  test('R7: in the metadata they are raised to a second, with one warning', () => {
    const { ms, warnings } = lease(
      '{ metadata: { preserved.heart.beat.interval: 3, preserved.heart.beat.timeout: 6, preserved.ip.delete.timeout: 9 } }',
    )
    expect(ms).toEqual([1_000, 1_000, 1_000])
    expect(warnings).toEqual([
      expect.stringMatching(
        /interval: 3, .*timeout: 6, .*timeout: 9 is raised to 1000 ms.*milliseconds, 5 seconds are 5000/,
      ),
    ])
  })

  test('R7: in the settings too, where a file or the environment says so', () => {
    expect(lease('{ heart-beat-interval: 5, heart-beat-timeout: 15, ip-delete-timeout: 30 }').ms).toEqual([
      1_000, 1_000, 1_000,
    ])
    const { ms, warnings } = lease('{}', { vars: { SPRING_CLOUD_NACOS_DISCOVERY_HEARTBEATTIMEOUT: '15' } })
    expect(ms).toEqual([1_000, 1_000, 90_000])
    expect(warnings).toEqual([expect.stringContaining('heart-beat-timeout: 15 is raised to 1000 ms')])
  })

  test('R7: code that says less means it', () => {
    const overrides = { cloud: { nacos: { discovery: { heartBeatInterval: 200 } } } }
    expect(lease('{}', { overrides })).toEqual({ ms: [200, 30_000, 90_000], warnings: [] })
  })
})

test.each(['-1', '0', '"-1"'])('J3: discovery.port: %s is the real port', (port) => {
  const { settings } = loadBootstrap(`application.name: orders\n${DISCOVERY} { port: ${port} }`)
  expect(settings.cloud.nacos.discovery.port).toBeUndefined()
  expect(createInstance({ settings, namespace: '', ip: '10.0.0.5', port: 9202 }).port).toBe(9202)
  expect(loadError(`${DISCOVERY} { port: -2 }`).message).toContain('port: expected an integer -1–65535')
})

test('R10: ip: auto, an empty one and NACOS_SERVICE_IP=auto are taken', () => {
  for (const ip of ['auto', '""', '${HOST_IP:}']) {
    expect(() =>
      loadBootstrap(`application.name: orders\n${DISCOVERY} { ip: "${ip.replaceAll('"', '')}" }`),
    ).not.toThrow()
  }
  const { settings } = loadBootstrap('application.name: orders', { vars: { NACOS_SERVICE_IP: 'auto' } })
  expect(settings.cloud.nacos.discovery.ip).toBe('auto')
})
