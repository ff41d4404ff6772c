import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { drainBacklogAndClose } from '../../../src/lifecycle/close-listener.js'
import { killChildren, startChild } from '../../support/child.js'

const KNOCKER = new URL('../../fixtures/apps/connect-until-refused.mjs', import.meta.url)
afterEach(killChildren)

/** A plain `server.close()` resets 18 of the 20 that are under way. */
function expectNoneLost(ends: Record<string, number>): void {
  const { ok, ECONNREFUSED, ECONNRESET = 0, ...others } = ends
  expect(ok).toBeGreaterThan(100)
  expect(ECONNREFUSED).toBeGreaterThan(0)
  // The kernel cannot check and close in one step: a connection in the few µs between is reset.
  expect(ECONNRESET).toBeLessThanOrEqual(2)
  expect(others).toEqual({})
}

test('callers that stream in are answered or refused, not reset', async () => {
  const server = createServer((request, response) => {
    // Slow enough that connections queue up in front of it.
    for (const began = performance.now(); performance.now() - began < 0.5;);
    request.resume().on('end', () => response.setHeader('connection', 'close').end('ok'))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const callers = startChild(KNOCKER, { env: { PORT: String((server.address() as AddressInfo).port) } })
  await callers.message('connecting')
  await drainBacklogAndClose(server, () => server.close())
  const { ends } = await callers.message<{ ends: Record<string, number> }>('ends')
  expectNoneLost(ends)
})

test('a loop that stalls now and then still accepts the whole backlog', async () => {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.setHeader('connection', 'close').end('ok'))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const callers = startChild(KNOCKER, { env: { PORT: String((server.address() as AddressInfo).port), PAUSE: '8' } })
  await callers.message('connecting')
  let turns = 0
  let next: NodeJS.Immediate
  // Between the check of the backlog and the close.
  const stall = () => {
    if (++turns % 50 === 0) for (const began = performance.now(); performance.now() - began < 15;);
    next = setImmediate(stall)
  }
  stall()
  await drainBacklogAndClose(server, () => server.close())
  clearImmediate(next!)
  const { ends } = await callers.message<{ ends: Record<string, number> }>('ends')
  expectNoneLost(ends)
})

test('the server is as it was afterwards, and nothing that waited is lost', async () => {
  // Closed, so that none falls idle: those a plain server.close() cuts, while the next request may be under way.
  const server = createServer((_request, response) => void response.setHeader('connection', 'close').end('ok'))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const answers = Promise.all(Array.from({ length: 30 }, () => fetch(`http://127.0.0.1:${port}`).then((r) => r.text())))
  await once(server, 'connection')
  await drainBacklogAndClose(server, () => server.close())
  expect(await answers).toEqual(Array(30).fill('ok'))
  expect(Object.hasOwn(server, 'emit')).toBe(false)
  expect(server.listening).toBe(false)
})
