import { afterEach, expect, test } from 'vitest'
import { killChildren } from '../support/child.js'
import { shopAround, startShop } from '../support/shop.js'

afterEach(killChildren)

test('examples/orders: one command, nothing else running: an order flows through three services, and a signal ends it', async () => {
  const shop = await startShop()
  await shopAround(shop)
  shop.child.signal('SIGTERM')
  expect(await shop.child.exited).toEqual({ code: null, signal: 'SIGTERM' })
  expect(shop.child.stderr).toBe('')
})
