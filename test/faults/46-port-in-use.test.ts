import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'
import type { ServiceInstance } from 'nacos-sidecar'
import type { DevServer } from 'nacos-sidecar/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { killChildren, startChild } from '../support/child.js'
import { devRegistry } from '../support/registry.js'

const APP = new URL('../fixtures/apps/registered-app.ts', import.meta.url)
let squatter: Server
let taken: string
let registry: DevServer
let registered: ServiceInstance[]

beforeEach(async () => {
  squatter = createServer()
  await once(squatter.listen(0), 'listening')
  taken = String((squatter.address() as AddressInfo).port)
  registry = await devRegistry()
  registered = []
  registry.on('register', ({ instance }) => registered.push(instance))
})
afterEach(async () => {
  await killChildren()
  squatter.close()
})

test('fault 46: port already in use: nothing is registered', async () => {
  const app = startChild(APP, { env: { REGISTRY: registry.address, PORT: taken } })
  expect(await app.message('listenFailed')).toMatchObject({ code: 'EADDRINUSE' })
  expect(await app.exited).toEqual({ code: 0, signal: null })
  expect(app.messages.map((message) => message['type'])).toEqual(['listenFailed'])
  expect(registered).toEqual([])
})

test('fault 46: an app that takes another port then is registered there', async () => {
  const app = startChild(APP, { env: { REGISTRY: registry.address, PORT: taken, RETRY_PORT: '0' } })
  await app.message('listenFailed')
  await app.message('registered')
  const { port } = await app.message<{ port: number }>('listening')
  expect(registered.map((instance) => instance.port)).toEqual([port])
  expect(String(port)).not.toBe(taken)
})
