import express from 'express'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { configRemote, defineClient, fromNacosSdk, GET, initSidecar } from 'nacos-sidecar'
import { DataClient, NacosNamingClient } from 'nacos'
import { expect, onTestFinished, test, vi } from 'vitest'
import { devRegistry, form } from '../support/registry.js'

const silent = { ...console, debug() {}, info() {}, log() {}, warn() {}, error() {} }

test('initSidecar over the clients of the npm SDK: joins, calls, follows config, leaves', async () => {
  const registry = await devRegistry()
  const publish = (content: string) =>
    form(registry, 'POST', '/v1/cs/configs', { dataId: 'shared.yml', group: 'DEFAULT_GROUP', content })
  const listed = async () => {
    const query = { serviceName: 'hello', healthyOnly: 'false' }
    const { body } = await form(registry, 'GET', '/v1/ns/instance/list', query)
    return (JSON.parse(body) as { hosts: { ip: string; port: number; metadata: object }[] }).hosts
  }
  await publish('greeting: Hello\n')

  const naming = new NacosNamingClient({ logger: silent, serverList: registry.address, namespace: 'public' })
  const cacheDir = join(tmpdir(), `nacos-sdk-${randomUUID()}`)
  const config = new DataClient({ serverAddr: registry.address, requestTimeout: 1_000, cacheDir })
  config.on('error', () => {})

  const app = express()
  app.get('/hello/:name', (request, response) => {
    response.json({ text: `${configRemote('greeting', '?')} ${request.params.name}` })
  })
  const sidecar = await initSidecar(app, {
    configPath: false,
    signals: false,
    logger: silent,
    transport: fromNacosSdk({ naming, config, own: true, logger: silent }),
    settings: {
      application: { name: 'hello' },
      cloud: {
        nacos: {
          discovery: { ip: '127.0.0.1', metadata: { zone: '杭州' } },
          config: { sharedConfigs: [{ dataId: 'shared.yml', refresh: true }] },
        },
      },
      sidecar: { drain: 0 },
    },
  })
  onTestFinished(() => sidecar.stop())
  const server: Server = app.listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  if (!sidecar.status().registered) await once(sidecar, 'registered')
  const { port } = server.address() as AddressInfo
  expect(await listed()).toMatchObject([{ ip: '127.0.0.1', port, metadata: { zone: '杭州' } }])
  expect(sidecar.status().registry).toMatchObject({ protocol: 'nacos-sdk', connected: true, server: registry.address })

  const Hello = defineClient(
    { name: 'hello' },
    { hello: GET('/hello/{name}').as<(p: { name: string }) => Promise<{ text: string }>>() },
  )
  const hello = sidecar.client(Hello)
  expect(await hello.hello({ name: 'Ada' })).toEqual({ text: 'Hello Ada' })

  await publish('greeting: Bonjour\n')
  await vi.waitFor(async () => expect(await hello.hello({ name: 'Ada' })).toEqual({ text: 'Bonjour Ada' }))

  await sidecar.stop()
  expect(await listed()).toEqual([])
})
