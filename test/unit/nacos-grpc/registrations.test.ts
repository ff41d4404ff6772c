import { describe, expect, it, vi } from 'vitest'
import { devRegistry } from '../../support/registry.js'
import { instance, link, server, service, up } from '../../support/grpc-link.js'

const registered = (nacos: Awaited<ReturnType<typeof server>>) =>
  nacos
    .hosts('users')
    .map((one) => one['port'])
    .sort()

describe('an ephemeral instance', () => {
  it('is registered and deregistered with everything that belongs to it', async () => {
    const nacos = await server()
    const client = link(nacos.port)
    await client.register({ ...instance(8001), weight: 3, enabled: false, cluster: 'BLUE' })
    expect(nacos.hosts('users')).toEqual([
      {
        ip: '10.0.0.1',
        port: 8001,
        weight: 3,
        healthy: true,
        enabled: false,
        ephemeral: true,
        clusterName: 'BLUE',
        serviceName: 'users',
        metadata: { 城: '杭州' },
      },
    ])
    await client.deregister({ ...instance(8001), cluster: 'BLUE' })
    expect(nacos.hosts('users')).toEqual([])
  })

  it('lives by the connection, and is there again on the next one', async () => {
    const nacos = await server()
    const client = link(nacos.port)
    const listedBefore: unknown[] = []
    nacos.script('InstanceRequest', (body) => {
      if (body['type'] === 'registerInstance') listedBefore.push(registered(nacos))
      return undefined
    })
    await client.register({ ...instance(8001), weight: 3 })
    nacos.hangUp()
    await vi.waitFor(() => expect(listedBefore).toEqual([[], []]), 5_000)
    await vi.waitFor(() => expect(nacos.hosts('users')).toMatchObject([{ port: 8001, weight: 3 }]), 5_000)
    await client.deregister(instance(8001))
    nacos.hangUp()
    await vi.waitFor(() => expect(nacos.clients.size).toBe(1))
    await client.list(service())
    expect(registered(nacos)).toEqual([])
  })

  it('that is deregistered while it is being registered again stays away', async () => {
    const nacos = await server()
    const client = link(nacos.port)
    await client.register(instance(8001))
    let left: Promise<void> | undefined
    nacos.script('InstanceRequest', ({ type }) => {
      if (type === 'registerInstance') left ??= client.deregister(instance(8001))
      return undefined
    })
    nacos.hangUp()
    await vi.waitFor(() => expect(left).toBeDefined(), 5_000)
    await left
    expect(registered(nacos)).toEqual([])
  })

  it('is registered after an empty restart of the server', async () => {
    const nacos = await server()
    const client = link(nacos.port)
    await client.register(instance(8001))
    await nacos.close()
    const again = await server({ port: nacos.port })
    await vi.waitFor(
      () => expect(again.hosts('users')).toMatchObject([{ port: 8001, metadata: { 城: '杭州' } }]),
      5_000,
    )
  })

  it('that the server lost while the connection stood is put back', async () => {
    const nacos = await server()
    const client = link(nacos.port, { verifyIntervalMs: 300 })
    await client.register(instance(8001))
    nacos.setHosts('users', [])
    await vi.waitFor(() => expect(registered(nacos)).toEqual([8001]), 3_000)
  })

  it('replaces itself when it is registered with other properties', async () => {
    const nacos = await server()
    const client = link(nacos.port)
    await client.register(instance(8001))
    await client.register({ ...instance(8001), weight: 7 })
    expect(nacos.hosts('users')).toMatchObject([{ port: 8001, weight: 7 }])
    nacos.hangUp()
    await vi.waitFor(() => expect(nacos.of('InstanceRequest')).toHaveLength(3), 5_000)
    expect(nacos.hosts('users')).toMatchObject([{ port: 8001, weight: 7 }])
  })

  it('that was refused stays away, and the one before it stays', async () => {
    const nacos = await server()
    const client = link(nacos.port)
    const refuse = () => ({ resultCode: 500, errorCode: 400, message: 'Param weight is illegal' })
    nacos.script('InstanceRequest', refuse)
    await expect(client.register(instance(8001))).rejects.toMatchObject({
      code: 'SIDECAR_REGISTRY_REFUSED',
      message: expect.stringMatching(/DEFAULT_GROUP@@users.*weight is illegal/) as string,
    })
    nacos.script('InstanceRequest', undefined)
    nacos.hangUp()
    await vi.waitFor(() => expect(nacos.of('ConnectionSetupRequest')).toHaveLength(2))
    await client.list(service())
    expect(registered(nacos)).toEqual([])

    await client.register(instance(8001))
    nacos.script('InstanceRequest', refuse)
    await expect(client.register({ ...instance(8001), weight: -1 })).rejects.toThrow(/illegal/)
    nacos.script('InstanceRequest', undefined)
    nacos.hangUp()
    await vi.waitFor(() => expect(nacos.of('ConnectionSetupRequest')).toHaveLength(3))
    await vi.waitFor(() => expect(nacos.hosts('users')).toMatchObject([{ port: 8001, weight: 1 }]), 5_000)
  })

  it('without a registry is an error in seconds, and is not registered behind the caller’s back', async () => {
    const nacos = await server()
    await nacos.close()
    const client = link(nacos.port)
    const from = performance.now()
    await expect(client.register(instance(8001))).rejects.toMatchObject({
      code: 'SIDECAR_REGISTRY_UNAVAILABLE',
      message: expect.stringContaining(`127.0.0.1:${nacos.port}`) as string,
    })
    expect(performance.now() - from).toBeLessThan(4_000)
    const again = await server({ port: nacos.port })
    await up(client)
    await client.list(service())
    expect(again.of('InstanceRequest')).toEqual([])
  })

  it('whose registration was answered too late does leave', async () => {
    const nacos = await server({ batchAdds: true })
    const client = link(nacos.port, { requestTimeoutMs: 500 })
    nacos.script('InstanceRequest', ({ type, instance: sent }) => {
      if (type !== 'registerInstance') return undefined
      nacos.setHosts('users', [sent as Record<string, unknown>])
      return 'hang'
    })
    await expect(client.register(instance(8001))).rejects.toMatchObject({ code: 'SIDECAR_REGISTRY_UNAVAILABLE' })
    await vi.waitFor(() => expect(registered(nacos)).toEqual([]), 5_000)
    const sent = nacos.of('InstanceRequest').length

    // And the same if it is deregistered before the first answer.
    const registering = client.register(instance(8002)).catch(() => {})
    await vi.waitFor(() => expect(nacos.of('InstanceRequest')).toHaveLength(sent + 1))
    await Promise.all([registering, client.deregister(instance(8002)).catch(() => {})])
    await vi.waitFor(() => expect(registered(nacos)).toEqual([]), 5_000)
  })

  it('gives up with its signal', async () => {
    const nacos = await server()
    nacos.script('InstanceRequest', () => 'hang')
    const client = link(nacos.port)
    const controller = new AbortController()
    const registering = client.register(instance(8001), controller.signal)
    await vi.waitFor(() => expect(nacos.of('InstanceRequest')).toHaveLength(1))
    controller.abort(new Error('enough'))
    await expect(registering).rejects.toThrow('enough')
  })
})

