import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type Socket } from 'node:net'
import express, { type Express } from 'express'
import { expect, onTestFinished, test, vi } from 'vitest'
import { collectGarbage, leastStall } from '../support/cost.js'
import { serve } from '../support/frameworks.js'
import { observer } from '../support/member.js'
import { createMemoryTransport } from '../support/memory-transport.js'
import { readPage } from '../support/micrometer.js'
import { bound, duration, realDurations } from '../support/scale.js'
import { serveOnce } from '../support/serve-once.js'

const ROUTES = duration(900, 400)
/** Of Micrometer's histogram, with `+Inf`, the count and the sum. */
const LINES = 71
/** As many as are sent at a time. */
const PARALLEL = 8
const HANGING = 20
/** Answers that may wait for their readers, and what Node and the kernel take. */
const HELD_PAGES = 8 + 4

/** An app that has served all of its routes, with buckets. */
async function busyApp() {
  const app = express()
  const settings = {
    'application.name': 'portal',
    'cloud.nacos.config.enabled': false,
    'management.endpoints.web.exposure.include': 'prometheus',
    'management.metrics.distribution.percentiles-histogram.http.server.requests': true,
  }
  await observer(settings, { app, transport: createMemoryTransport() } as object)
  routes(app)
  const { url, port, close } = await serve(createServer(app))
  onTestFinished(close)
  for (let n = 0; n < ROUTES; n++) await serveOnce(app, `/orders-of-a-department/number-${n}`)
  return { url, port }
}

function routes(app: Express): void {
  for (let n = 0; n < ROUTES; n++)
    app.get(`/orders-of-a-department/number-${n}`, (_request, response) => void response.end('ok'))
  app.get('/load', (_request, response) => void response.end('ok'))
}

async function get(url: string): Promise<string> {
  const response = await fetch(url)
  const text = await response.text()
  if (response.status !== 200) throw new Error(`${response.status} ${text}`)
  return text
}

/** Calls until it is told to stop. @returns how many there were; rejects with the first that failed */
function calls(url: string): () => Promise<number> {
  let running = true
  const done = Promise.all(
    Array.from({ length: 4 }, async () => {
      let count = 0
      for (; running; count++) await get(`${url}/load`)
      return count
    }),
  )
  done.catch(() => {})
  return () => ((running = false), done.then((counts) => counts.reduce((sum, count) => sum + count)))
}

test('fault 56: scrapes in parallel under load: no call fails, the loop stalls for less than 50 ms, the page is bounded', async () => {
  const { url } = await busyApp()
  const page = `${url}/actuator/prometheus`
  const stop = calls(url)
  // As bytes: to make a text of them would be a stall of the test's own.
  const scrape = async () => {
    const answers = await Promise.all(Array.from({ length: PARALLEL }, () => fetch(page)))
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    await Promise.all(answers.map(({ body }) => body!.pipeTo(new WritableStream())))
  }
  const stallMs = await leastStall(10, scrape, bound(50))
  expect(await stop()).toBeGreaterThan(0)
  expect(stallMs).toBeLessThan(bound(50))
  const { samples } = readPage(await get(page))
  const counts = samples.filter(({ name }) => name === 'http_server_requests_seconds_count')
  expect(counts.length).toBeGreaterThanOrEqual(ROUTES)
  expect(samples.length).toBeLessThan((ROUTES + 50) * (LINES + 1) + 500)
})

test('fault 56: scrapers that never read hold few pages, and the app goes on', async () => {
  const { url, port } = await busyApp()
  const size = (await get(`${url}/actuator/prometheus`)).length
  collectGarbage()
  const before = process.memoryUsage().arrayBuffers
  const hanging: Socket[] = []
  onTestFinished(() => hanging.forEach((socket) => socket.destroy()))
  for (let n = 0; n < HANGING; n++) {
    const socket = connect(port, '127.0.0.1').pause()
    hanging.push(socket)
    socket.on('error', () => {})
    await once(socket, 'connect')
    socket.write('GET /actuator/prometheus HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await get(`${url}/load`)
  }
  await vi.waitFor(async () => expect((await fetch(`${url}/actuator/prometheus`)).status).toBe(503), 20_000)
  await get(`${url}/load`)
  collectGarbage()
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(HELD_PAGES * size)
  // In time the server cuts them off; here some go by themselves.
  if (!realDurations) for (const socket of hanging) socket.destroy()
  await vi.waitFor(() => get(`${url}/actuator/prometheus`), { timeout: 30_000, interval: 100 })
})
