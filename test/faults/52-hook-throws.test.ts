import { once } from 'node:events'
import { afterEach, expect, test } from 'vitest'
import { killChildren } from '../support/child.js'
import { hookedApp } from '../support/hooked-app.js'
import { devRegistry } from '../support/registry.js'

afterEach(killChildren)

test('fault 52: a start hook throws: never registered, what was open is closed, exit code 1', async () => {
  const registry = await devRegistry()
  const app = hookedApp(registry, {
    hooks: `
      sidecar.onStop(() => say('closed'), { name: 'first' })
      sidecar.onStart(() => { throw new Error('no database') }, { name: 'open the pool' })
      sidecar.onStart(() => say('never'))`,
  })
  expect(await app.exited).toEqual({ code: 1, signal: null })
  expect(app.stderr).toMatch(/ERROR .*start hook "open the pool" failed: no database\. The start ends here/)
  expect(app.messages.map(({ type }) => type).filter((type) => type !== 'listening')).toEqual(['closed'])
  expect(registry.services()).toEqual([])
})

test('fault 52: a stop hook throws: logged, the next ones run, the process ends by its signal', async () => {
  const registry = await devRegistry()
  const app = hookedApp(registry, {
    hooks: `
      sidecar.onStop(() => say('pool closed'))
      sidecar.onStop(() => Promise.reject(new Error('rejects')), { name: 'flush' })
      sidecar.onStop(() => { throw new Error('throws') }, { name: 'goodbye', when: 'before-deregister' })`,
  })
  await app.message('registered')
  const deregistered = once(registry, 'deregister')
  app.signal('SIGTERM')
  await deregistered
  expect(await app.exited).toEqual({ code: null, signal: 'SIGTERM' })
  expect(app.stderr).toMatch(/WARN .*leaving: stop hook "goodbye" failed: throws/)
  expect(app.stderr).toMatch(/WARN .*leaving: stop hook "flush" failed: rejects/)
  expect(app.messages.map(({ type }) => type)).toContain('pool closed')
})

test('fault 52: no hook runs in a crash, and the instance is deregistered all the same', async () => {
  const registry = await devRegistry()
  const app = hookedApp(registry, { hooks: `sidecar.onStop(() => say('pool closed'))` })
  await app.message('registered')
  const deregistered = once(registry, 'deregister')
  app.send({ type: 'crash' })
  await deregistered
  expect(await app.exited).toEqual({ code: 1, signal: null })
  expect(app.messages.map(({ type }) => type)).not.toContain('pool closed')
})
