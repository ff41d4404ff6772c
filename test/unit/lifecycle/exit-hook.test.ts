import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { deregisterOnExit } from '../../../src/lifecycle/exit-hook.js'
import { killChildren, startChild } from '../../support/child.js'

const APP = new URL('../../fixtures/apps/lifecycle-app.ts', import.meta.url)
let registry: Server
let heard: string[]
let answer = true

beforeEach(async () => {
  heard = []
  answer = true
  registry = createServer((request, response) => {
    heard.push(`${request.method} ${request.url}`)
    if (answer) response.end('ok')
  })
  await once(registry.listen(0), 'listening')
})
afterEach(async () => {
  await killChildren()
  registry.closeAllConnections()
  registry.close()
})

async function run(env: Record<string, string>) {
  const url = `http://127.0.0.1:${(registry.address() as AddressInfo).port}/nacos/v1/ns/instance?serviceName=s`
  const app = startChild(APP, { env: { REGISTRY: url, ...env } })
  const { port } = await app.message<{ port: number }>('listening')
  await fetch(`http://127.0.0.1:${port}/do`).catch(() => {})
  return app
}

test.each(['throw', 'reject'])("%s, uncaught: deregistered before Node's own end", async (ON) => {
  const app = await run({ ON })
  expect(await app.exited).toEqual({ code: 1, signal: null })
  expect(heard).toEqual(['DELETE /nacos/v1/ns/instance?serviceName=s'])
  expect(await app.message('deregisteredSync')).toMatchObject({ status: 200 })
  expect(app.stderr).toMatch(/Error: out of the blue\n\s+at /)
})

test('a registry that hangs delays the exit by one second', async () => {
  answer = false
  const began = performance.now()
  const app = await run({ ON: 'throw' })
  expect(await app.exited).toEqual({ code: 1, signal: null })
  expect(heard).toHaveLength(1)
  expect(performance.now() - began).toBeLessThan(6000)
  expect((await app.message<{ status?: number }>('deregisteredSync')).status).toBeUndefined()
})

test('an app with its own exception handler decides itself', async () => {
  const app = await run({ ON: 'throw', CATCHES: '1' })
  await app.message('caught')
  expect(heard).toEqual([])
  app.signal('SIGINT')
  await app.exited
  expect(app.messages.map((message) => message['type'])).toContain('deregistered')
})

test('process.exit() without a shutdown', async () => {
  const app = await run({ ON: 'exit' })
  expect(await app.exited).toEqual({ code: 3, signal: null })
  expect(heard).toHaveLength(1)
})

test('several sidecars share the listeners, and take them away with the last', () => {
  const count = () => process.listenerCount('exit') + process.listenerCount('uncaughtExceptionMonitor')
  const before = process.listeners('exit')
  const had = count()
  const spoken: string[] = []
  const say = (name: string) =>
    deregisterOnExit({ logger: console, member: { deregisterSync: () => void spoken.push(name) } })
  const [a, b] = [say('a'), say('b')]
  expect(count()).toBe(had + 2)
  for (const listener of process.listeners('exit')) if (!before.includes(listener)) (listener as () => void)()
  expect(spoken).toEqual(['a', 'b'])
  a()
  expect(count()).toBe(had + 2)
  b()
  b()
  expect(count()).toBe(had)
})
