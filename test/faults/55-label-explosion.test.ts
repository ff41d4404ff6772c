import express from 'express'
import { expect, test } from 'vitest'
import { OPERATION_KINDS } from '../../src/observe/operation.js'
import { collectGarbage } from '../support/cost.js'
import { observer } from '../support/member.js'
import { createMemoryTransport } from '../support/memory-transport.js'
import { duration } from '../support/scale.js'
import { serveOnce } from '../support/serve-once.js'

const PATHS = duration(100_000, 10_000)
const BATCHES = 5

async function setUp(more: object = {}) {
  const app = express()
  const settings = { 'application.name': 'portal', 'cloud.nacos.config.enabled': false, ...more }
  const sidecar = await observer(settings, { app, transport: createMemoryTransport() } as object)
  const served = () =>
    sidecar
      .stats()
      .operations.filter(({ kind }) => kind === 'server')
      .map(({ name, count }) => `${name} ${count}`)
  return { app, served }
}

test('fault 55: 100,000 distinct paths make two names, and the memory stays flat', async () => {
  const { app, served } = await setUp()
  const tenants = express.Router()
  tenants.get('/orders/:order', (_, response) => void response.end())
  app.use('/tenants/:tenant', tenants)
  app.use((_, response) => void response.status(404).end())
  const heaps: number[] = []
  let n = 0
  for (let batch = 0; batch < BATCHES; batch++) {
    for (const end = n + PATHS / BATCHES; n < end; n++)
      await serveOnce(app, n % 2 === 0 ? `/tenants/t${n}/orders/${n}` : `/nowhere/${n}`)
    collectGarbage()
    heaps.push(process.memoryUsage().heapUsed)
  }
  expect(served().sort()).toEqual([`GET * ${PATHS / 2}`, `GET /tenants/:tenant/orders/:order ${PATHS / 2}`])
  // The first batch compiles. Names that stayed would be more than 10 MB a batch.
  const growth = heaps.slice(1).map((heap, index) => heap - heaps[index]!)
  expect(Math.min(...growth)).toBeLessThan(1_000_000)
})

test('fault 55: beyond the limit names count as `other`, and nothing is lost', async () => {
  const { app, served } = await setUp({ 'sidecar.observe.max-names': 50 })
  for (let n = 0; n < 400; n++) app.get(`/generated-${n}`, (_, response) => void response.end())
  for (let n = 0; n < 400; n++) await serveOnce(app, `/generated-${n}`)
  const counts = served().map((line) => Number(line.split(' ').at(-1)))
  // One name in each kind is kept for the rest.
  const named = 50 - OPERATION_KINDS.length
  expect(counts).toHaveLength(named + 1)
  expect(served()).toContain(`other ${400 - named}`)
  expect(counts.reduce((sum, count) => sum + count)).toBe(400)
})
