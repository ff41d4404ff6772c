import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { killChildren } from '../support/child.js'
import { shopAround, startShop } from '../support/shop.js'
import { rabbitmqPrograms, startRabbitmq } from './servers/rabbitmq.js'
import { cannotBeHad } from './support/on-server.js'
import { missingOf } from './support/setup.js'

const missing = await rabbitmqPrograms().then(() => undefined, missingOf)

afterEach(killChildren)

describe('examples/orders with RabbitMQ', () => {
  if (missing) return cannotBeHad(missing)

  test('its events go through the broker, and none is left behind', { timeout: 120_000 }, async () => {
    const rabbitmq = await startRabbitmq()
    onTestFinished(() => rabbitmq.stop())
    const { child, url } = await startShop({ RABBITMQ_URL: rabbitmq.url })
    await shopAround({ child, url })
    child.signal('SIGTERM')
    expect(await child.exited).toEqual({ code: null, signal: 'SIGTERM' })
    expect(child.stderr).toBe('')
    const queues = (await rabbitmq.queues()).filter(({ name }) => !/\.(?:dead|retry)/.test(name))
    expect(queues.map(({ name, messages }) => [name, messages]).sort()).toEqual([
      ['evt-orders-confirmed--mail.confirmed', 0],
      ['evt-orders-placed--stock.placed', 0],
      ['evt-orders-rejected--mail.rejected', 0],
      ['evt-stock-reserved--orders.confirm', 0],
      ['evt-stock-short--orders.reject', 0],
    ])
  })
})
