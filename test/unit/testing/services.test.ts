import { events } from 'nacos-sidecar/events'
import { defineService } from 'nacos-sidecar/service'
import { startTestRegistry } from 'nacos-sidecar/testing'
import { expect, test } from 'vitest'
import { collectLog } from '../../support/collect.js'

function twoServices() {
  const log: string[] = []
  const logger = collectLog()
  const orders = defineService({
    ...{ name: 'orders', logger },
    setup(server, sidecar) {
      const db = sidecar.provide('db', { start: () => ({ name: 'real' }), stop: () => void log.push('orders stopped') })
      sidecar.timer('nightly', { every: '1h' }, () => events(sidecar).emit('closed', { db: db.value.name }))
      server.on('request', (_request, response) => response.end(db.value.name))
    },
  })
  const mail = defineService({
    ...{ name: 'mail', logger: collectLog(), settings: { 'server.port': 8081 } },
    setup(_server, sidecar) {
      events(sidecar).on('orders', 'closed', (day) => void log.push(JSON.stringify(day)))
      sidecar.onStop(() => void log.push('mail stopped'))
    },
  })
  return { log, lines: logger.lines, orders, mail }
}

test('runServices: services on free ports, with one registry, one memory for events, and fakes', async () => {
  const registry = await startTestRegistry()
  const { log, lines, orders, mail } = twoServices()
  registry.override('db', { name: 'fake' })
  const { services } = await registry.runServices(orders, mail)
  expect(
    registry.server
      .services()
      .map(({ service }) => service)
      .sort(),
  ).toEqual(['mail', 'orders'])
  expect(services[1]!.url).not.toBe('http://127.0.0.1:8081')
  expect(await (await fetch(services[0]!.url)).text()).toBe('fake')
  expect(lines.filter((line) => line.includes('registering 127.0.0.1'))).toHaveLength(1)
  expect(lines.filter((line) => line.includes('loopback'))).toEqual([])
  await registry.fire('nightly')
  await registry.delivered('orders closed')
  expect(log).toEqual(['{"db":"fake"}'])
  await registry.stop()
  expect(log.slice(1)).toEqual(['mail stopped'])
  await expect(fetch(services[0]!.url)).rejects.toThrow()
})

test('runServices takes a list with options; services that were stopped can run again', async () => {
  await using registry = await startTestRegistry()
  const { log, orders, mail } = twoServices()
  for (const cluster of ['A', 'B']) {
    const options = { settings: { 'cloud.nacos.discovery.cluster-name': cluster } }
    await using all = await registry.runServices([orders, mail], options)
    expect(all.services[1]!.sidecar.status().instance?.cluster).toBe(cluster)
  }
  expect(log).toEqual(['mail stopped', 'orders stopped', 'mail stopped', 'orders stopped'])
})
