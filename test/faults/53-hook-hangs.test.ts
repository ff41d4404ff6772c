import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import { killChildren, type Child } from '../support/child.js'
import { shortest } from '../support/cost.js'
import { hookedApp } from '../support/hooked-app.js'
import { devRegistry } from '../support/registry.js'
import { bound, duration, elapsed } from '../support/scale.js'

const HANG = 'new Promise(() => {})'
const TIMEOUT = duration(10_000, 300)
const namespaces = spawnSync('unshare', ['-r', '-p', '-f', 'true']).status === 0
afterEach(killChildren)

const told = (app: Child) => app.messages.map(({ type }) => type)

test('fault 53: a start hook hangs: the start ends at its timeout, exit code 1', async () => {
  const registry = await devRegistry()
  const app = hookedApp(registry, {
    hooks: `sidecar.onStart(() => ${HANG}, { name: 'open the pool', timeout: ${TIMEOUT} })`,
  })
  expect(await app.exited).toEqual({ code: 1, signal: null })
  expect(app.stderr).toContain(`start hook "open the pool" failed: not done within ${TIMEOUT} ms`)
  expect(registry.services()).toEqual([])
})

test('fault 53: a stop hook hangs: the next one runs at its timeout, the process ends by its signal', async () => {
  const registry = await devRegistry()
  const app = hookedApp(registry, {
    hooks: `
      sidecar.onStop(() => say('pool closed'))
      sidecar.onStop(({ signal }) => ${HANG}, { name: 'flush', timeout: ${TIMEOUT} })`,
  })
  await app.message('registered')
  const began = performance.now()
  app.signal('SIGTERM')
  expect(await app.exited).toEqual({ code: null, signal: 'SIGTERM' })
  expect(elapsed(began)).toBeLessThan(TIMEOUT + bound(2_000))
  expect(app.stderr).toContain(`leaving: stop hook "flush" failed: not done within ${TIMEOUT} ms`)
  expect(told(app)).toContain('pool closed')
})

const SECOND = `
  sidecar.onStop(({ killed }) => say('pool', { killed }))
  sidecar.onStop(({ killed }) => (say('queue', { killed }), ${HANG}), { name: 'queue' })
  sidecar.onStop(async (context) => {
    say('flushing', { killed: context.killed })
    await new Promise((resolve) => context.signal.addEventListener('abort', resolve))
    say('flush aborted', { killed: context.killed })
  }, { name: 'flush' })`

test('fault 53: a second signal aborts the hook that runs, and calls the others with `killed`, for a second', async () => {
  const registry = await devRegistry()
  const app = hookedApp(registry, { hooks: SECOND })
  await app.message('registered')
  app.signal('SIGTERM')
  await app.message('flushing')
  const began = performance.now()
  app.signal('SIGINT')
  expect(await app.exited).toEqual({ code: 130, signal: null })
  expect(elapsed(began)).toBeLessThan(1_000 + bound(500))
  expect(performance.now() - began).toBeGreaterThan(900)
  expect(app.messages.slice(2).map(({ type, killed }) => ({ type, killed }))).toEqual([
    { type: 'flushing', killed: false },
    { type: 'queue', killed: true },
    { type: 'pool', killed: true },
    { type: 'flush aborted', killed: true },
  ])
  expect(app.stderr).toMatch(/WARN .*a second signal ends the process, still open: stop hook "queue"/)
})

test('fault 53: a third signal waits for nothing', async () => {
  const registry = await devRegistry()
  const most = duration(100, 3_000)
  const end = async () => {
    const app = hookedApp(registry, { hooks: SECOND })
    await app.message('registered')
    for (const [signal, heard] of [
      ['SIGTERM', 'flushing'],
      ['SIGINT', 'flush aborted'],
    ] as const) {
      app.signal(signal)
      await app.message(heard)
    }
    const began = performance.now()
    app.signal('SIGINT')
    expect(await app.exited).toEqual({ code: 130, signal: null })
    const took = elapsed(began)
    // What the second one says when its second is over.
    expect(app.stderr).not.toContain('still open')
    return took
  }
  expect(await shortest(5, end, most)).toBeLessThan(most)
})

test.skipIf(!namespaces)('fault 53: as PID 1: a hook that hangs, then 143; a second signal', async () => {
  const registry = await devRegistry()
  const wrapper = ['unshare', '-r', '-p', '-f', '--mount-proc', '--kill-child']
  const hooks = `
    sidecar.onStop(({ killed }) => say('pool', { killed }))
    sidecar.onStop(() => (say('flushing'), ${HANG}), { name: 'flush', timeout: ${TIMEOUT} })`
  const apps = [hookedApp(registry, { hooks, wrapper }), hookedApp(registry, { hooks: SECOND, wrapper })] as const
  await Promise.all(apps.map((app) => app.message('registered')))
  const signal = (app: Child, name: NodeJS.Signals) =>
    process.kill(Number(readFileSync(`/proc/${app.pid}/task/${app.pid}/children`, 'utf8')), name)
  for (const app of apps) signal(app, 'SIGTERM')
  await apps[1].message('flushing')
  signal(apps[1], 'SIGINT')
  expect(await Promise.all(apps.map((app) => app.exited))).toEqual([
    { code: 143, signal: null },
    { code: 130, signal: null },
  ])
  expect(apps[0].messages.at(-1)).toMatchObject({ type: 'pool', killed: false })
  expect(apps[1].messages.at(-1)).toMatchObject({ type: 'flush aborted', killed: true })
})
