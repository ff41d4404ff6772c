import { describe, expect } from 'vitest'
import { startFaultProxy } from '../../support/fault-proxy.js'
import { contractTest, LONGEST_TTL_MS, type ContractContext } from '../support/contract-test.js'
import { follow, type FollowOptions, type Way } from '../support/open-push.js'
import { md5 } from '../support/raw.js'
import type { ContractTarget } from '../support/target.js'

/** What changes in the registry is heard of: the same whether it is pushed or asked for, only later. */
export function pushContract(target: ContractTarget, way: Way): void {
  const test = contractTest(target)
  const open = (context: ContractContext, more: Partial<FollowOptions> = {}) => follow(context, { way, ...more })
  const ports = (lists: readonly { all: readonly { port: number }[] }[]) =>
    lists
      .at(-1)
      ?.all.map(({ port }) => port)
      .sort()
  /** What only a connection of one's own has: not one more test to skip where there is none. */
  const forPush = (name: string, tests: () => void) => void (way === 'push' && describe(name, tests))
  const { settleMs, nextPollMs } = target.timings
  /** What is heard of a document. A long poll that is being opened may miss a change: then it tells at its end. */
  const heardMs = way === 'push' ? settleMs : nextPollMs
  const grpcPort = Number(target.server.split(':').at(-1)) + 1000

  /** The instances of one service: the first is there and heard of, the second only made. */
  const followedPair = async (context: ContractContext) => {
    const { raw, instance, soon } = context
    const first = instance()
    const second = instance({ service: first.service })
    await raw.register({ ...first, clusterName: 'DEFAULT' })
    const follower = open(context)
    const { lists, stop } = follower.service(first)
    await soon(() => expect(ports(lists)).toEqual([first.port]))
    await follower.ready()
    return { first, second, follower, lists, stop }
  }

  describe('a service', () => {
    test('is pushed as it is', {}, async (context) => {
      const { first, lists } = await followedPair(context)
      expect(lists.at(-1)!.all).toMatchObject([{ ip: first.ip, port: first.port, healthy: true, enabled: true }])
    })

    test('R1: whose only instance is in another cluster is never pushed as empty', {}, async (context) => {
      const mine = context.instance({ cluster: 'HZ' })
      await context.raw.register({ ...mine, clusterName: 'HZ' })
      await context.eventually(mine, (hosts) => expect(hosts).toHaveLength(1))
      const follower = open(context)
      const { lists } = follower.service(mine)
      await follower.ready()
      const found = await follower.transport
        .list(mine)
        .then((list) => list.map(({ port }) => port))
        .catch(({ code }: { code: string }) => code)
      const whole = way === 'push' || target.apiVersion === 'v1'
      expect(whole ? [[mine.port]] : [[mine.port], 'SIDECAR_REGISTRY_UNSUPPORTED']).toContainEqual(found)
      if (whole) await context.soon(() => expect(ports(lists)).toEqual([mine.port]))
      expect(lists.map(({ all }) => all.length)).not.toContain(0)
    })

    test('that gains an instance', {}, async (context) => {
      const { first, second, lists } = await followedPair(context)
      await context.raw.register({ ...second, clusterName: 'DEFAULT' })
      await context.soon(() => expect(ports(lists)).toEqual([first.port, second.port]))
    })

    test('that loses an instance', {}, async (context) => {
      const { first, second, lists } = await followedPair(context)
      await context.raw.register({ ...second, clusterName: 'DEFAULT' })
      await context.soon(() => expect(ports(lists)).toHaveLength(2))
      await context.raw.deregister({ ...first, clusterName: 'DEFAULT' })
      await context.soon(() => expect(ports(lists)).toEqual([second.port]))
    })

    test('has no instance yet, until one registers', {}, async (context) => {
      const mine = context.instance()
      const follower = open(context)
      const { lists } = follower.service(mine)
      await follower.ready()
      await context.raw.register({ ...mine, clusterName: 'DEFAULT' })
      await context.soon(() => expect(ports(lists)).toEqual([mine.port]))
    })

    test('whose instance gets another weight', {}, async (context) => {
      const { first, lists } = await followedPair(context)
      await context.raw.register({ ...first, clusterName: 'DEFAULT', weight: 7 })
      await context.soon(() => expect(lists.at(-1)!.all).toMatchObject([{ weight: 7 }]))
    })

    test('whose instance gets other metadata, in Chinese', {}, async (context) => {
      const { first, lists } = await followedPair(context)
      await context.raw.register({ ...first, clusterName: 'DEFAULT', metadata: { 城市: '杭州', v: '1+1&x=%41' } })
      await context.soon(() =>
        expect(lists.at(-1)!.all).toMatchObject([{ metadata: { 城市: '杭州', v: '1+1&x=%41' } }]),
      )
    })

    test('whose instance an operator switches off and on', { needs: ['instanceUpdate'] }, async (context) => {
      const { first, second, lists } = await followedPair(context)
      await context.raw.register({ ...second, clusterName: 'DEFAULT' })
      const callable = () => lists.at(-1)!.instances.map(({ port }) => port)
      await context.soon(() => expect(callable()).toHaveLength(2))
      await context.raw.update({ ...second, clusterName: 'DEFAULT', enabled: false })
      await context.soon(() => expect(callable()).toEqual([first.port]))
      await context.raw.update({ ...second, clusterName: 'DEFAULT', enabled: true })
      await context.soon(() => expect(callable()).toHaveLength(2))
    })

    test('whose instance falls silent', { waits: true, timeoutMs: 120_000 }, async (context) => {
      const { beat, goneWithinMs } = target.timings
      const metadata = {
        'preserved.heart.beat.interval': String(beat.intervalMs),
        'preserved.heart.beat.timeout': String(beat.timeoutMs),
        'preserved.ip.delete.timeout': String(beat.deleteMs),
      }
      // A registration over gRPC ends with its connection; this one beats over HTTP, and stops.
      const mine = context.instance({ metadata })
      const other = context.instance({ service: mine.service })
      await context.transport.register(mine)
      await context.transport.register(other)
      const beating = new Set([mine, other])
      const keep = setInterval(() => {
        for (const instance of beating) void context.transport.beat!(instance).catch(() => {})
      }, 1_000)
      context.defer(() => clearInterval(keep))
      const follower = open(context)
      const { lists } = follower.service(mine)
      await context.soon(() => expect(lists.at(-1)?.instances).toHaveLength(2))
      await follower.ready()
      beating.delete(mine)
      await context.soon(
        () => expect(lists.at(-1)!.instances.map(({ port }) => port)).toEqual([other.port]),
        goneWithinMs + 5_000,
      )
    })

    test('is not followed any more', {}, async (context) => {
      const { first, second, follower, lists, stop } = await followedPair(context)
      const still = follower.service(first)
      await context.soon(() => expect(ports(still.lists)).toEqual([first.port]))
      stop()
      stop()
      const heard = lists.length
      await context.raw.register({ ...second, clusterName: 'DEFAULT' })
      await context.soon(() => expect(ports(still.lists)).toHaveLength(2))
      expect(lists).toHaveLength(heard)
    })

    test('two processes follow', {}, async (context) => {
      const { first, second, lists } = await followedPair(context)
      const other = open(context)
      const also = other.service(first)
      await other.ready()
      await context.raw.register({ ...second, clusterName: 'DEFAULT' })
      await context.soon(() => expect(ports(lists)).toHaveLength(2))
      await context.soon(() => expect(ports(also.lists)).toHaveLength(2))
    })

    test('of the same name in another group is another', {}, async (context) => {
      const { first, second, follower, lists } = await followedPair(context)
      const there = context.instance({ service: first.service, group: 'OTHER_GROUP' })
      const elsewhere = follower.service(there)
      await context.raw.register({ ...there, clusterName: 'DEFAULT' })
      await context.soon(() => expect(ports(elsewhere.lists)).toEqual([there.port]))
      await context.raw.register({ ...second, clusterName: 'DEFAULT' })
      await context.soon(() => expect(ports(lists)).toEqual([first.port, second.port]))
      expect(lists.flatMap(({ all }) => all.map(({ port }) => port))).not.toContain(there.port)
      expect(ports(elsewhere.lists)).toEqual([there.port])
    })

    test('of the same name in another namespace is another', {}, async (context) => {
      const { first, second, lists } = await followedPair(context)
      const there = context.instance({ service: first.service, namespace: 'contract-ns' })
      const follower = open(context, { namespace: 'contract-ns' })
      const elsewhere = follower.service(there)
      await follower.ready()
      await context.raw.register({ ...there, clusterName: 'DEFAULT' })
      await context.soon(() => expect(ports(elsewhere.lists)).toEqual([there.port]))
      await context.raw.register({ ...second, clusterName: 'DEFAULT' })
      await context.soon(() => expect(ports(lists)).toEqual([first.port, second.port]))
      expect(lists.flatMap(({ all }) => all.map(({ port }) => port))).not.toContain(there.port)
      expect(ports(elsewhere.lists)).toEqual([there.port])
    })
  })

  describe('a document', () => {
    const needs = { needs: ['configWrite'], timeoutMs: 30_000 + 3 * heardMs } as const
    const stored = async ({ raw, soon }: ContractContext, key: Parameters<typeof raw.publish>[0], content: string) => {
      await raw.publish(key, content)
      await soon(async () => expect(await raw.config(key)).toMatchObject({ content }))
    }

    test('that is created, changed and deleted', needs, async (context) => {
      const key = context.configKey()
      const follower = open(context)
      const { heard } = follower.config(key)
      await follower.ready()
      await context.raw.publish(key, 'one')
      await context.soon(() => expect(heard).toEqual(['one']), heardMs)
      await context.raw.publish(key, 'two')
      await context.soon(() => expect(heard).toEqual(['one', 'two']), heardMs)
      await context.raw.remove(key)
      await context.soon(() => expect(heard).toEqual(['one', 'two', undefined]), heardMs)
    })

    test('that differs from what the listener holds is pushed at once', needs, async (context) => {
      const key = context.configKey()
      await stored(context, key, 'newer')
      const { heard } = open(context).config(key, md5('older'))
      await context.soon(() => expect(heard).toEqual(['newer']))
    })

    test('that the listener holds is not pushed until it changes', needs, async (context) => {
      const key = context.configKey()
      const sign = context.configKey()
      await stored(context, key, 'same')
      const follower = open(context)
      const { heard } = follower.config(key, md5('same'))
      const { heard: seen } = follower.config(sign)
      await follower.ready()
      await context.raw.publish(sign, 'sign of life')
      await context.soon(() => expect(seen).toEqual(['sign of life']), heardMs)
      expect(heard).toEqual([])
      await context.raw.publish(key, 'other')
      await context.soon(() => expect(heard).toEqual(['other']), heardMs)
    })

    test('in Chinese, with everything that a form could spoil', needs, async (context) => {
      const key = context.configKey()
      const follower = open(context)
      const { heard } = follower.config(key)
      await follower.ready()
      const content = 'name: 你好\nemoji: 😀\nplus: 1+1&x=%41\r\ntrailing:  \r\n'
      await context.raw.publish(key, content)
      await context.soon(() => expect(heard).toEqual([content]), heardMs)
    })

    test('two listeners hold different versions of', needs, async (context) => {
      const key = context.configKey()
      await stored(context, key, 'now')
      const follower = open(context)
      const behind = follower.config(key, md5('before'))
      const level = follower.config(key, md5('now'))
      await context.soon(() => expect(behind.heard).toEqual(['now']))
      await follower.ready()
      await context.raw.publish(key, 'next')
      await context.soon(() => expect([behind.heard, level.heard]).toEqual([['now', 'next'], ['next']]), heardMs)
    })

    test('has no listener any more', needs, async (context) => {
      const ended = context.configKey()
      const still = context.configKey()
      const follower = open(context)
      const { heard, stop } = follower.config(ended)
      const other = follower.config(still)
      await follower.ready()
      stop()
      stop()
      await context.raw.publish(ended, 'x')
      await context.raw.publish(still, 'x')
      await context.soon(() => expect(other.heard).toEqual(['x']), heardMs)
      expect(heard).toEqual([])
    })

    test('of the same name in another namespace is another', needs, async (context) => {
      const here = context.configKey()
      const there = context.configKey({ dataId: here.dataId, namespace: 'contract-ns' })
      const follower = open(context)
      const one = follower.config(here)
      const other = follower.config(there)
      await follower.ready()
      await context.raw.publish(there, 'there')
      await context.soon(() => expect(other.heard).toEqual(['there']), heardMs)
      await context.raw.publish(here, 'here')
      await context.soon(() => expect(one.heard).toEqual(['here']), heardMs)
      expect(other.heard).toEqual(['there'])
    })
  })

  describe('credentials', () => {
    test(
      'outlive a token',
      { needs: ['shortToken', 'configWrite'], waits: true, timeoutMs: 2 * LONGEST_TTL_MS + 30_000 },
      async (context) => {
        const key = context.configKey()
        const { first, second, follower, lists } = await followedPair(context)
        await sleep(target.auth!.tokenTtlMs + 500)
        // What is asked for now needs a new one.
        const { heard } = follower.config(key)
        await context.raw.publish(key, 'later')
        await context.raw.register({ ...second, clusterName: 'DEFAULT' })
        await context.soon(() => expect(ports(lists)).toEqual([first.port, second.port]))
        await context.soon(() => expect(heard).toEqual(['later']), heardMs)
      },
    )
  })

  describe('status', () => {
    test('says how changes arrive and why', {}, async (context) => {
      const { follower } = await followedPair(context)
      const { updates } = follower.transport.describe()
      expect(updates).toBe(way === 'poll' ? 'http: sidecar.push is off' : `grpc push from 127.0.0.1:${grpcPort}`)
    })
  })

  forPush('without gRPC', () => {
    const needs = { needs: ['configWrite'], timeoutMs: 30_000 + nextPollMs } as const
    test('changes arrive all the same, and status says why', needs, async (context) => {
      const closed = await startFaultProxy({ port: 1 })
      await closed.set('refuse')
      context.defer(() => closed.close())
      const { instance, configKey, raw, soon } = context
      const follower = open(context, { grpcPort: closed.port })
      const mine = instance()
      const key = configKey()
      const { lists } = follower.service(mine)
      const { heard } = follower.config(key)
      await raw.register({ ...mine, clusterName: 'DEFAULT' })
      await raw.publish(key, 'here')
      await soon(() => expect(ports(lists)).toEqual([mine.port]))
      await soon(() => expect(heard).toEqual(['here']), nextPollMs)
      const pull = target.apiVersion === 'v3' ? 'http polling' : 'http long poll and polling'
      expect(follower.transport.describe().updates).toBe(`${pull}: port ${closed.port} refused the connection`)
    })

    test('that comes up later, push takes over', { timeoutMs: 60_000 }, async (context) => {
      const proxy = await startFaultProxy({ port: grpcPort })
      await proxy.set('refuse')
      context.defer(() => proxy.close())
      const { instance, raw, soon } = context
      const follower = open(context, { grpcPort: proxy.port })
      const mine = instance()
      const { lists } = follower.service(mine)
      await soon(() => expect(follower.transport.describe().updates).toContain('refused the connection'))
      await proxy.set('pass')
      await soon(() => expect(follower.transport.describe().updates).toMatch(/^grpc push/), 20_000)
      await raw.register({ ...mine, clusterName: 'DEFAULT' })
      await soon(() => expect(ports(lists)).toEqual([mine.port]))
    })
  })

  forPush('a link that is lost', () => {
    const needs = { needs: ['configWrite'], timeoutMs: 60_000 + nextPollMs } as const
    const through = async (context: ContractContext) => {
      const proxy = await startFaultProxy({ port: grpcPort })
      context.defer(() => proxy.close())
      const mine = context.instance()
      const key = context.configKey()
      await context.raw.register({ ...mine, clusterName: 'DEFAULT' })
      const follower = open(context, { grpcPort: proxy.port })
      const { lists } = follower.service(mine)
      const { heard } = follower.config(key)
      await context.soon(() => expect(ports(lists)).toEqual([mine.port]))
      await follower.ready()
      return { proxy, mine, key, follower, lists, heard }
    }

    test('comes back with every subscription', needs, async (context) => {
      const { proxy, mine, key, follower, lists, heard } = await through(context)
      proxy.resetAll()
      await context.soon(() => expect(follower.transport.describe().updates).not.toMatch(/^grpc push/))
      await follower.ready()
      const second = context.instance({ service: mine.service })
      await context.raw.register({ ...second, clusterName: 'DEFAULT' })
      await context.raw.publish(key, 'after')
      await context.soon(() => expect(ports(lists)).toEqual([mine.port, second.port]))
      await context.soon(() => expect(heard).toEqual(['after']))
    })

    test('loses no change meanwhile: HTTP brings it', needs, async (context) => {
      const { proxy, mine, key, follower, lists, heard } = await through(context)
      await proxy.set('refuse')
      const second = context.instance({ service: mine.service })
      await context.raw.register({ ...second, clusterName: 'DEFAULT' })
      await context.raw.publish(key, 'meanwhile')
      await context.soon(() => expect(ports(lists)).toEqual([mine.port, second.port]))
      await context.soon(() => expect(heard).toEqual(['meanwhile']), nextPollMs)
      expect(follower.transport.describe().updates).toMatch(/^http/)
      await proxy.set('pass')
      await context.soon(() => expect(follower.transport.describe().updates).toMatch(/^grpc push/), 20_000)
      await context.raw.publish(key, 'after')
      await context.soon(() => expect(heard).toEqual(['meanwhile', 'after']))
    })
  })

  forPush('an instance registered over gRPC', () => {
    const registered = async (context: ContractContext, fields = {}) => {
      const proxy = await startFaultProxy({ port: grpcPort })
      context.defer(() => proxy.close())
      const { transport } = open(context, { transport: 'grpc', grpcPort: proxy.port })
      const mine = context.instance({ weight: 3, metadata: { 城市: '杭州' }, ...fields })
      await transport.register(mine)
      await context.eventually(mine, (hosts) =>
        expect(hosts).toMatchObject([{ port: mine.port, weight: 3, healthy: true, metadata: mine.metadata }]),
      )
      return { proxy, transport, mine }
    }

    test('has no heartbeat, and status says so', {}, async (context) => {
      const { transport } = await registered(context)
      expect(transport.beat).toBeUndefined()
      expect(transport.describe()).toMatchObject({ protocol: 'grpc', connected: true })
    })

    test('is gone when it is deregistered', {}, async (context) => {
      const { transport, mine } = await registered(context)
      await transport.deregister(mine)
      await context.eventually(mine, (hosts) => expect(hosts).toEqual([]))
    })

    test('is gone when its connection is closed', { timeoutMs: 60_000 }, async (context) => {
      const { transport, mine } = await registered(context)
      await transport.close()
      await context.soon(async () => expect(await context.raw.hosts(mine)).toEqual([]), 20_000)
    })

    test('is there again after its connection was lost', { timeoutMs: 60_000 }, async (context) => {
      const { proxy, transport, mine } = await registered(context)
      await proxy.set('refuse')
      await context.soon(async () => expect(await context.raw.hosts(mine)).toEqual([]), 20_000)
      await proxy.set('pass')
      await context.soon(
        async () => expect(await context.raw.hosts(mine)).toMatchObject([{ weight: 3, metadata: mine.metadata }]),
        20_000,
      )
      expect(transport.describe().connected).toBe(true)
    })

    test('is healthy for longer than a lease without a beat', { waits: true, timeoutMs: 90_000 }, async (context) => {
      const { mine } = await registered(context)
      await sleep(target.kind === 'embedded' ? 2_000 : 20_000)
      expect(await context.raw.hosts(mine)).toMatchObject([{ port: mine.port, healthy: true }])
    })
  })
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
