import type { NacosTransport, ServiceInstance } from 'nacos-sidecar'
import { describe, expect } from 'vitest'
import { contractTest, type Skip } from '../support/contract-test.js'
import type { RawRegistry } from '../support/raw.js'
import type { ContractTarget } from '../support/target.js'

/** Services and instances: what any registry must do for the client, and the client for any registry. */
export function namingContract(target: ContractTarget): void {
  const test = contractTest(target)
  const wordless: Skip = { server: 'npm nacos', reason: "keeps the server's reason to itself" }

  describe('register', () => {
    test('carries every field', {}, async ({ transport, instance, eventually, soon }) => {
      const mine = instance({
        namespace: 'contract-ns',
        group: 'CONTRACT_GROUP',
        cluster: 'HZ',
        weight: 2.5,
        metadata: { version: '1.2.0', zone: '杭州', note: 'a=b&c=d+e %20 "quoted" 😀' },
      })
      await transport.register(mine)

      await eventually(mine, (hosts) => {
        expect(hosts).toHaveLength(1)
        expect(hosts[0]).toMatchObject({
          ip: mine.ip,
          port: mine.port,
          weight: 2.5,
          healthy: true,
          enabled: true,
          ephemeral: true,
          clusterName: 'HZ',
          metadata: mine.metadata,
        })
      })
      await soon(async () => expect(await transport.list(mine)).toEqual([mine]))
    })

    test('keeps namespaces apart', {}, async ({ transport, instance, eventually, raw }) => {
      const here = instance()
      const there = instance({ service: here.service, namespace: 'contract-ns', port: here.port + 5_000 })
      await transport.register(here)
      await transport.register(there)
      await eventually(here, (hosts) => expect(hosts.map((h) => h.port)).toEqual([here.port]))
      await eventually(there, (hosts) => expect(hosts.map((h) => h.port)).toEqual([there.port]))
      expect(await transport.list(here)).toMatchObject([{ namespace: '', port: here.port }])
      expect(await transport.list(there)).toMatchObject([{ namespace: 'contract-ns', port: there.port }])
      expect(await transport.list({ ...here, namespace: 'contract-nowhere' })).toEqual([])
      expect(await raw.hosts({ ...here, namespace: 'public' })).toHaveLength(1)
    })

    test('keeps groups apart', {}, async ({ transport, instance, eventually }) => {
      const here = instance()
      const there = instance({ service: here.service, group: 'OTHER_GROUP', port: here.port + 5_000 })
      await transport.register(here)
      await transport.register(there)
      await eventually(there, (hosts) => expect(hosts.map((h) => h.port)).toEqual([there.port]))
      await eventually(here, (hosts) => expect(hosts.map((h) => h.port)).toEqual([here.port]))
      expect(await transport.list(there)).toMatchObject([{ group: 'OTHER_GROUP', service: here.service }])
    })

    test('replaces what it registered before', {}, async ({ transport, instance, eventually, soon }) => {
      const first = instance({ weight: 1, metadata: { version: '1', gone: 'yes' } })
      const second = { ...first, weight: 4, metadata: { version: '2' } }
      await transport.register(first)
      await eventually(first, (hosts) => expect(hosts).toHaveLength(1))
      await transport.register(second)
      await eventually(first, (hosts) => expect(hosts).toMatchObject([{ weight: 4, metadata: { version: '2' } }]))
      await soon(async () => expect(await transport.list(first)).toEqual([second]))
    })

    test('takes IPv6 addresses and host names', {}, async ({ transport, instance, eventually, soon }) => {
      const six = instance({ ip: '::1' })
      const named = instance({ service: six.service, ip: 'localhost' })
      await transport.register(six)
      await transport.register(named)
      await eventually(six, (hosts) => expect(hosts.map((h) => h.ip).sort()).toEqual(['::1', 'localhost']))
      await soon(async () => expect((await transport.list(six)).map((i) => i.ip).sort()).toEqual(['::1', 'localhost']))
    })

    test('takes names with dots, dashes, colons and underscores', {}, async ({ transport, instance, unique, soon }) => {
      const odd = instance({ service: `${unique('com.x:y')}-z_1`, group: 'a.b:c-d_e' })
      await transport.register(odd)
      await soon(async () => expect(await transport.list(odd)).toEqual([odd]))
    })

    test(
      'hides a disabled instance from callers',
      { skip: [{ server: 'r-nacos', client: 'npm nacos', reason: 'is told enable=false, and knows only enabled' }] },
      async ({ transport, instance, eventually, soon }) => {
        const off = instance({ enabled: false })
        const on = instance({ service: off.service })
        await transport.register(off)
        await transport.register(on)
        await eventually(on, (hosts) => expect(hosts.filter((h) => h.enabled)).toMatchObject([{ port: on.port }]))
        // Servers leave it out of the list; one that shows it must say so.
        await soon(async () => {
          const callable = (await transport.list(on)).filter((i) => i.enabled)
          expect(callable.map((i) => i.port)).toEqual([on.port])
        })
      },
    )

    test('stores a persistent instance', {}, async ({ transport, instance, eventually, soon }) => {
      const stays = instance({ ephemeral: false, metadata: { kind: 'persistent' } })
      await transport.register(stays)
      await eventually(stays, (hosts) => expect(hosts).toMatchObject([{ ephemeral: false, metadata: stays.metadata }]))
      expect(await transport.list(stays)).toMatchObject([{ ephemeral: false, port: stays.port }])
      await transport.deregister(stays)
      await soon(async () => expect(await transport.list(stays)).toEqual([]))
    })

    test(
      'refuses an ephemeral instance in a persistent service',
      { needs: ['oneKind'], skip: [{ server: 'r-nacos', reason: 'mixes both kinds in one service' }, wordless] },
      async ({ transport, instance, eventually }) => {
        const stays = instance({ ephemeral: false })
        await transport.register(stays)
        await eventually(stays, (hosts) => expect(hosts).toHaveLength(1))
        await refused(
          transport.register(instance({ service: stays.service })),
          /is persistent service, can't register ephemeral/,
        )
      },
    )
  })

  describe('bad input', () => {
    const lenient: Skip[] = [
      { server: 'r-nacos', reason: 'takes any weight, cluster name and heartbeat timing' },
      wordless,
    ]

    test('a weight below 0', { skip: lenient }, async ({ transport, instance }) => {
      await refused(transport.register(instance({ weight: -1 })), /weight/i)
    })

    test('a cluster name with an underscore', { skip: lenient }, async ({ transport, instance }) => {
      await refused(transport.register(instance({ cluster: 'C_1' })), /clusterName|cluster/)
    })

    test(
      'a heartbeat timeout below its interval',
      { needs: ['checksLease'], skip: lenient },
      async ({ transport, instance }) => {
        const metadata = { 'preserved.heart.beat.interval': '5000', 'preserved.heart.beat.timeout': '1000' }
        await refused(transport.register(instance({ metadata })), /heart beat interval/)
      },
    )

    test('no service name', {}, async ({ transport, instance, raw, target: { kind, capabilities } }) => {
      await expect(transport.register(instance({ service: '' }))).rejects.toMatchObject({ name: 'SidecarError' })
      const answer = await raw.register(instance({ service: '' }))
      expect(answer.status).toBe(kind === 'r-nacos' ? 500 : 400)
      expect(answer.text).toMatch(/serviceName/)
      if (!capabilities.v1) expect(answer.json()).toMatchObject({ code: 10000, message: 'parameter missing' })
    })

    test('no address', {}, async ({ raw, unique, target: { kind, capabilities } }) => {
      const path = capabilities.v1 ? '/v1/ns/instance' : '/v3/client/ns/instance'
      for (const [form, missing] of [
        [{ serviceName: unique('bad'), port: '80' }, 'ip'],
        [{ serviceName: unique('bad'), ip: '127.0.0.1' }, 'port'],
      ] as const) {
        const answer = await raw.send('POST', path, { form })
        expect(answer.status).toBe(kind === 'r-nacos' ? 500 : 400)
        expect(answer.text).toMatch(missing)
      }
    })

    test('a port that is no number', { needs: ['v1'] }, async ({ raw, unique, target: { kind } }) => {
      const form = { serviceName: unique('bad'), ip: '127.0.0.1', port: 'abc' }
      const answer = await raw.send('POST', '/v1/ns/instance', { form })
      expect(answer.status).toBe(kind === 'r-nacos' ? 500 : 400)
      expect(answer.text).not.toBe('')
    })

    test('a list without a service name', {}, async ({ transport, raw, target: { kind, capabilities } }) => {
      const path = capabilities.v1 ? '/v1/ns/instance/list' : '/v3/client/ns/instance/list'
      const answer = await raw.send('GET', path)
      expect(answer.status).toBe(kind === 'r-nacos' ? 500 : 400)
      expect(answer.text).toMatch(/serviceName/)
      // Never an empty list.
      const nameless = { namespace: '', group: 'DEFAULT_GROUP', service: '' }
      await expect(transport.list(nameless)).rejects.toMatchObject({ name: 'SidecarError' })
    })
  })

  describe('beat', () => {
    test('is accepted and changes nothing', { needs: ['beat'] }, async ({ transport, instance, eventually, raw }) => {
      const mine = instance({ weight: 3, cluster: 'HZ', metadata: { version: '1' } })
      await transport.register(mine)
      await eventually(mine, (hosts) => expect(hosts).toHaveLength(1))
      expect(await transport.beat!(mine)).toBe('ok')
      expect(await transport.beat!({ ...mine, weight: 7, metadata: { version: 'changed' } })).toBe('ok')
      const [host] = await raw.hosts(mine)
      expect(host).toMatchObject({ weight: 3, clusterName: 'HZ', metadata: { version: '1' } })
    })

    test(
      'of an instance the server forgot brings it back complete',
      { needs: ['beat'] },
      async ({ transport, instance, eventually, target: { kind } }) => {
        const mine = instance({ weight: 3, cluster: 'HZ', namespace: 'contract-ns', metadata: { zone: '杭州' } })
        // Exactly what the registrar does with the two answers.
        if ((await transport.beat!(mine)) === 'unknown') await transport.register(mine)
        await eventually(mine, (hosts) =>
          expect(hosts).toMatchObject([
            // r-nacos takes the weight of an instance from its registration only.
            { clusterName: 'HZ', metadata: { zone: '杭州' }, ...(kind !== 'r-nacos' && { weight: 3 }) },
          ]),
        )
      },
    )

    test(
      'answers the interval the instance asked for',
      {
        needs: ['v1'],
        skip: [{ server: 'r-nacos', reason: 'answers 5000 whatever the preserved.* metadata says' }],
      },
      async ({ raw, transport, open, instance, eventually }) => {
        const mine = instance({
          metadata: {
            'preserved.heart.beat.interval': '1000',
            'preserved.heart.beat.timeout': '3000',
            'preserved.ip.delete.timeout': '6000',
          },
        })
        await transport.register(mine)
        await eventually(mine, (hosts) => expect(hosts).toHaveLength(1))
        const heard: number[] = []
        const transport1 = open({ apiVersion: 'v1' })
        if (transport1.beat) {
          expect(await transport1.beat(mine, undefined, (ms) => heard.push(ms))).toBe('ok')
          expect(heard).toEqual([1_000])
        }
        if (!target.capabilities.lightBeat) return
        const answer = await lightBeat(raw, mine)
        expect(answer.json()).toEqual({ clientBeatInterval: 1000, code: 10200, lightBeatEnabled: true })
      },
    )

    test(
      'without its JSON says 20404 for an unknown instance',
      {
        needs: ['v1', 'lightBeat'],
        skip: [{ server: 'r-nacos', reason: 'answers 10200 and creates the instance bare' }],
      },
      async ({ raw, instance }) => {
        const answer = await lightBeat(raw, instance())
        expect(answer.status).toBe(200)
        expect(answer.json()).toMatchObject({ code: 20404 })
      },
    )

    test('over v3 says 21003 for an unknown instance', { needs: ['v3', 'beat'] }, async ({ raw, instance, open }) => {
      const unregistered = instance()
      const { namespace, group, service, ip, port } = unregistered
      const answer = await raw.send('POST', '/v3/client/ns/instance', {
        form: {
          ...{ namespaceId: namespace || 'public', groupName: group, serviceName: service, ip, port: String(port) },
          heartBeat: 'true',
        },
      })
      expect(answer.status).toBe(200)
      expect(answer.json()).toMatchObject({ code: 21003 })
      expect(await open({ apiVersion: 'v3' }).beat!(unregistered)).toBe('unknown')
    })
  })

  describe('list', () => {
    test('is empty for a service without instances', {}, async ({ transport, raw, unique }) => {
      const unregistered = { namespace: '', group: 'DEFAULT_GROUP', service: unique('unregistered') }
      expect(await transport.list(unregistered)).toEqual([])
      expect(await transport.list({ ...unregistered, namespace: 'contract-nowhere' })).toEqual([])
      expect(await raw.hosts(unregistered)).toEqual([])
    })

    test('holds all instances of all clusters', {}, async ({ transport, instance, soon }) => {
      const { service } = instance()
      const all = ['DEFAULT', 'C1', 'C2'].map((cluster) => instance({ service, cluster }))
      for (const one of all) await transport.register(one)
      await soon(async () => {
        const listed = await transport.list(all[0]!)
        expect(listed.sort((a, b) => a.port - b.port)).toEqual(all)
      })
    })

    test(
      'R1: holds the instances of any cluster, or is an error: never empty',
      { needs: ['beat'] },
      async ({ transport, open, instance, eventually, target: { capabilities } }) => {
        const mine = instance({ cluster: 'HZ' })
        await transport.register(mine)
        await eventually(mine, (hosts) => expect(hosts).toHaveLength(1))
        for (const apiVersion of ['auto', target.apiVersion] as const) {
          // As a consumer that has never heard of that cluster.
          const found = await open({ apiVersion, watchClusters: [] })
            .list(mine)
            .then((list) => list.map(({ port }) => port))
            .catch(({ code }: { code: string }) => code)
          const whole = capabilities.v1 && apiVersion !== 'v3'
          expect(whole ? [[mine.port]] : [[mine.port], 'SIDECAR_REGISTRY_UNSUPPORTED']).toContainEqual(found)
        }
      },
    )

    test(
      'filters by cluster',
      { needs: ['v1'], skip: [{ server: 'r-nacos', reason: 'ignores the clusters parameter' }] },
      async ({ transport, instance, raw, eventually }) => {
        const { service } = instance()
        const all = ['DEFAULT', 'C1', 'C2'].map((cluster) => instance({ service, cluster }))
        for (const one of all) await transport.register(one)
        await eventually(all[0]!, (hosts) => expect(hosts).toHaveLength(3))
        const clusters = async (filter: string) =>
          (await raw.hosts(all[0]!, { clusters: filter })).map((h) => h.clusterName).sort()
        expect(await clusters('C1')).toEqual(['C1'])
        expect(await clusters('C1,C2')).toEqual(['C1', 'C2'])
        expect(await clusters('none')).toEqual([])
      },
    )

    test(
      'shows unhealthy instances, unless asked not to',
      { needs: ['v1'], skip: [{ server: 'r-nacos', reason: 'ignores healthy=false of a registration' }] },
      async ({ transport, instance, raw, eventually, soon }) => {
        const well = instance()
        const ill = instance({ service: well.service, healthy: false })
        await raw.register(well)
        await raw.register({ ...ill, healthy: false })
        await eventually(well, (hosts) => expect(hosts).toHaveLength(2))
        const healthy = await raw.hosts(well, { healthyOnly: 'true' })
        expect(healthy.map((h) => h.port)).toEqual([well.port])
        await soon(async () =>
          expect((await transport.list(well)).map((i) => [i.port, i.healthy]).sort()).toEqual([
            [well.port, true],
            [ill.port, false],
          ]),
        )
      },
    )

    test('shows an instance of weight 0', {}, async ({ transport, instance, soon }) => {
      const resting = instance({ weight: 0 })
      await transport.register(resting)
      await soon(async () => expect(await transport.list(resting)).toEqual([resting]))
    })

    test(
      'names the services of a namespace and group',
      { needs: ['clientWrite'] },
      async ({ transport, instance, unique, soon }) => {
        const namespace = unique('ns')
        const names = [1, 2, 3].map((n) => `${unique('svc')}-${n}`)
        for (const service of names) await transport.register(instance({ namespace, service }))
        await transport.register(instance({ namespace, group: 'OTHER_GROUP' }))
        const page = { pageNo: 1, pageSize: 10, namespace, group: 'DEFAULT_GROUP' }
        await soon(async () => {
          const listed = await transport.listServices!(page)
          expect([...listed.names].sort()).toEqual([...names].sort())
        })
        const firstTwo = await transport.listServices!({ ...page, pageSize: 2 })
        const lastOne = await transport.listServices!({ ...page, pageNo: 2, pageSize: 2 })
        expect([...firstTwo.names, ...lastOne.names].sort()).toEqual([...names].sort())
        expect(firstTwo.names).toHaveLength(2)
        if (target.client && !target.capabilities.emptyPages) return
        expect((await transport.listServices!({ ...page, pageNo: 99 })).names).toEqual([])
      },
    )
  })

  describe("an operator's update", () => {
    test(
      'is what callers see',
      { needs: ['instanceUpdate'] },
      async ({ transport, instance, raw, eventually, soon }) => {
        const mine = instance({ metadata: { version: '1' } })
        await transport.register(mine)
        await eventually(mine, (hosts) => expect(hosts).toHaveLength(1))
        const answer = await raw.update({ ...mine, weight: 5, enabled: true, metadata: { version: '2' } })
        expect(answer.status).toBe(200)
        await soon(async () =>
          expect(await transport.list(mine)).toMatchObject([{ weight: 5, metadata: { version: '2' } }]),
        )
      },
    )

    test(
      'that disables an instance outlives a new registration',
      {
        needs: ['instanceUpdate', 'keepsDisabled'],
        skip: [{ server: 'r-nacos', reason: 'a registration that says enabled=true enables it again' }],
      },
      async ({ transport, instance, raw, eventually, soon }) => {
        const mine = instance()
        const enabled = async () => (await transport.list(mine)).filter((i) => i.enabled)
        await transport.register(mine)
        await eventually(mine, (hosts) => expect(hosts).toHaveLength(1))
        await raw.update({ ...mine, enabled: false })
        await soon(async () => expect(await enabled()).toEqual([]))

        await transport.register(mine)
        await transport.beat?.(mine)
        // A second instance is the sign that registrations have been worked off.
        const other = instance({ service: mine.service })
        await transport.register(other)
        await soon(async () => expect((await enabled()).map((i) => i.port)).toEqual([other.port]))
        await raw.update({ ...mine, enabled: true })
        await soon(async () => expect(await enabled()).toHaveLength(2))
      },
    )
  })

  describe('deregister', () => {
    test('removes this instance and no other', {}, async ({ transport, instance, eventually, soon }) => {
      const going = instance({ cluster: 'HZ' })
      const staying = instance({ service: going.service, cluster: 'HZ' })
      await transport.register(going)
      await transport.register(staying)
      await eventually(going, (hosts) => expect(hosts).toHaveLength(2))
      await transport.deregister(going)
      await eventually(going, (hosts) => expect(hosts.map((h) => h.port)).toEqual([staying.port]))
      await soon(async () => expect(await transport.list(going)).toEqual([staying]))
    })

    test('of what is not there is fine', {}, async ({ transport, instance }) => {
      const mine = instance()
      await transport.deregister(mine)
      await transport.register(mine)
      await transport.deregister(mine)
      await transport.deregister(mine)
    })

    test('leaves another namespace alone', {}, async ({ transport, instance, eventually }) => {
      const here = instance()
      const there = instance({ ...here, namespace: 'contract-ns' })
      await transport.register(here)
      await transport.register(there)
      await eventually(there, (hosts) => expect(hosts).toHaveLength(1))
      await transport.deregister(here)
      await eventually(here, (hosts) => expect(hosts).toEqual([]))
      await eventually(there, (hosts) => expect(hosts).toHaveLength(1))
    })
  })

  describe('liveness', () => {
    const { beat, healthyForMs, goneWithinMs } = target.timings
    const metadata = {
      'preserved.heart.beat.interval': String(beat.intervalMs),
      'preserved.heart.beat.timeout': String(beat.timeoutMs),
      'preserved.ip.delete.timeout': String(beat.deleteMs),
    }

    test(
      'an instance without beats goes, one with beats stays',
      { needs: ['beat'], waits: true, timeoutMs: goneWithinMs + 20_000 },
      async ({ transport, instance, eventually, raw, soon }) => {
        const silent = instance({ metadata })
        const beating = instance({ service: silent.service, metadata })
        const since = performance.now()
        await transport.register(silent)
        await transport.register(beating)
        using _beats = keepBeating(transport, beating, beat.intervalMs)
        await eventually(silent, (hosts) => expect(hosts).toHaveLength(2))

        await soon(
          async () => expect(await raw.hosts(silent)).toMatchObject([{ port: beating.port, healthy: true }]),
          goneWithinMs,
        )
        expect(performance.now() - since).toBeGreaterThan(healthyForMs)
        expect(await transport.list(silent)).toMatchObject([{ port: beating.port, healthy: true }])
      },
    )

    test(
      'an expired instance comes back complete with its next beat',
      { needs: ['beat'], waits: true, timeoutMs: goneWithinMs + 20_000 },
      async ({ transport, instance, eventually, raw, soon, target: { kind } }) => {
        const mine = instance({ weight: 3, cluster: 'HZ', metadata: { ...metadata, zone: '杭州' } })
        await transport.register(mine)
        await eventually(mine, (hosts) => expect(hosts).toHaveLength(1))
        await soon(async () => expect(await raw.hosts(mine)).toEqual([]), goneWithinMs)
        if ((await transport.beat!(mine)) === 'unknown') await transport.register(mine)
        await eventually(mine, (hosts) =>
          expect(hosts).toMatchObject([
            { clusterName: 'HZ', healthy: true, metadata: mine.metadata, ...(kind !== 'r-nacos' && { weight: 3 }) },
          ]),
        )
      },
    )

    test(
      'an instance that fell silent is unhealthy before it goes',
      {
        needs: ['beat'],
        waits: true,
        timeoutMs: goneWithinMs + 30_000,
        skip: [{ server: 'r-nacos', reason: 'has no unhealthy stage in its list' }],
      },
      async ({ transport, instance, eventually, soon }) => {
        const mine = instance({
          metadata: { ...metadata, 'preserved.ip.delete.timeout': String(beat.deleteMs + goneWithinMs) },
        })
        // Nacos 1.x takes the last healthy instance's end for its own fault, and lists all as healthy.
        const other = instance({ service: mine.service, metadata })
        await transport.register(mine)
        await transport.register(other)
        using _beats = keepBeating(transport, other, beat.intervalMs)
        await eventually(mine, (hosts) => expect(hosts).toHaveLength(2))
        const health = async () => (await transport.list(mine)).find(({ port }) => port === mine.port)?.healthy
        expect(await health()).toBe(true)
        await soon(async () => expect(await health()).toBe(false), goneWithinMs)
        expect(await transport.beat!(mine)).toBe('ok')
        await soon(async () => expect(await health()).toBe(true))
      },
    )

    test(
      'a connection the server closed while idle goes unnoticed',
      { waits: true, skip: [{ server: 'embedded', reason: 'closes no connection that early' }] },
      async ({ transport, instance, soon }) => {
        const mine = instance({ ephemeral: false })
        await transport.register(mine)
        await soon(async () => expect(await transport.list(mine)).toHaveLength(1))
        // r-nacos hangs up after about 5 s.
        for (const idleMs of [4_990, 5_000, 5_010]) {
          await new Promise((resolve) => setTimeout(resolve, idleMs))
          await transport.register(mine)
        }
        expect(await transport.list(mine)).toHaveLength(1)
      },
    )
  })
}

/** A refusal is an error that says where, what and why, never a success and never "try later". */
async function refused(attempt: Promise<unknown>, why: RegExp): Promise<void> {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toMatchObject({ name: 'SidecarError', code: expect.stringMatching(/^SIDECAR_REGISTRY_/) })
  expect((error as Error).message).toMatch(why)
}

/** As the Java client sends it: no metadata, so that an unknown instance cannot be created from it. */
function lightBeat(raw: RawRegistry, i: ServiceInstance) {
  return raw.send('PUT', '/v1/ns/instance/beat', {
    form: {
      namespaceId: i.namespace || 'public',
      serviceName: `${i.group}@@${i.service}`,
      clusterName: i.cluster,
      ip: i.ip,
      port: String(i.port),
    },
  })
}

function keepBeating(transport: NacosTransport, instance: ServiceInstance, intervalMs: number): Disposable {
  const timer = setInterval(() => void transport.beat!(instance).catch(() => {}), intervalMs)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
