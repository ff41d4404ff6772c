import { once } from 'node:events'
import { afterEach, expect, test } from 'vitest'
import { killChildren, startChild } from '../support/child.js'
import { devRegistry } from '../support/dev-registry.js'
import { bound } from '../support/scale.js'

const APP = new URL('../fixtures/apps/registered-app.ts', import.meta.url)
afterEach(killChildren)

async function start() {
  const registry = await devRegistry()
  const app = startChild(APP, { env: { REGISTRY: registry.address } })
  const { port } = await app.message<{ port: number }>('listening')
  await app.message('registered')
  const slow = (takesMs: number) =>
    fetch(`http://127.0.0.1:${port}/slow/${takesMs}`).then((response) => response.text())
  return { registry, app, slow }
}

test('fault 22: SIGINT: no drain, in-flight finished, deregistered within a second', async () => {
  const { registry, app, slow } = await start()
  const answer = slow(700)
  await app.message('slow')
  const deregistered = once(registry, 'deregister')
  const began = performance.now()
  app.signal('SIGINT')
  await deregistered
  expect(performance.now() - began).toBeLessThan(1000)
  expect(await answer).toBe('ok')
  expect(await app.exited).toEqual({ code: null, signal: 'SIGINT' })
  expect(performance.now() - began).toBeLessThan(3000)
  expect(app.messages.map((message) => message['type'])).not.toContain('draining')
})

test('fault 22: a second SIGINT: gone within 100 ms', async () => {
  const { registry, app, slow } = await start()
  slow(5000).catch(() => {})
  await app.message('slow')
  const deregistered = once(registry, 'deregister')
  app.signal('SIGINT')
  await deregistered
  const began = performance.now()
  app.signal('SIGINT')
  await once(app.process, 'exit')
  expect(performance.now() - began).toBeLessThan(bound(100))
  expect(await app.exited).toEqual({ code: 130, signal: null })
})
