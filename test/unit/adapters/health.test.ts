import { expect, it } from 'vitest'
import { createHealth, type HealthComponents, type HealthStatus } from '../../../src/adapters/health.js'

const PAGES = ['/health', '/actuator/health', '/actuator/health/liveness', '/actuator/health/readiness']

const answer = async (status: HealthStatus, path: string, method = 'GET') =>
  createHealth(() => status)(method, path)?.()

it.each<[HealthStatus, readiness: number]>([
  [{ phase: 'starting', registered: false }, 503],
  [{ phase: 'serving', registered: true }, 200],
  // A registry that is gone must not restart the fleet.
  [{ phase: 'serving', registered: false }, 200],
  [{ phase: 'leaving', registered: true }, 503],
])('only readiness says 503, and only while starting and leaving: %j', async (status, readiness) => {
  for (const method of ['GET', 'HEAD']) {
    const answers = await Promise.all(PAGES.map((path) => answer(status, path, method)))
    expect(answers.map((one) => one?.status)).toEqual([200, 200, 200, readiness])
  }
})

it('says up, registered and when the last beat was, and gives the details on one page', async () => {
  const lastBeat = new Date(1_700_000_000_000)
  const status: HealthStatus = { phase: 'serving', registered: true, lastBeat, details: { service: 'orders' } }
  const facts = { registered: true, lastBeat: '2023-11-14T22:13:20.000Z' }
  expect((await answer(status, '/health'))?.body).toEqual({ status: 'UP', phase: 'serving', ...facts })
  expect((await answer(status, '/actuator/health'))?.body).toMatchObject({
    status: 'UP',
    ...facts,
    components: { nacos: { status: 'UP', details: { ...facts, service: 'orders' } } },
  })
  expect((await answer({ phase: 'starting', registered: false }, '/health'))?.body).toMatchObject({
    registered: false,
    lastBeat: null,
  })
})

it('K2: shows components of the app beside the registry; readiness is 503 while one that counts is DOWN', async () => {
  const down: HealthComponents = { db: { status: 'DOWN', details: { reason: 'starting' } } }
  const status = (counts: boolean, phase: HealthStatus['phase'] = 'serving'): HealthStatus => ({
    ...{ phase, registered: true },
    components: async (which) => (which && !counts ? {} : down),
  })
  expect(await answer(status(false), '/actuator/health')).toMatchObject({
    status: 200,
    body: { status: 'UP', components: { ...down, nacos: { status: 'UP' } } },
  })
  expect(await answer(status(false), '/actuator/health/readiness')).toMatchObject({ status: 200 })
  expect(await answer(status(true), '/actuator/health/readiness')).toEqual({
    status: 503,
    body: { status: 'DOWN', components: down },
  })
  expect(await answer(status(true), '/actuator/health/liveness')).toMatchObject({ status: 200 })
  expect(await answer(status(true, 'leaving'), '/actuator/health/readiness')).toMatchObject({
    body: { status: 'OUT_OF_SERVICE' },
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
