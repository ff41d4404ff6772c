import { configRemote, defineClient, GET } from 'nacos-sidecar'
import { afterAll, beforeAll, describe, expect, inject } from 'vitest'
import { contractTest } from '../contract/support/contract-test.js'
import { joinMesh } from '../contract/support/member.js'
import type { ContractTarget } from '../contract/support/target.js'
import { startJavaPeer, type JavaInstance, type JavaPeer } from './support/java-peer.js'
import { cannotBeHad, onServer, SERVER_IDS } from './support/on-server.js'

interface JavaGreeting {
  readonly from: string
  readonly greeting: string
  readonly uri: string
}

const java = inject('java')

if (java.missing) describe('Java nacos-client', () => cannotBeHad(java.missing!))
else for (const id of SERVER_IDS) onServer(id, (target) => javaContract(target, java.classPath!))

/** A neighbour that uses the Java nacos-client 2.x, which speaks gRPC. */
function javaContract(target: ContractTarget, classPath: string): void {
  const test = contractTest(target)
  let peer: JavaPeer

  describe('Java nacos-client', () => {
    beforeAll(async () => {
      if (target.capabilities.grpc) peer = await startJavaPeer(classPath, target)
    })
    afterAll(() => peer?.stop())

    test(
      'sees and calls a service that joined with initSidecar(), until it leaves',
      { needs: ['grpc'] },
      async (context) => {
        const { soon } = context
        const { sidecar, ...member } = await joinMesh(context)
        const seen = () => peer.ask<JavaInstance[]>('instances', { service: member.service, group: member.group })
        const found = await soon(async () => {
          const instances = await seen()
          expect(instances).toMatchObject([
            { ip: member.ip, port: member.port, weight: 2, healthy: true, metadata: { zone: '杭州' } },
          ])
          return instances[0]!
        })
        const answer = await peer.ask('get', { url: `http://${found.ip}:${found.port}/hello` })
        expect(answer).toEqual({ status: 200, body: JSON.stringify({ from: member.service, url: '/hello' }) })
        await sidecar.stop()
        await soon(async () => expect(await seen()).toEqual([]))
      },
    )

    test('is told of our coming and going', { needs: ['grpc'] }, async ({ transport, instance, soon }) => {
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

    test('registers an instance that a typed client calls, and leaves', { needs: ['grpc'] }, async (context) => {
      const { transport, unique, soon } = context
      const key = { namespace: '', group: 'DEFAULT_GROUP', service: unique('java') }
      const port = await peer.ask<number>('serve', { ...key, weight: 3, metadata: { zone: '杭州' } })
      await soon(async () =>
        expect(await transport.list(key)).toMatchObject([
          { ip: '127.0.0.1', port, weight: 3, healthy: true, metadata: { zone: '杭州' } },
        ]),
      )
      await joinMesh(context)
      const greeter = defineClient(
        { name: key.service },
        { hello: GET('/hello/{name}').as<(p: { name: string; loud?: boolean }) => Promise<JavaGreeting>>() },
      )
      const answer = await greeter.hello({ name: '世界', loud: true })
      expect(answer).toMatchObject({ from: 'java', greeting: '你好' })
      expect(decodeURI(answer.uri)).toBe('/hello/世界?loud=true')
      await peer.ask('leave', { ...key, port })
      await soon(async () => expect(await transport.list(key)).toEqual([]), 10_000)
    })

    test('publishes what reaches configRemote(), live', { needs: ['grpc'], timeoutMs: 90_000 }, async (context) => {
      const { configKey, raw, soon, unique } = context
      const key = configKey({ dataId: `${unique('java')}.yml` })
      await peer.ask('publish', { ...key, content: 'greeting: 你好\n', type: 'yaml' })
      await soon(async () => expect(await raw.config(key)).toBeDefined())
      await joinMesh(context, { sharedConfigs: [key.dataId] })
      expect(configRemote('greeting', '')).toBe('你好')
      await peer.ask('publish', { ...key, content: 'greeting: 再见\n', type: 'yaml' })
      // By long poll on v1; v3 has none, and is asked every 10 s.
      await soon(() => expect(configRemote('greeting', '')).toBe('再见'), target.timings.nextPollMs)
    })

    test('publishes what we read, and takes it away', { needs: ['grpc'] }, async ({ transport, configKey, soon }) => {
      const key = configKey()
      const content = 'greeting: 你好\n'
      expect(await peer.ask('publish', { ...key, content, type: 'yaml' })).toBe(true)
      await soon(async () => expect(await transport.getConfig(key)).toMatchObject({ content }))
      await peer.ask('remove', { ...key })
      await soon(async () => expect(await transport.getConfig(key)).toBeUndefined())
    })

    test('hears what we publish', { needs: ['grpc', 'clientWrite'] }, async ({ transport, configKey, soon }) => {
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
