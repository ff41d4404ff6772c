import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DevServer } from 'nacos-sidecar/testing'
import { afterEach, expect, test, vi } from 'vitest'
import { createAuthority } from '../support/certificates.js'
import { killChildren } from '../support/child.js'
import { composedApp, FRAMEWORKS, type ComposedApp } from '../support/app-process.js'
import { devRegistry } from '../support/registry.js'
import { startFaultProxy } from '../support/fault-proxy.js'
import { call } from '../support/load.js'
import { bound, elapsed } from '../support/scale.js'
import { tempFolder } from '../support/temp-folder.js'
import { tlsFront } from '../support/tls-front.js'

afterEach(killChildren)
const listed = (registry: DevServer) => registry.services().flatMap((service) => service.instances)

/** Provokes the end and returns when the registry heard of it, in ms. */
async function crash(registry: DevServer, app: ComposedApp, how: string): Promise<number> {
  const deregistered = once(registry, 'deregister')
  const began = performance.now()
  call(app.port, `/do?${how}`).catch(() => {})
  await deregistered
  return elapsed(began)
}

test.each(FRAMEWORKS)('fault 23: an uncaught exception on %s: deregistered first', async (framework) => {
  const registry = await devRegistry()
  const app = await composedApp(registry, { FRAMEWORK: framework })
  expect(await crash(registry, app, 'throw')).toBeLessThan(bound(1000))
  expect(await app.exited).toEqual({ code: 1, signal: null })
  // Node's own words: where it was thrown, and the stack.
  expect(app.stderr).toMatch(/composed-app\.mjs:\d+\n\s+throw new Error[^]*Error: out of the blue\n\s+at /)
  expect(listed(registry)).toEqual([])
})

test('fault 23: an unhandled rejection, and process.exit() in the middle of things', async () => {
  const registry = await devRegistry()
  const rejecting = await composedApp(registry)
  expect(await crash(registry, rejecting, 'reject')).toBeLessThan(bound(1000))
  expect(await rejecting.exited).toEqual({ code: 1, signal: null })
  const exiting = await composedApp(registry)
  expect(await crash(registry, exiting, 'exit')).toBeLessThan(bound(1000))
  expect(await exiting.exited).toEqual({ code: 3, signal: null })
})

test('fault 23: an app that ends itself on SIGTERM, before any drain', async () => {
  const registry = await devRegistry()
  const app = await composedApp(registry, { HANDLER: 'exit' })
  const deregistered = vi.fn()
  registry.on('deregister', deregistered)
  app.signal('SIGTERM')
  expect(await app.exited).toEqual({ code: 7, signal: null })
  expect(deregistered, app.stderr).toHaveBeenCalledOnce()
})

test("fault 23: an app's own handler is left to decide", async () => {
  const registry = await devRegistry()
  const app = await composedApp(registry, { CATCHES: '1' })
  await call(app.port, '/do?throw')
  await app.message('caught')
  expect((await call(app.port, '/echo')).status).toBe(200)
  expect(listed(registry)).toHaveLength(1)
})

test('fault 23: at a registry with a login, behind TLS', async () => {
  const registry = await devRegistry({ auth: { username: 'orders', password: 'pa55word' } })
  const authority = await createAuthority()
  const front = await tlsFront(registry, await authority.issue())
  const caFile = join(tempFolder(), 'ca.pem')
  writeFileSync(caFile, authority.cert)
  const nacos = {
    serverAddr: `https://127.0.0.1:${front.port}`,
    username: 'orders',
    password: 'pa55word',
    tls: { caFile },
    discovery: { ip: '127.0.0.1' },
  }
  const app = await composedApp(registry, { SETTINGS: JSON.stringify({ cloud: { nacos } }) })
  expect(await crash(registry, app, 'throw')).toBeLessThan(bound(1000))
  expect(await app.exited).toEqual({ code: 1, signal: null })
  expect(app.stderr).not.toContain('pa55word')
})

test('fault 23: a registry that hangs holds the end up for a second at most', async () => {
  const registry = await devRegistry()
  const proxy = await startFaultProxy(registry)
  const app = await composedApp({ address: `127.0.0.1:${proxy.port}` })
  await proxy.set('hang')
  const began = performance.now()
  call(app.port, '/do?throw').catch(() => {})
  expect(await app.exited).toEqual({ code: 1, signal: null })
  expect(performance.now() - began).toBeGreaterThan(900)
  expect(elapsed(began)).toBeLessThan(bound(2000))
  expect(app.stderr).toContain('while exiting')
  await proxy.close()
})
