/** The tests of the three services: a registry, events and fakes of `nacos-sidecar/testing`, and nothing that must run beside them. */
import { fakeClient, startTestRegistry, type TestRegistry } from 'nacos-sidecar/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import mail, { type Mail } from './mail.js'
import orders from './orders.js'
import { StockClient } from './stock-client.js'
import stock from './stock.js'

let registry: TestRegistry
beforeEach(async () => void (registry = await startTestRegistry()))
afterEach(() => registry.stop())

/** Keeps what would be sent. */
function outbox(): Mail[] {
  const sent: Mail[] = []
  registry.override('mailer', { send: async (mail: Mail) => void sent.push(mail) })
  return sent
}

async function place(url: string, order: object) {
  const body = JSON.stringify({ mail: 'ada@example.com', ...order })
  const response = await fetch(`${url}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  })
  const { id, total } = (await response.json()) as { id: string; total: number }
  const status = async () => ((await (await fetch(`${url}/orders/${id}`)).json()) as { status: string }).status
  return { code: response.status, id, total, status }
}

test('an order that the stock can serve is confirmed, and the customer told', async () => {
  const sent = outbox()
  const { services } = await registry.runServices(stock, orders, mail)
  const order = await place(services[1]!.url, { item: 'tea', count: 2 })
  expect(order).toMatchObject({ code: 202, total: 900 })
  await registry.delivered('orders confirmed')
  expect(await order.status()).toBe('confirmed')
  expect(sent).toEqual([{ from: 'shop@example.com', to: 'ada@example.com', subject: 'Your tea is on its way' }])
  const item = (await (await fetch(`${services[0]!.url}/items/tea`)).json()) as object
  expect(item).toMatchObject({ left: 8 })
})

test('an order for more than there is gets rejected, and the customer told', async () => {
  const sent = outbox()
  const { services } = await registry.runServices(stock, orders, mail)
  const order = await place(services[1]!.url, { item: 'cup', count: 4 })
  await registry.delivered('orders rejected')
  expect(await order.status()).toBe('rejected')
  expect(sent).toMatchObject([{ subject: 'We have no cup left' }])
})

test('an event that comes twice reserves once', async () => {
  const { services } = await registry.runServices(stock)
  await registry.emit('orders placed', { id: '7', item: 'tea', count: 4 })
  await registry.emit('orders placed', { id: '7', item: 'tea', count: 4 })
  await registry.delivered('orders placed', 2)
  expect(await registry.emitted('stock reserved', 2)).toMatchObject([{ data: { id: '7' } }, { data: { id: '7' } }])
  expect(await (await fetch(`${services[0]!.url}/items/tea`)).json()).toMatchObject({ left: 6 })
})

test('an event that is no order goes to the dead letters', async () => {
  await registry.runServices(stock)
  await registry.emit('orders placed', { id: '7', item: 'tea', count: -1 })
  const [letter] = await registry.deadLetters('orders placed')
  expect(letter!.reason).toContain('count')
})

test('orders alone: the stock is a fake, and its events come from the test', async () => {
  const fake = fakeClient(StockClient, {
    item: ({ name }) => (name === 'pen' ? { name, price: 100, left: 1 } : null),
  })
  registry.override(StockClient, fake)
  const { services } = await registry.runServices(orders)
  expect((await place(services[0]!.url, { item: 'unicorn', count: 1 })).code).toBe(422)

  const order = await place(services[0]!.url, { item: 'pen', count: 3 })
  expect(fake.item.calls).toEqual([[{ name: 'unicorn' }], [{ name: 'pen' }]])
  const [placed] = await registry.emitted('orders placed')
  expect(placed!.data).toEqual({ id: order.id, item: 'pen', count: 3 })

  await registry.emit('stock short', { id: order.id })
  await registry.delivered('stock short')
  // It comes too late: the first decision counts.
  await registry.emit('stock reserved', { id: order.id })
  await registry.delivered('stock reserved')
  expect(await order.status()).toBe('rejected')
  expect(await registry.emitted('orders rejected')).toMatchObject([{ messageId: `${order.id}-rejected` }])
  expect(registry.eventLog.filter(({ event }) => event === 'orders confirmed')).toEqual([])
})

test('a decision that comes again is emitted again, as the same event', async () => {
  registry.override(StockClient, { item: ({ name }) => ({ name, price: 100, left: 1 }) })
  const { services } = await registry.runServices(orders)
  const { id } = await place(services[0]!.url, { item: 'pen', count: 1 })
  for (let times = 0; times < 2; times++) await registry.emit('stock reserved', { id })
  const messageId = `${id}-confirmed`
  expect(await registry.emitted('orders confirmed', 2)).toMatchObject([{ messageId }, { messageId }])
})

test('the timer cancels orders that no one decides', async () => {
  registry.override(StockClient, { item: ({ name }) => ({ name, price: 100, left: 1 }) })
  registry.configs.publish({ dataId: 'orders.yml', content: 'stale-after-seconds: 0' })
  const { services } = await registry.runServices(orders)
  const order = await place(services[0]!.url, { item: 'pen', count: 1 })
  expect(await order.status()).toBe('placed')
  await registry.fire('cancel stale orders')
  expect(await order.status()).toBe('cancelled')
})
