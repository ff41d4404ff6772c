import { defineClient, DELETE, GET, HEAD, PATCH, POST, PUT } from 'nacos-sidecar'
import { expect, test } from 'vitest'
import { clientOf } from '../../../src/feign/define-client.js'
import { instance, startMesh, startProvider } from '../../support/mesh.js'

test('each verb, with and without a type', async () => {
  const mesh = startMesh()
  const provider = await startProvider()
  mesh.registry.set('order-service', instance('order-service', provider.port))
  const orders = defineClient('order-service', {
    byId: GET('/orders/{id}').as<(p: { id: number }) => Promise<{ url: string }>>(),
    create: POST('/orders'),
    replace: PUT('/orders/{id}'),
    change: PATCH('/orders/{id}'),
    remove: DELETE('/orders/{id}'),
    exists: HEAD('/orders/{id}'),
  })
  expect((await orders.byId({ id: 7 })).url).toBe('/orders/7')
  await orders.create({ body: {} })
  await orders.replace(7, {})
  await orders.change({ id: 7, body: {} })
  await orders.remove(7)
  await orders.exists(7)
  expect(provider.seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
    'GET /orders/7',
    'POST /orders',
    'PUT /orders/7',
    'PATCH /orders/7',
    'DELETE /orders/7',
    'HEAD /orders/7',
  ])
})

test('the methods are the only enumerable keys, and cannot be replaced', () => {
  const orders = defineClient({ name: 'order-service' }, { byId: GET('/orders/{id}') })
  expect(Object.keys(orders)).toEqual(['byId'])
  expect(() => Object.assign(orders, { byId: 1 })).toThrow(TypeError)
})

test.each(['', 'a/b', 'a b', 'http://evil.example', '../x', 'a@@b@@c', 'a\r\nb'])(
  'refuses the service name %j',
  (name) => {
    expect(() => defineClient(name, {})).toThrow(expect.objectContaining({ code: 'SIDECAR_CLIENT_INVALID' }))
  },
)

test('clientOf binds another client of the same definition; the first keeps its own', async () => {
  const there = startMesh()
  const here = startMesh()
  const [near, far] = await Promise.all([startProvider(), startProvider()])
  here.registry.set('order-service', instance('order-service', near.port))
  there.registry.set('order-service', instance('order-service', far.port))
  const orders = defineClient('order-service', { byId: GET('/orders/{id}') })
  await clientOf(orders, there.runtime).byId(1)
  await orders.byId(2)
  expect([near, far].map(({ seen }) => seen.map(({ url }) => url))).toEqual([['/orders/2'], ['/orders/1']])
  for (const stranger of [{}, class Undecorated {}]) {
    const code = 'SIDECAR_CLIENT_INVALID'
    expect(() => clientOf<object>(stranger, there.runtime)).toThrow(expect.objectContaining({ code }))
  }
})

test.each<[object, string]>([
  [{ timeout: 500 }, 'orders has no option "timeout", did you mean timeoutMs?'],
  [{ timeoutMs: '5s' }, 'timeoutMs of orders: expected a number of milliseconds, 0 or more, got "5s"'],
  [{ retry: -1 }, 'retry of orders: expected a number of further attempts, 0 or more, got -1'],
  [{ somethingElse: 1 }, 'orders has no option "somethingElse"'],
])('an option that would be passed over is refused where it is written: %j', (options, message) => {
  const refused = (own: string) =>
    expect.objectContaining({ code: 'SIDECAR_CLIENT_INVALID', message: message.replace('orders', own) })
  expect(() => defineClient({ name: 'orders', ...options }, {})).toThrow(refused('orders'))
  expect(() => defineClient('orders', { byId: GET('/{id}', options) })).toThrow(refused('byId'))
})

test('an option that is left open is left out', () => {
  expect(() => defineClient({ name: 'orders', retry: undefined, timeoutMs: Infinity } as object, {})).not.toThrow()
})
