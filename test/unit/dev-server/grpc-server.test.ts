import { createServer, connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { once } from 'node:events'
import { startDevServer } from 'nacos-sidecar/dev-server'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { devRegistry, form } from '../../support/registry.js'
import { ownPort } from '../../support/own-port.js'
import { config, listening, rawClient, registration, service, subscription } from './grpc-client.js'

describe('the gRPC port', () => {
  it('is the HTTP port + 1000, also where some of those are taken', async () => {
    const registries = await Promise.all(Array.from({ length: 5 }, () => devRegistry()))
    for (const { port, grpcPort } of registries) expect(grpcPort).toBe(port + 1_000)
  })

  it('can be chosen, and left out', async () => {
    const chosen = await devRegistry({ grpcPort: 0 })
    expect(chosen.grpcPort).toBeGreaterThan(0)
    await rawClient(chosen).connect()
    const off = await devRegistry({ port: await ownPort(), grpcPort: false })
    expect([off.grpcPort, off.grpc.connections()]).toEqual([undefined, []])
    off.grpc.dropConnections()
    const dial = connect(off.port + 1_000, '127.0.0.1')
    await expect(once(dial, 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('names the probable owner of a port in use, and frees the HTTP port', async () => {
    const http = await ownPort()
    const port = http + 1_000
    const blocker = createServer().listen(port, '127.0.0.1')
    onTestFinished(() => void blocker.close())
    await once(blocker, 'listening')
    const error = await startDevServer({ port: http }).catch((error: unknown) => error)
    expect(error).toMatchObject({
      code: 'SIDECAR_DEV_SERVER',
      message: expect.stringContaining(`Port ${port} on 127.0.0.1, for gRPC, is in use`),
    })
    await devRegistry({ port: http, grpcPort: false })
    const high = await startDevServer({ port: 65_000 }).catch((error: unknown) => error)
    expect(high).toMatchObject({ message: expect.stringContaining('leaves no room for gRPC') })
  })

  it('is open to this machine alone, and to gRPC alone', async () => {
    const { grpcPort } = await devRegistry()
    const [own] = Object.values(networkInterfaces())
      .flatMap((all) => all ?? [])
      .filter(({ internal, family }) => !internal && family === 'IPv4')
    if (own) await expect(once(connect(grpcPort!, own.address), 'connect')).rejects.toThrow()
    // What a page in a browser can send here.
    await expect(fetch(`http://127.0.0.1:${grpcPort}/Request/request`, { method: 'POST', body: 'x' })).rejects.toThrow()
  })

  it('takes what is no message as nothing worse than that', async () => {
    const registry = await devRegistry()
    const client = await rawClient(registry).connect()
    const answer = await client.request('SubscribeServiceRequest', [] as never)
    expect(answer).toMatchObject({ type: 'ErrorResponse', body: { errorCode: 502, message: 'Invalid request' } })
    client.send('NotifySubscriberResponse', [] as never)
    client.send('NoSuchResponse', { requestId: '__proto__' })
    for (const type of ['__proto__', 'constructor', '']) {
      expect((await client.request(type, {})).body).toMatchObject({ errorCode: 302 })
    }
    expect((await client.request('HealthCheckRequest', {})).body).toMatchObject({ success: true })
  })
})

describe('a connection', () => {
  it('is known by its socket, and by the id of its server check', async () => {
    const registry = await devRegistry()
    const client = rawClient(registry)
    const { body } = await client.request('ServerCheckRequest', {})
    await client.setUp({ clientVersion: 'X:1', tenant: 'dev', labels: { module: 'config' } })
    await client.request('ConfigBatchListenRequest', listening('a', ''))
    expect(registry.grpc.connections()).toEqual([
      {
        id: body['connectionId'],
        clientVersion: 'X:1',
        ip: '127.0.0.1',
        namespace: 'dev',
        labels: { module: 'config' },
        services: 0,
        configs: 1,
        instances: 0,
      },
    ])
    const stranger = rawClient(registry)
    expect((await stranger.request('ServiceListRequest', service(''))).body).toMatchObject({ errorCode: 301 })
  })

  it('must be set up anew when its stream has ended, on the same socket if it likes', async () => {
    const registry = await devRegistry()
    const client = await rawClient(registry).connect()
    client.endStream()
    await vi.waitFor(async () => {
      expect((await client.request('HealthCheckRequest', {})).body).toMatchObject({ errorCode: 301 })
    })
    await client.setUp()
    await client.request('SubscribeServiceRequest', subscription('s'))
    await form(registry, 'POST', '/v1/ns/instance', { serviceName: 's', ip: '10.0.0.1', port: 1 })
    await client.push('NotifySubscriberRequest')
  })

  it('starts anew with a second stream on its socket, and the first ends', async () => {
    const registry = await devRegistry()
    const client = await rawClient(registry).connect()
    await client.request('InstanceRequest', registration('s', 1))
    client.forgetStream()
    client.send('ConnectionSetupRequest', { clientVersion: 'second', abilityTable: {} })
    await client.push('SetupAckRequest')
    await vi.waitFor(() => expect(client.ended).toBe('end'))
    expect(registry.grpc.connections()).toMatchObject([{ clientVersion: 'second', instances: 0 }])
    expect(registry.services()[0]?.instances).toEqual([])
    expect((await client.request('HealthCheckRequest', {})).body).toMatchObject({ success: true })
  })

  it('is asked when it is silent, and closed when it does not answer', async () => {
    const registry = await devRegistry({ grpcTimes: { silentAfterMs: 100, detectionTimeoutMs: 1_500 } })
    const [silent, awake] = [await rawClient(registry).connect(), await rawClient(registry).connect()]
    await silent.request('InstanceRequest', registration('s', 1))
    const [id] = registry.grpc.connections().map(({ id }) => id)
    await vi.waitFor(
      async () => {
        await awake.push('ClientDetectionRequest')
        expect(registry.grpc.connections().map(({ id }) => id)).not.toContain(id)
      },
      { timeout: 10_000 },
    )
    await vi.waitFor(() => expect(registry.services()[0]?.instances).toEqual([]))
    await vi.waitFor(() => expect(silent.ended).toBeDefined())
    await awake.push('ClientDetectionRequest')
    expect((await awake.request('HealthCheckRequest', {})).body).toMatchObject({ success: true })
  })

  it('can be asked to reset, and dropped, by a test', async () => {
    const registry = await devRegistry()
    const client = await rawClient(registry).connect()
    registry.grpc.resetConnections()
    expect(await client.push('ConnectResetRequest')).toMatchObject({ module: 'internal' })
    expect(registry.grpc.connections()).toHaveLength(1)
    registry.grpc.dropConnections()
    expect(registry.grpc.connections()).toEqual([])
    await vi.waitFor(() => expect(client.ended).toBeDefined())
    await rawClient(registry).connect()
    expect(registry.grpc.connections()).toHaveLength(1)
  })
})

describe('an instance', () => {
  it.each([
    [undefined, '10.0.0.2#1#BLUE#DEFAULT_GROUP@@orders'],
    ['', '10.0.0.2#1#BLUE#DEFAULT_GROUP@@orders'],
    ['DEFAULT_GROUP@@orders', '10.0.0.2#1#BLUE#DEFAULT_GROUP@@orders'],
    ['orders', '10.0.0.2#1#BLUE#orders'],
  ])('J12: gets the id that Nacos makes of its own word for its service (%s)', async (serviceName, instanceId) => {
    const registry = await devRegistry()
    const client = await rawClient(registry).connect()
    await client.request('InstanceRequest', registration('orders', 1, { clusterName: 'BLUE', serviceName }))
    const { body } = await client.request('SubscribeServiceRequest', subscription('orders'))
    expect(body['serviceInfo']).toMatchObject({ hosts: [{ instanceId, serviceName: 'DEFAULT_GROUP@@orders' }] })
  })

  it("J12: is not in the namespace '' when it is in the public one, as in Nacos", async () => {
    const registry = await devRegistry()
    const client = await rawClient(registry).connect()
    await client.request('InstanceRequest', registration('orders', 1))
    const page = { groupName: 'DEFAULT_GROUP', pageNo: 1, pageSize: 10, module: 'naming', headers: {} }
    const count = async (names: object) =>
      (await client.request('ServiceListRequest', { ...page, ...names })).body['count'] as number
    expect([await count({ namespace: 'public' }), await count({ namespace: '' }), await count({})]).toEqual([1, 0, 1])
  })
})

describe('stop', () => {
  it('ends every connection in good order and in bounded time, without a push that instances left', async () => {
    const registry = await startDevServer({ port: await ownPort() })
    const client = await rawClient(registry).connect()
    await client.request('InstanceRequest', registration('s', 1))
    await client.request('SubscribeServiceRequest', subscription('s'))
    const left: unknown[] = []
    registry.on('deregister', (event) => left.push(event))
    const startMs = performance.now()
    await Promise.all([registry.stop(), registry.stop()])
    expect(performance.now() - startMs).toBeLessThan(10_000)
    await vi.waitFor(() => expect(client.ended).toBe('end'))
    expect([left, client.pushes]).toEqual([[], []])
    await (await startDevServer({ port: registry.port })).stop()
  })

  it('does not wait for a peer that says nothing', async () => {
    const registry = await startDevServer()
    const mute = connect({ port: registry.grpcPort!, host: '127.0.0.1', allowHalfOpen: true })
    onTestFinished(() => void mute.destroy())
    mute.on('error', () => {})
    await once(mute, 'connect')
    const startMs = performance.now()
    await registry.stop()
    expect(performance.now() - startMs).toBeLessThan(10_000)
  })
})

describe('auth', () => {
  const auth = { username: 'nacos', password: 'canary', tokenTtlSeconds: 60 }
  const every = [
    ['SubscribeServiceRequest', 'SubscribeServiceResponse', subscription('s')],
    ['ServiceQueryRequest', 'QueryServiceResponse', service('s')],
    ['ServiceListRequest', 'ServiceListResponse', service('s')],
    ['InstanceRequest', 'InstanceResponse', registration('s', 1)],
    ['BatchInstanceRequest', 'BatchInstanceResponse', service('s')],
    ['PersistentInstanceRequest', 'InstanceResponse', registration('s', 1)],
    ['ConfigQueryRequest', 'ConfigQueryResponse', config('a')],
    ['ConfigPublishRequest', 'ConfigPublishResponse', config('a', { content: 'x' })],
    ['ConfigRemoveRequest', 'ConfigRemoveResponse', config('a')],
    ['ConfigBatchListenRequest', 'ConfigChangeBatchListenResponse', listening('a', '')],
  ] as const

  it('refuses every request without a token or with a bad one, and does nothing', async () => {
    let nowMs = 0
    const registry = await devRegistry({ apis: ['v1'], auth, clock: () => nowMs })
    const client = await rawClient(registry).connect()
    const login = await form(registry, 'POST', '/v1/auth/login', { username: 'nacos', password: 'canary' })
    const { accessToken } = JSON.parse(login.body) as { accessToken: string }
    for (const [type, answers, body] of every) {
      const none = await client.request(type, body)
      expect(none).toMatchObject({
        type: answers,
        body: { resultCode: 500, errorCode: 403, message: 'user not found!', success: false },
      })
      const forged = await client.request(type, body, { accessToken: `${accessToken}x` })
      expect(forged.body).toMatchObject({ errorCode: 403, message: 'Invalid signature' })
    }
    expect([registry.services(), registry.configs.get({ dataId: 'a' })]).toEqual([[], undefined])
    expect(registry.grpc.connections()).toMatchObject([{ services: 0, configs: 0, instances: 0 }])

    for (const headers of [{ accessToken }, { Authorization: `Bearer ${accessToken}` }] as Record<string, string>[]) {
      expect((await client.request('ServiceListRequest', service('s'), headers)).body).toMatchObject({ success: true })
    }
    const inBody = await client.request('ServiceListRequest', service('s', { headers: { accessToken } }))
    expect(inBody.body).toMatchObject({ success: true })
    nowMs += 61_000
    const late = await client.request('ServiceListRequest', service('s'), { accessToken })
    expect(late.body).toMatchObject({ errorCode: 403, message: 'token expired!' })
  })

  it('is worded as 3.x does where it plays one', async () => {
    const registry = await devRegistry({ auth })
    const client = await rawClient(registry).connect()
    const { body } = await client.request('ServiceListRequest', service('s'))
    expect(body).toMatchObject({
      errorCode: 403,
      message: expect.stringMatching(/^Code: 401, Message: User not found!/),
    })
  })
})
