import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createServer as createNetServer, type AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { planDrain } from '../../src/lifecycle/drain.js'
import { createLifecycle, type Lifecycle } from '../../src/lifecycle/lifecycle.js'
import { createMember } from '../../src/registration/member.js'
import { settingsSchema } from '../../src/settings/schema.js'
import { collectEvents, collectLog } from '../support/collect.js'
import { createMemoryTransport, type MemoryTransport } from '../support/memory-transport.js'

let transport: MemoryTransport
let lifecycle: Lifecycle
let app: Server

beforeEach(() => {
  transport = createMemoryTransport()
  app = createServer((_, response) => response.end('ok'))
  const settings = settingsSchema.parse({
    application: { name: 'orders' },
    cloud: { nacos: { discovery: { ip: '10.0.0.5' } } },
  })
  const { emit } = collectEvents()
  const logger = collectLog()
  lifecycle = createLifecycle({
    member: createMember({ transport, namespace: '', settings, logger, emit }),
    drain: planDrain({ drain: 0, drainTimeout: 0 }),
    deregisterTimeoutMs: 500,
    signals: false,
    logger,
    emit,
    closeClients: async () => {},
  })
  lifecycle.start({ app: { framework: 'test', owns: (server) => server === app }, serverPort: 9202 })
  lifecycle.allowRegistration()
})
afterEach(() => lifecycle.stop())

test('fault 47: an app that never listens is never registered, whatever else does', async () => {
  const others = [createNetServer(), createServer()]
  for (const server of others) await once(server.listen(0), 'listening')
  // Past the time a server on another port than server.port has to wait.
  await new Promise((resolve) => setTimeout(resolve, 1300))
  expect(lifecycle.phase).toBe('starting')
  await lifecycle.stop()
  expect(transport.requests).toEqual([])
  others.forEach((server) => server.close())
})

test('fault 47: port 0 is registered as the real port, and goes with the app', async () => {
  await once(app.listen(0), 'listening')
  const { port } = app.address() as AddressInfo
  await vi.waitFor(() => expect([...transport.instances.values()].map((one) => one.port)).toEqual([port]))
  expect(port).toBeGreaterThan(0)
  expect(lifecycle).toMatchObject({ phase: 'serving', server: { port } })
  await lifecycle.stop()
  expect(transport.instances.size).toBe(0)
  expect(app.listening).toBe(false)
})

test('fault 47: an app that listens while the sidecar leaves is not registered', async () => {
  app.listen(0)
  const left = lifecycle.stop()
  await once(app, 'listening')
  await left
  await new Promise((resolve) => setImmediate(resolve))
  expect(transport.requests).toEqual([])
  app.close()
})
