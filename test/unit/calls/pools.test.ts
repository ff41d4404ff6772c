// Gives a pool its method `request`.
import 'undici'
import { defineClient, GET } from 'nacos-sidecar'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createPools, type Pools } from '../../../src/calls/pools.js'
import { loadUndici } from '../../../src/util/undici.js'
import { originOf } from '../../../src/instance.js'
import { instance, startMesh, startProvider } from '../../support/mesh.js'

await loadUndici()

function pools(idleMs?: number): Pools {
  const made = createPools({ connectTimeoutMs: 1_000, ...(idleMs && { idleMs }) })
  onTestFinished(() => made.close())
  return made
}

test('one pool per address, whatever the instance object', () => {
  const own = pools()
  const a = own.of(instance('x', 1))
  expect(own.of(instance('y', 1, { metadata: { v: '2' } }))).toBe(a)
  expect(own.at('http://127.0.0.1:1')).toBe(a)
  expect(own.of(instance('x', 2))).not.toBe(a)
  expect(own.size).toBe(2)
})

test('an origin is bracketed for IPv6 and https where the metadata says so', () => {
  expect(originOf(instance('x', 80, { ip: '::1' }))).toBe('http://[::1]:80')
  expect(originOf(instance('x', 443, { metadata: { secure: 'true' } }))).toBe('https://127.0.0.1:443')
})

test('an idle pool is closed, and opened again when it is needed', async () => {
  const own = pools(20)
  const target = instance('x', 1)
  const first = own.of(target)
  await vi.waitFor(() => expect(own.size).toBe(0))
  expect(first.closed).toBe(true)
  expect(own.of(target)).not.toBe(first)
})

test('a pool with a request in flight is not idle', async () => {
  const own = pools(20)
  let answer = () => {}
  const provider = await startProvider((_, response) => (answer = () => void response.end('late')))
  const request = own.at(provider.origin).current.request({ path: '/', method: 'GET' })
  await vi.waitFor(() => expect(provider.seen).toHaveLength(1))
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(own.size).toBe(1)
  answer()
  expect(await (await request).body.text()).toBe('late')
})

test('the pool of an instance that left is closed once its calls are done', async () => {
  const mesh = startMesh({ sidecar: { pollInterval: 20 } })
  const answers: (() => void)[] = []
  const leaving = await startProvider((_, response) => answers.push(() => void response.end('done')))
  const staying = await startProvider()
  mesh.registry.set('user-service', instance('user-service', leaving.port))
  const users = defineClient('user-service', { get: GET('/') })
  const inFlight = users.get()
  await vi.waitFor(() => expect(answers).toHaveLength(1))
  expect(mesh.runtime.pools({}).size).toBe(1)

  mesh.registry.set('user-service', instance('user-service', staying.port))
  await vi.waitFor(() => expect(mesh.directory.peek('user-service')?.instances[0]?.port).toBe(staying.port))
  await users.get()
  expect(mesh.runtime.pools({}).size).toBe(1)
  answers[0]!()
  expect(await inFlight).toBe('done')
})
