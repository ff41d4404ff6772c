import { expect, onTestFinished, test, vi } from 'vitest'
import { openTransport, pollOrders, TWO_ORDERS } from '../support/transport.js'
import { duration } from '../support/scale.js'
import { startScriptedRegistry } from '../support/scripted-registry.js'

const LIST = 'GET /nacos/v1/ns/instance/list'

test.each([
  ['half of it', JSON.stringify(TWO_ORDERS).slice(0, 150)],
  ['a page of HTML', '<html><body>Bad Gateway</body></html>'],
  ['nothing', ''],
  ['JSON without a list', '{"name":"DEFAULT_GROUP@@orders"}'],
  ['hosts that are none', '{"hosts":{"length":0}}'],
  ['a prototype', '{"__proto__":{"hosts":[]}}'],
])('fault 08: malformed JSON (%s): the list is kept', async (_name, body) => {
  const server = await startScriptedRegistry()
  onTestFinished(() => server.close())
  server.on(LIST, { body: TWO_ORDERS })
  const orders = await pollOrders(server, duration(1_000, 50))
  expect(orders.ports()).toEqual([9001, 9002])

  server.on(LIST, { body })
  await vi.waitFor(() => expect(orders.failures()).toBeGreaterThanOrEqual(1), { timeout: 20_000, interval: 20 })
  expect(orders.ports()).toEqual([9001, 9002])
  expect(orders.changes()).toBe(1)

  // And the next good answer is taken.
  server.on(LIST, { body: { hosts: TWO_ORDERS.hosts.slice(0, 1) } })
  await vi.waitFor(() => expect(orders.ports()).toEqual([9001]), { timeout: 30_000, interval: 20 })
})

test('fault 08: a watched config is kept as well', async () => {
  const server = await startScriptedRegistry()
  onTestFinished(() => server.close())
  server.on('GET /nacos/v3/client/cs/config', { body: '{"code":0,"data":{"content":"half' })
  const heard = vi.fn()
  const transport = openTransport([server], { apiVersion: 'v3', configPollMs: duration(1_000, 50) })
  transport.watchConfig({ namespace: '', group: 'G', dataId: 'd' }, 'a'.repeat(32), heard)
  await vi.waitFor(() => expect(server.requests.length).toBeGreaterThanOrEqual(2), { timeout: 20_000 })
  expect(heard).not.toHaveBeenCalled()
})
