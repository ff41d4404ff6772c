import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startFaultProxy } from '../support/fault-proxy.js'
import { openTransport, ORDERS, pollOrders, TWO_ORDERS } from '../support/transport.js'
import { duration } from '../support/scale.js'
import { startScriptedRegistry } from '../support/scripted-registry.js'

const LIST = 'GET /nacos/v1/ns/instance/list'

async function proxied() {
  const server = await startScriptedRegistry()
  const proxy = await startFaultProxy(server)
  onTestFinished(async () => {
    await proxy.close()
    await server.close()
  })
  return { server, proxy }
}

test('fault 09: a truncated body: the list is kept', async () => {
  const { server, proxy } = await proxied()
  server.on(LIST, { body: TWO_ORDERS })
  const orders = await pollOrders(proxy, duration(1_000, 50))

  await proxy.set('truncate', 300) // past the headers, in the middle of the list
  await vi.waitFor(() => expect(orders.failures()).toBeGreaterThanOrEqual(1), { timeout: 20_000, interval: 20 })
  expect(orders.ports()).toEqual([9001, 9002])
  expect(orders.changes()).toBe(1)

  await proxy.set('pass')
  server.on(LIST, { body: { hosts: TWO_ORDERS.hosts.slice(1) } })
  await vi.waitFor(() => expect(orders.ports()).toEqual([9002]), { timeout: 30_000, interval: 20 })
})

test('fault 09: a body cut at any byte is an error, never a shorter list', async () => {
  const { server, proxy } = await proxied()
  server.on(LIST, { body: TWO_ORDERS })
  const whole = JSON.stringify(TWO_ORDERS).length
  for (const cut of [20, 150, 200, 200 + Math.floor(whole / 2), whole]) {
    await proxy.set('truncate', cut)
    await expect(openTransport([proxy]).list(ORDERS), `cut after ${cut} bytes`).rejects.toMatchObject({
      code: expect.stringMatching(/^SIDECAR_REGISTRY_(ANSWER|UNAVAILABLE)$/),
    })
  }
  await proxy.set('truncate', 250)
  await expect(openTransport([proxy]).list(ORDERS)).rejects.toMatchObject({
    code: 'SIDECAR_REGISTRY_ANSWER',
    message: expect.stringContaining('broke off before its end'),
  })
})

test.each([
  ['chunked', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'],
  ['with a length', 'Content-Length: 100\r\n\r\nhello'],
])('fault 09: half of a config (%s) is not the config', async (_name, rest) => {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n${rest}`))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())))
  const transport = openTransport([{ host: '127.0.0.1', port: (server.address() as AddressInfo).port }])
  await expect(transport.getConfig({ namespace: '', group: 'G', dataId: 'd' })).rejects.toMatchObject({
    code: 'SIDECAR_REGISTRY_ANSWER',
  })
})

test('fault 09: another node is asked for the whole of it', async () => {
  const { server, proxy } = await proxied()
  server.on(LIST, { body: TWO_ORDERS })
  await proxy.set('truncate', 300)
  const list = await openTransport([proxy, server]).list(ORDERS)
  expect(list.map(({ port }) => port)).toEqual([9001, 9002])
})
