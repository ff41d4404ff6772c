import { configRemote, defineClient, GET } from 'nacos-sidecar'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { contractTest } from '../contract/support/contract-test.js'
import { onEmbedded } from '../contract/support/embedded.js'
import { joinMesh } from '../contract/support/member.js'
import type { ContractTarget } from '../contract/support/target.js'
import { CLIENTS, preparePythonSidecar, type ThirdPartyClient } from './clients/clients.js'
import { Unavailable } from './servers/unavailable.js'
import { cannotBeHad, onServer } from './support/on-server.js'
import type { Peer } from './support/peer-process.js'

/** Every client on the embedded registry and on r-nacos; the servers of other people have the Java client's suite. */
for (const client of CLIENTS) {
  const ready = await prepared(() => client.prepare())
  describe(client.name, async () => {
    if (ready.missing) return cannotBeHad(ready.missing)
    await onEmbedded({ apis: 'v1', apiVersion: 'v1' }, (target) => clientContract(client, ready.value, target))
    await onEmbedded({ apis: 'v1', apiVersion: 'v1', auth: true, tokenTtlSeconds: 600 }, (target) =>
      clientContract(client, ready.value, target),
    )
    for (const id of ['rnacos', 'given'] as const) onServer(id, (target) => clientContract(client, ready.value, target))
  })
}

const sidecar = await prepared(preparePythonSidecar)
describe('ultra-paas-sidecar', async () => {
  if (sidecar.missing) return cannotBeHad(sidecar.missing)
  await onEmbedded({ apis: 'v1', apiVersion: 'v1' }, (target) => sidecarContract(sidecar.value, target))
  for (const id of ['rnacos', 'given'] as const) onServer(id, (target) => sidecarContract(sidecar.value, target))
})

async function prepared<T>(prepare: () => Promise<T>) {
  try {
    return { value: await prepare() }
  } catch (error) {
    const toolAbsent = error instanceof Unavailable && error.absent !== undefined
    return { missing: { reason: error instanceof Error ? error.message : String(error), toolAbsent } }
  }
}

type Start = Awaited<ReturnType<ThirdPartyClient['prepare']>>

function clientContract({ name }: ThirdPartyClient, start: Start, target: ContractTarget): void {
  const test = contractTest(target)
  let peer: Peer
  beforeAll(async () => {
    peer = await start(target)
  })
  afterAll(() => peer?.stop())

  test(`${name} registers an instance that we list, and leaves`, {}, async ({ instance, transport, soon }) => {
    const { namespace, group, service, port } = instance()
    const key = { namespace, group, service }
    await peer.ask('register', { service, group, port, weight: 3, metadata: { zone: '杭州' } })
    await soon(async () =>
      expect(await transport.list(key)).toMatchObject([
        { ip: '127.0.0.1', port, weight: 3, healthy: true, ephemeral: true, metadata: { zone: '杭州' } },
      ]),
    )
    await peer.ask('leave', { service, group, port })
    await soon(async () => expect(await transport.list(key)).toEqual([]), 10_000)
  })

  test(`${name} lists what we register, and hears of changes`, {}, async ({ instance, transport, soon }) => {
    const mine = instance({ weight: 2, metadata: { zone: '杭州' } })
    const { service, group } = mine
    const heard = () =>
      peer.events.flatMap((event) =>
        event.event === 'instances' && event.service === service
          ? [event.instances.map(({ port }) => port).sort()]
          : [],
      )
    await transport.register(mine)
    await soon(async () =>
      expect(await peer.ask('instances', { service, group })).toMatchObject([
        { ip: '127.0.0.1', port: mine.port, weight: 2, metadata: { zone: '杭州' } },
      ]),
    )
    await peer.ask('subscribe', { service, group })
    const other = instance({ service })
    await transport.register(other)
    await soon(() => expect(heard().at(-1)).toEqual([mine.port, other.port].sort()), 10_000)
    await transport.deregister(mine)
    await soon(() => expect(heard().at(-1)).toEqual([other.port]), 10_000)
  })

  test(`${name} reads, follows and publishes configs`, {}, async ({ configKey, transport, soon }) => {
    const key = configKey()
    await transport.publishConfig!({ ...key, content: 'greeting: 你好\n', type: 'yaml' })
    await soon(async () => expect(await peer.ask('config', { ...key })).toBe('greeting: 你好\n'))
    await peer.ask('listen', { ...key })
    await transport.publishConfig!({ ...key, content: 'greeting: 再见\n', type: 'yaml' })
    await soon(
      () => expect(peer.events).toContainEqual({ event: 'config', dataId: key.dataId, content: 'greeting: 再见\n' }),
      10_000,
    )
    const own = configKey()
    await peer.ask('publish', { ...own, content: 'from: peer\n', type: 'yaml' })
    await soon(async () => expect(await transport.getConfig(own)).toMatchObject({ content: 'from: peer\n' }))
    await peer.ask('remove', { ...own })
    await soon(async () => expect(await transport.getConfig(own)).toBeUndefined())
  })
}

function sidecarContract(start: Awaited<ReturnType<typeof preparePythonSidecar>>, target: ContractTarget): void {
  const test = contractTest(target)

  test(
    'ultra-paas-sidecar joins, reads the shared config, calls us, is called by us, and leaves',
    {},
    async (context) => {
      const { unique, configKey, transport, soon, defer } = context
      const shared = configKey({ dataId: `${unique('shared')}.yml` })
      await transport.publishConfig!({ ...shared, content: 'greeting: 你好\n', type: 'yaml' })
      await soon(async () => expect(await transport.getConfig(shared)).toBeDefined())
      const service = unique('ultra')
      const peer = await start(target, service, shared.dataId)
      defer(() => peer.stop())
      const key = { namespace: '', group: 'DEFAULT_GROUP', service }
      const port = await peer.ask<number>('port')
      await soon(async () =>
        expect(await transport.list(key)).toMatchObject([{ ip: '127.0.0.1', port, healthy: true }]),
      )
      expect(await peer.ask('value', { key: 'greeting' })).toBe('你好')

      const member = await joinMesh(context, { sharedConfigs: [shared.dataId] })
      expect(configRemote('greeting', '')).toBe('你好')
      const hello = defineClient(
        { name: service },
        { hello: GET('/hello/{name}').as<(p: { name: string }) => Promise<{ from: string }>>() },
      )
      expect(await hello.hello({ name: 'Ada' })).toEqual({ from: 'ultra', name: 'Ada' })
      expect(await peer.ask('call', { service: member.service, name: 'Ada' })).toMatchObject({ from: member.service })

      await peer.ask('leave')
      await soon(async () => expect(await transport.list(key)).toEqual([]), 10_000)
    },
  )
}