describe.each([
  ['replaces what the connection had (Nacos)', false],
  ['adds to it (r-nacos)', true],
])('several instances of one service, where a batch %s', (_what, batchAdds) => {
  it('are all there, also after a reconnect, until each is gone', async () => {
    const nacos = await server({ batchAdds })
    const client = link(nacos.port)
    await client.register(instance(8001))
    await Promise.all([client.register(instance(8002)), client.register(instance(8003))])
    expect(registered(nacos)).toEqual([8001, 8002, 8003])
    await client.deregister(instance(8002))
    expect(registered(nacos)).toEqual([8001, 8003])

    const listedBefore: unknown[] = []
    nacos.script('BatchInstanceRequest', () => {
      listedBefore.push(registered(nacos))
      return undefined
    })
    nacos.hangUp()
    await vi.waitFor(() => expect(listedBefore[0]).toEqual([]), 5_000)
    await vi.waitFor(() => expect(registered(nacos)).toEqual([8001, 8003]), 5_000)

    await client.deregister(instance(8001))
    expect(registered(nacos)).toEqual([8003])
    await client.deregister(instance(8003))
    expect(registered(nacos)).toEqual([])
  })
})

describe('what this link has not registered', () => {
  it('takes nothing of ours away, for Nacos takes all that a connection has at the service', async () => {
    const registry = await devRegistry()
    const client = link(registry.port, { grpcPort: registry.grpcPort! })
    await client.register(instance(8001))
    await client.deregister(instance(8002))
    expect((await client.list(service())).map((one) => one.port)).toEqual([8001])
    await client.register(instance(8002))
    // Once more, as one does who got no answer.
    await client.deregister(instance(8002))
    await client.deregister(instance(8002))
    expect((await client.list(service())).map((one) => one.port)).toEqual([8001])
  })

  it('is deregistered by a plain request', async () => {
    const nacos = await server()
    await link(nacos.port).deregister(instance(8001))
    expect(nacos.of('InstanceRequest')[0]!.body).toMatchObject({ type: 'deregisterInstance', instance: { port: 8001 } })
  })

  it('a persistent instance goes by its own request, and does not come back on a reconnect', async () => {
    const nacos = await server()
    const persistent = { ...instance(8001), ephemeral: false }
    const client = link(nacos.port)
    // As on 2.2.4 and r-nacos, which know it over HTTP only.
    await expect(client.register(persistent)).rejects.toMatchObject({
      code: 'SIDECAR_REGISTRY_UNSUPPORTED',
      message: expect.stringContaining('cloud.nacos.transport: http') as string,
    })
    nacos.script('PersistentInstanceRequest', () => ({ resultCode: 200 }))
    await client.register(persistent)
    await client.deregister(persistent)
    nacos.hangUp()
    await vi.waitFor(() => expect(nacos.of('ConnectionSetupRequest')).toHaveLength(2))
    await client.list(service())
    expect(nacos.of('PersistentInstanceRequest').map((seen) => seen.body['type'])).toEqual([
      'registerInstance',
      'registerInstance',
      'deregisterInstance',
    ])
  })
})
