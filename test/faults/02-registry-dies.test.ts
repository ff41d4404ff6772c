import { afterEach, expect, test, vi } from 'vitest'
import { killChildren } from '../support/child.js'
import { startMember } from '../support/app-process.js'
import { startRegistryProcess } from '../support/registry.js'
import { bound, duration, elapsed } from '../support/scale.js'

const OUTAGE_MS = duration(60_000, 4_000)
const BEAT_MS = duration(10_000, 1_000)
afterEach(killChildren)

const publish = (address: string, content: string) =>
  fetch(`http://${address}/nacos/v1/cs/configs`, {
    method: 'POST',
    body: new URLSearchParams({ dataId: 'shared.yml', group: 'DEFAULT_GROUP', content }),
  })
const register = (address: string, port: number) =>
  fetch(`http://${address}/nacos/v1/ns/instance`, {
    method: 'POST',
    body: new URLSearchParams({ serviceName: 'users', ip: '10.0.0.7', port: String(port), ephemeral: 'false' }),
  })

test.each(['auto', 'off'])('fault 2: registry dies later: list and config stay in use (push %s)', async (push) => {
  const first = await startRegistryProcess()
  await publish(first.address, 'greeting: hello')
  await register(first.address, 9001)
  const member = startMember(first.address, { beatMs: BEAT_MS }, { sidecar: { push } })
  await member.child.message('registered')
  const held = async () => [
    (await member.ask<{ ports: number[] }>('instances', { service: 'users' })).ports,
    (await member.ask<{ value: string }>('config', { key: 'greeting' })).value,
  ]
  expect(await held()).toEqual([[9001], 'hello'])

  await first.child.kill()
  const until = performance.now() + OUTAGE_MS
  while (performance.now() < until) {
    expect(await held()).toEqual([[9001], 'hello'])
    await new Promise((resolve) => setTimeout(resolve, OUTAGE_MS / 10))
  }
  expect((await member.ask<{ status: { registry: object } }>('status')).status.registry).toMatchObject({
    connected: false,
  })

  // What has changed meanwhile arrives when it is back.
  const second = await startRegistryProcess({ port: first.port })
  await publish(second.address, 'greeting: hello again')
  await register(second.address, 9002)
  await vi.waitFor(async () => expect(await held()).toEqual([[9002], 'hello again']), {
    timeout: 15_000,
    interval: 100,
  })
  // With the next beat at the latest; its list and its config need not wait for that.
  const back = performance.now()
  await vi.waitFor(async () => expect(await second.instances('orders')).toHaveLength(1), 2 * bound(BEAT_MS))
  expect(elapsed(back)).toBeLessThan(bound(BEAT_MS))
  expect(member.child.messages.map(({ type }) => type)).not.toContain('unhandledRejection')
})
