import { afterEach, expect, test, vi } from 'vitest'
import { killChildren, startChild } from '../support/child.js'
import { ownPort } from '../support/own-port.js'
import { startRegistryProcess } from '../support/registry.js'
import { bound, duration, elapsed } from '../support/scale.js'
import { startScript } from '../support/script.js'
import { tempFolder } from '../support/temp-folder.js'

const APP = new URL('../fixtures/apps/framework-app.mjs', import.meta.url)
afterEach(killChildren)

const bootstrap = (port: number, more = '') => `
application.name: orders
profiles.active: dev
cloud.nacos:
  server-addr: 127.0.0.1:${port}
  discovery: { ip: 127.0.0.1${more} }
`

test('fault 1: registry down at start: the app serves, and registers within 5 s of its return', async () => {
  const port = await ownPort()
  const cwd = tempFolder({ 'bootstrap.yml': bootstrap(port) })
  const app = startChild(APP, { cwd, env: { FRAMEWORK: 'express5', SIDECAR_DRAIN: '0', PORT: '0', SERVER_PORT: '0' } })
  const [, own] = await app.line(/cannot register DEFAULT_GROUP@@orders \(127\.0\.0\.1:(\d+)\)/)
  const url = `http://127.0.0.1:${own}`
  expect((await fetch(`${url}/hello`)).status).toBe(200)
  // An outage of the registry takes no traffic away and restarts no process.
  expect((await fetch(`${url}/actuator/health/liveness`)).status).toBe(200)
  expect((await fetch(`${url}/actuator/health/readiness`)).status).toBe(200)
  expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ status: 'UP', registered: false })

  // Long enough for every back-off to have reached its cap.
  await new Promise((resolve) => setTimeout(resolve, duration(20_000, 4_000)))
  expect(app.messages).toEqual([])
  const registry = await startRegistryProcess({ port })
  const back = performance.now()
  await app.message('registered')
  expect(elapsed(back)).toBeLessThan(bound(5_000))
  expect(await registry.instances('orders')).toEqual([
    expect.objectContaining({ ip: '127.0.0.1', port: Number(own), healthy: true }),
  ])
  app.signal('SIGTERM')
  expect(await app.exited).toEqual({ code: null, signal: 'SIGTERM' })
  expect(app.messages.map(({ type }) => type)).not.toContain('unhandledRejection')
  expect(await registry.instances('orders')).toEqual([])
})

test('fault 1: with fail-fast the process ends with an error within 5 s, whatever else keeps it alive', async () => {
  const port = await ownPort()
  const app = startScript(
    `import express from 'express'
     import { initSidecar } from 'nacos-sidecar'
     process.on('unhandledRejection', () => say('unhandledRejection'))
     setInterval(() => {}, 1000)
     const app = express()
     void initSidecar(app)
     app.listen(0, () => say('listening'))`,
    { bootstrap: bootstrap(port, ', fail-fast: true') },
  )
  await app.message('listening')
  const began = performance.now()
  const [line] = await app.line(/ERROR nacos-sidecar cannot.*/)
  expect(elapsed(began)).toBeLessThan(bound(5_000))
  expect(line).toMatch(
    new RegExp(
      `cannot register DEFAULT_GROUP@@orders \\(127\\.0\\.0\\.1:\\d+\\) at 127\\.0\\.0\\.1:${port}, attempt \\d+: .*fail-fast is on`,
    ),
  )
  expect(await app.exited).toEqual({ code: 1, signal: null })
  expect(elapsed(began)).toBeLessThan(bound(7_000))
  expect(app.messages).toEqual([{ type: 'listening' }])
})

test('fault 1: fail-fast does not wait for what is refused', async () => {
  const registry = await startRegistryProcess({ auth: { username: 'nacos', password: 'right' } })
  const app = startScript(
    `import { createServer } from 'node:http'
     import { initSidecar } from 'nacos-sidecar'
     void initSidecar()
     createServer().listen(0, () => say('listening'))`,
    {
      bootstrap: `${bootstrap(registry.port, ', fail-fast: true')}  username: nacos\n  password: wrong-canary\n`,
    },
  )
  await app.message('listening')
  const began = performance.now()
  expect(await app.exited).toEqual({ code: 1, signal: null })
  expect(elapsed(began)).toBeLessThan(bound(3_000))
  expect(app.stderr).toMatch(/login was refused/i)
  expect(app.stderr).not.toContain('wrong-canary')
})

test('fault 1: configs arrive with the registry', async () => {
  const port = await ownPort()
  const app = startScript(
    `import express from 'express'
     import { configRemote, initSidecar } from 'nacos-sidecar'
     const app = express()
     const sidecar = await initSidecar(app)
     say('ready', { greeting: configRemote('greeting', 'none') })
     sidecar.on('configChanged', ({ keys }) => say('changed', { keys, greeting: configRemote('greeting', 'none') }))
     app.listen(0)`,
    { bootstrap: bootstrap(port) },
  )
  expect(await app.message('ready')).toMatchObject({ greeting: 'none' })
  const registry = await startRegistryProcess({ port })
  const published = fetch(`http://${registry.address}/nacos/v1/cs/configs`, {
    method: 'POST',
    body: new URLSearchParams({ dataId: 'orders-dev.yml', group: 'DEFAULT_GROUP', content: 'greeting: hello' }),
  })
  expect((await published).status).toBe(200)
  const back = performance.now()
  expect(await app.message('changed')).toMatchObject({ keys: ['greeting'], greeting: 'hello' })
  expect(elapsed(back)).toBeLessThan(bound(11_000))
  await vi.waitFor(async () => expect(await registry.instances('orders')).toHaveLength(1), bound(6_000))
})
