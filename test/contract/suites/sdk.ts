import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DataClient, NacosNamingClient } from 'nacos'
import { configRemote } from 'nacos-sidecar'
import { describe, expect } from 'vitest'
import { closeSdk } from '../../../src/nacos/sdk/close.js'
import { contractTest, type ContractContext } from '../support/contract-test.js'
import { joinMesh } from '../support/member.js'
import type { ContractTarget } from '../support/target.js'

const V1_ONLY = { needs: ['v1', 'configWrite'] } as const

/** A neighbour that uses the official npm `nacos` SDK, which speaks v1 over HTTP. */
export function sdkContract(target: ContractTarget): void {
  const test = contractTest(target)

  describe('npm nacos', () => {
    test('sees the instance we registered', V1_ONLY, async (context) => {
      const { transport, instance, soon } = context
      const mine = instance({ weight: 2, metadata: { zone: '杭州' } })
      await transport.register(mine)
      const sdk = await naming(context)
      await soon(async () =>
        expect(await sdk.getAllInstances(mine.service, mine.group, '', false)).toMatchObject([
          { ip: mine.ip, port: mine.port, weight: 2, healthy: true, enabled: true, metadata: { zone: '杭州' } },
        ]),
      )
    })

    test('sees a service that joined with initSidecar()', V1_ONLY, async (context) => {
      const { soon, eventually } = context
      const { sidecar, ...member } = await joinMesh(context)
      const sdk = await naming(context)
      const seen = () => sdk.getAllInstances(member.service, member.group, '', false)
      await soon(async () =>
        expect(await seen()).toMatchObject([
          { ip: member.ip, port: member.port, weight: 2, metadata: { zone: '杭州' } },
        ]),
      )
      // It keeps the last list where a new one is empty, so the server is asked.
      await sidecar.stop()
      await eventually(member, (hosts) => expect(hosts).toEqual([]))
    })

    test('registers an instance that we see, and leaves', V1_ONLY, async (context) => {
      const { transport, instance, soon } = context
      const its = instance({ weight: 2, metadata: { from: 'sdk', zone: '杭州' } })
      const sdk = await naming(context)
      const asSdk = {
        ...{ instanceId: '', ip: its.ip, port: its.port, healthy: true, enabled: true, ephemeral: true, weight: 2 },
        ...{ clusterName: its.cluster, metadata: its.metadata },
      }
      await sdk.registerInstance(its.service, asSdk, its.group)
      await soon(async () => expect(await transport.list(its)).toEqual([its]))
      await sdk.deregisterInstance(its.service, asSdk, its.group)
      await soon(async () => expect(await transport.list(its)).toEqual([]))
    })

    test('sees our registration and deregistration', V1_ONLY, async (context) => {
      const { transport, instance, soon, defer } = context
      const mine = instance()
      const sdk = await naming(context)
      const seen: number[][] = []
      const listener = (hosts: { port: number }[]) => void seen.push(hosts.map((h) => h.port))
      sdk.subscribe({ serviceName: mine.service, groupName: mine.group }, listener)
      defer(() => sdk.unSubscribe({ serviceName: mine.service, groupName: mine.group }, listener))
      await transport.register(mine)
      // It polls every 10 s where nothing pushes over UDP.
      await soon(() => expect(seen.at(-1)).toEqual([mine.port]), 25_000)
    })

    test('publishes what reaches configRemote(), live', V1_ONLY, async (context) => {
      const { configKey, raw, soon } = context
      const key = configKey({ dataId: `${context.unique('sdk')}.yml` })
      const sdk = config(context)
      await sdk.publishSingle(key.dataId, key.group, 'greeting: 你好\n')
      await soon(async () => expect(await raw.config(key)).toBeDefined())
      await joinMesh(context, { sharedConfigs: [key.dataId] })
      expect(configRemote('greeting', '')).toBe('你好')
      await sdk.publishSingle(key.dataId, key.group, 'greeting: 再见\n')
      // By long poll on v1; v3 has none, and is asked every 10 s: too long for `npm test`.
      if (target.kind === 'embedded' && target.apiVersion === 'v3') return
      await soon(() => expect(configRemote('greeting', '')).toBe('再见'), target.timings.nextPollMs)
    })

    test('publishes what we read', V1_ONLY, async (context) => {
      const { transport, configKey, soon } = context
      const key = configKey()
      const sdk = config(context)
      expect(await sdk.publishSingle(key.dataId, key.group, 'greeting: 你好\n')).toBe(true)
      await soon(async () => expect(await transport.getConfig(key)).toMatchObject({ content: 'greeting: 你好\n' }))
    })

    test('receives what we publish', { needs: ['v1', 'configWrite', 'clientWrite'] }, async (context) => {
      const { transport, configKey, soon, defer } = context
      const key = configKey()
      await transport.publishConfig!({ ...key, content: 'one' })
      await soon(async () => expect(await transport.getConfig(key)).toBeDefined())
      const sdk = config(context)
      const heard: string[] = []
      sdk.subscribe({ dataId: key.dataId, group: key.group }, (content: string) => heard.push(content))
      defer(() => sdk.unSubscribe({ dataId: key.dataId, group: key.group }, undefined))
      await soon(() => expect(heard).toEqual(['one']))
      await transport.publishConfig!({ ...key, content: 'two' })
      await soon(() => expect(heard).toEqual(['one', 'two']), target.timings.nextPollMs)
    })
  })
}

const silent = { ...console, debug() {}, info() {}, log() {}, warn() {}, error() {} }

async function naming({ target, defer }: ContractContext): Promise<NacosNamingClient> {
  const { server, auth } = target
  const client = new NacosNamingClient({
    ...{ logger: silent, serverList: server, namespace: 'public' },
    ...(auth && { username: auth.username, password: auth.password }),
  })
  defer(() => (client as unknown as { close(): Promise<void> }).close())
  await client.ready()
  return client
}

/**
 * `NacosConfigClient` without its cluster wrapper, which elects one process of the machine on port 7777 to speak for
 * all, by a name that does not tell servers apart.
 */
function config({ target, defer, unique }: ContractContext): DataClient {
  const { server, auth } = target
  const client = new DataClient({
    ...{ serverAddr: server, requestTimeout: 6_000, cacheDir: join(tmpdir(), unique('nacos-sdk')) },
    ...(auth && { username: auth.username, password: auth.password }),
  })
  // It reports its own snapshot troubles this way.
  client.on('error', () => {})
  defer(() => closeSdk(undefined, client))
  return client
}
