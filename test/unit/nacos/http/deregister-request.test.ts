import { expect, onTestFinished, test } from 'vitest'
import { requestSync } from '../../../../src/registration/request-sync.js'
import { anInstance, openTransport, ORDERS } from '../../../support/transport.js'
import { devRegistry } from '../../../support/registry.js'
import { startScriptedRegistry } from '../../../support/scripted-registry.js'

const listed = (registry: Awaited<ReturnType<typeof devRegistry>>) =>
  registry.services().flatMap((service) => service.instances)

test.each(['v1', 'v3'] as const)('deregisters over %s when another client sends it', async (apiVersion) => {
  const registry = await devRegistry()
  const transport = openTransport([registry], { apiVersion })
  const instance = anInstance()
  await transport.register(instance)
  expect(listed(registry)).toHaveLength(1)
  const { url, method, headers } = transport.deregisterRequest!(instance)!
  const response = await fetch(url, { method, headers: { ...headers } })
  expect(response.status).toBe(200)
  expect(listed(registry)).toEqual([])
})

test('carries the token at hand, in a header', async () => {
  const registry = await devRegistry({ auth: { username: 'u', password: 'secret-word' } })
  const transport = openTransport([registry], { username: 'u', password: 'secret-word' })
  const instance = anInstance()
  await transport.register(instance)
  const { url, method, headers } = transport.deregisterRequest!(instance)!
  const token = headers!['Authorization']!.replace('Bearer ', '')
  expect(token.length).toBeGreaterThan(10)
  expect(url).not.toContain(token)
  expect((await fetch(url, { method })).status).toBe(403)
  expect((await fetch(url, { method, headers: { ...headers } })).status).toBe(200)
  expect(listed(registry)).toEqual([])
})

test('is signed with an access key', async () => {
  const server = await startScriptedRegistry()
  onTestFinished(() => server.close())
  const transport = openTransport([server], { accessKey: 'AK', secretKey: 'secret-canary' })
  const query = new URL(transport.deregisterRequest!(anInstance())!.url).searchParams
  expect(query.get('ak')).toBe('AK')
  expect(query.get('data')).toMatch(/^\d+@@DEFAULT_GROUP@@orders$/)
  expect(query.get('signature')).toBeTruthy()
  expect(query.toString()).not.toContain('secret-canary')
})

test('goes to the node in use; there is none before the API is known', async () => {
  const registry = await devRegistry()
  const dead = { host: '127.0.0.1', port: 1 }
  const transport = openTransport([dead, registry], { apiVersion: 'auto' })
  expect(transport.deregisterRequest!(anInstance())).toBeUndefined()
  await transport.list(ORDERS)
  expect(transport.deregisterRequest!(anInstance())!.url).toContain(registry.address)
})

test('a request without an answer gives no status', () => {
  expect(requestSync({ url: 'http://127.0.0.1:1/', method: 'DELETE' }, 2000)).toBeUndefined()
})
