import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, inject } from 'vitest'
import { contractTest } from '../contract/support/contract-test.js'
import type { ContractTarget } from '../contract/support/target.js'
import { startJavaPeer, type JavaInstance, type JavaPeer } from './support/java-peer.js'
import { cannotBeHad, onServer, SERVER_IDS } from './support/on-server.js'

const java = inject('java')

if (java.missing) describe('Java nacos-client', () => cannotBeHad(java.missing!))
else for (const id of SERVER_IDS) onServer(id, (target) => javaContract(target, java.classPath!))

/** A neighbour that uses the Java nacos-client 2.x, which speaks gRPC. */
function javaContract(target: ContractTarget, classPath: string): void {
  const test = contractTest(target)
  let peer: JavaPeer

  describe('Java nacos-client', () => {
    beforeAll(async () => void (peer = await startJavaPeer(classPath, target)))
    afterAll(() => peer?.stop())

    test('sees and calls the instance we registered', {}, async ({ transport, instance, soon, defer }) => {
      const server = createServer((_request, response) => response.end('from node: 你好')).listen(0, '127.0.0.1')
      defer(() => server.close())
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      const mine = instance({ port, weight: 2, metadata: { zone: '杭州' } })
      await transport.register(mine)
      const seen = await soon(async () => {
        const instances = await peer.ask<JavaInstance[]>('instances', { service: mine.service, group: mine.group })
        expect(instances).toMatchObject([{ ip: mine.ip, port, weight: 2, healthy: true, metadata: { zone: '杭州' } }])
        return instances[0]!
      })
      const answer = await peer.ask('get', { url: `http://${seen.ip}:${seen.port}/hello` })
      expect(answer).toEqual({ status: 200, body: 'from node: 你好' })
    })

    test('is told of our coming and going', {}, async ({ transport, instance, soon }) => {
      const mine = instance()
      const told = () =>
        peer.events
          .filter((e) => e.event === 'instances' && e.service === mine.service)
          .map((e) => (e.event === 'instances' ? e.instances.map((i) => i.port) : []))
      await peer.ask('subscribe', { service: mine.service, group: mine.group })
      await transport.register(mine)
      await soon(() => expect(told().at(-1)).toEqual([mine.port]), 10_000)
      await transport.deregister(mine)
      // Java clients distrust an empty list and may keep the last one; a second instance shows the first is gone.
      const other = instance({ service: mine.service })
      await transport.register(other)
      await soon(() => expect(told().at(-1)).toEqual([other.port]), 10_000)
    })

    test('registers an instance that we see and call, and leaves', {}, async ({ transport, unique, soon }) => {
      const key = { namespace: '', group: 'DEFAULT_GROUP', service: unique('java') }
      const port = await peer.ask<number>('serve', { ...key, weight: 3, metadata: { zone: '杭州' } })
      const its = await soon(async () => {
        const list = await transport.list(key)
        expect(list).toMatchObject([{ ip: '127.0.0.1', port, weight: 3, healthy: true, metadata: { zone: '杭州' } }])
        return list[0]!
      })
      const response = await fetch(`http://${its.ip}:${its.port}/hello?a=1`)
      expect(await response.json()).toMatchObject({ from: 'java', uri: '/hello?a=1', greeting: '你好' })
      await peer.ask('leave', { ...key, port })
      await soon(async () => expect(await transport.list(key)).toEqual([]), 10_000)
    })

    test('publishes what we read', {}, async ({ transport, configKey, soon }) => {
      const key = configKey()
      const content = 'greeting: 你好\n'
      expect(await peer.ask('publish', { ...key, content, type: 'yaml' })).toBe(true)
      await soon(async () => expect(await transport.getConfig(key)).toMatchObject({ content }))
      await peer.ask('remove', { ...key })
      await soon(async () => expect(await transport.getConfig(key)).toBeUndefined())
    })

    test('hears what we publish', { needs: ['clientWrite'] }, async ({ transport, configKey, soon }) => {
      const key = configKey()
      await peer.ask('listen', { ...key })
      await transport.publishConfig!({ ...key, content: 'greeting: 再见\n', type: 'yaml' })
      await soon(
        () => expect(peer.events).toContainEqual({ event: 'config', dataId: key.dataId, content: 'greeting: 再见\n' }),
        10_000,
      )
      expect(await peer.ask('config', { ...key })).toBe('greeting: 再见\n')
    })
  })
}
