import { expect, it } from 'vitest'
import { createHealth, type HealthStatus } from '../../../src/adapters/health.js'

const PAGES = ['/health', '/actuator/health', '/actuator/health/liveness', '/actuator/health/readiness']

it.each<[HealthStatus, readiness: number]>([
  [{ phase: 'starting', registered: false }, 503],
  [{ phase: 'serving', registered: true }, 200],
  // A registry that is gone must not restart the fleet.
  [{ phase: 'serving', registered: false }, 200],
  [{ phase: 'leaving', registered: true }, 503],
])('only readiness says 503, and only while starting and leaving: %j', (status, readiness) => {
  const health = createHealth(() => status)
  expect(PAGES.map((path) => health('GET', path)?.status)).toEqual([200, 200, 200, readiness])
  expect(PAGES.map((path) => health('HEAD', path)?.status)).toEqual([200, 200, 200, readiness])
})

it('says up, registered and when the last beat was, and gives the details on one page', () => {
  const lastBeat = new Date(1_700_000_000_000)
  const health = createHealth(() => ({ phase: 'serving', registered: true, lastBeat, details: { service: 'orders' } }))
  const facts = { registered: true, lastBeat: '2023-11-14T22:13:20.000Z' }
  expect(health('GET', '/health')?.body).toEqual({ status: 'UP', phase: 'serving', ...facts })
  expect(health('GET', '/actuator/health')?.body).toMatchObject({
    status: 'UP',
    ...facts,
    components: { nacos: { status: 'UP', details: { ...facts, service: 'orders' } } },
  })
  expect(createHealth(() => ({ phase: 'starting', registered: false }))('GET', '/health')?.body).toMatchObject({
    registered: false,
    lastBeat: null,
  })
})

it.each([
  ['POST', '/health'],
  ['OPTIONS', '/health'],
  ['GET', '/health/'],
  ['GET', '/health/db'],
  ['GET', '/actuator'],
  ['GET', '/'],
])('is no page: %s %s', (method, path) => {
  expect(createHealth(() => ({ phase: 'serving', registered: true }))(method, path)).toBeUndefined()
})
