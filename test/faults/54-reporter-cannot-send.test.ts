import { gunzipSync } from 'node:zlib'
import { expect, test, vi } from 'vitest'
import { startCollector } from '../support/collector.js'
import { alerts, observer } from '../support/member.js'
import { createMemoryTransport } from '../support/memory-transport.js'
import { duration } from '../support/scale.js'

const PERIOD = duration(1_000, 50)

function reporting(url: string, more: object = {}) {
  const settings = {
    'application.name': 'portal',
    'sidecar.observe.period': PERIOD,
    'sidecar.observe.report': { url, secret: 'canary-secret' },
    ...more,
  }
  return observer(settings, { transport: createMemoryTransport() })
}

test('fault 54: a collector that is down: one warning, calls go on, and reports arrive when it is back', async () => {
  const collector = await startCollector()
  const { answer } = collector
  let refused = 0
  collector.answer = (_request, response) => {
    refused++
    response.socket!.destroy()
  }
  const sidecar = await reporting(collector.url)
  const warnings = () => alerts(sidecar as never).filter((line) => line.includes('figures'))
  await vi.waitFor(() => expect(refused).toBeGreaterThan(5), 20_000)
  expect(warnings()).toHaveLength(1)
  await sidecar.discovery.instances('user-service').catch(() => {})
  expect(sidecar.stats().operations.map(({ name }) => name)).toContain('resolve user-service')
  collector.answer = answer
  await vi.waitFor(() => expect(collector.received.some(({ path }) => path.startsWith('/Trace/'))).toBe(true), 20_000)
  await sidecar.stop({ drain: false })
  expect(warnings()).toHaveLength(1)
  const { lines } = sidecar as never as { lines: string[] }
  expect(lines.filter((line) => line.startsWith('info observe: figures are reported again'))).toHaveLength(1)
  expect(lines.join('\n')).not.toContain('canary')
})

test('fault 54: a collector that never answers holds up neither calls nor the leave', async () => {
  const collector = await startCollector()
  collector.answer = () => {}
  const sidecar = await reporting(collector.url)
  await vi.waitFor(() => expect(collector.received.length).toBeGreaterThan(0), 20_000)
  const since = performance.now()
  await sidecar.stop({ drain: false })
  expect(performance.now() - since).toBeLessThan(5_000)
  expect(alerts(sidecar as never).filter((line) => line.includes('figures'))).toEqual([])
})

test('fault 54: the last period arrives while leaving', async () => {
  const collector = await startCollector()
  const sidecar = await reporting(collector.url, { 'sidecar.observe.period': '1h' })
  await sidecar.discovery.instances('user-service').catch(() => {})
  expect(collector.received).toEqual([])
  await sidecar.stop({ drain: false })
  expect(collector.received.map(({ path }) => path)).toEqual(['/App/Login', '/Trace/ReportRaw'])
  expect(gunzipSync(collector.received[1]!.bytes).toString()).toContain('resolve:resolve user-service')
})
