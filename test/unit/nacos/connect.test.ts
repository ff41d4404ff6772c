import { createServer, type AddressInfo } from 'node:net'
import type { ServiceInstance } from 'nacos-sidecar'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { connectRegistry, createTransport, type TransportOptions } from '../../../src/nacos/connect.js'
import { createRequestLimiter } from '../../../src/nacos/request-limiter.js'
import type { RegistryTransport } from '../../../src/nacos/transport.js'
import { connectionOf, connectionsOf } from '../../../src/settings/connection.js'
import { collectLog } from '../../support/collect.js'
import { startResettingPort } from '../../support/resetting-port.js'
import { anInstance, ORDERS, registrySettings } from '../../support/transport.js'
import { startScriptedRegistry, type ScriptedRegistry } from '../../support/scripted-registry.js'
import { host, startScriptedServer } from '../../support/scripted-grpc-server.js'

const KEY = { namespace: '', group: 'DEFAULT_GROUP', dataId: 'app.yml' }

async function registry(): Promise<ScriptedRegistry> {
  const server = await startScriptedRegistry()
  onTestFinished(() => server.close())
  server.on('GET /nacos/v1/ns/instance/list', { body: { hosts: [] } })
  return server
}

async function grpc() {
  const server = await startScriptedServer()
  onTestFinished(() => server.close())
  return server
}

function open(
  serverAddr: string,
  { nacos = {}, sidecar = {}, ...rest }: { nacos?: object; sidecar?: object } & Partial<TransportOptions> = {},
): RegistryTransport & { lines: string[] } {
  const logger = collectLog()
  const settings = registrySettings(serverAddr, nacos, { pollInterval: 50, ...sidecar })
  const connection = connectionOf(settings.cloud.nacos, 'discovery')
  const transport = createTransport({ connection, settings, logger, registers: true, ...rest })
  onTestFinished(() => transport.close())
  return Object.assign(transport, { lines: logger.lines })
}

describe('a transport with push', () => {
  it('takes both HTTP requests to a failing registry and gRPC attempts from one limiter, registrations first', async () => {
    const limiter = createRequestLimiter(20)
    const priorities: boolean[] = []
    const acquire: typeof limiter.acquire = (priority, ...rest) => {
      priorities.push(priority)
      return limiter.acquire(priority, ...rest)
    }
    const transport = open('127.0.0.1:1', { limiter: { ...limiter, acquire }, sidecar: { grpcPort: 1 } })
    transport.watchService(ORDERS, () => {})
    await vi.waitFor(() => expect(priorities).toContain(false), 5_000)
    await transport.register(anInstance()).catch(() => {})
    await transport.register(anInstance()).catch(() => {})
    expect(priorities).toContain(true)
  })

  it('takes HTTP for what is asked and gRPC for what is to be heard of', async () => {
    const [http, nacos] = [await registry(), await grpc()]
    nacos.setHosts('orders', [host(9001)])
    const transport = open(http.address, { sidecar: { grpcPort: nacos.port } })
    const lists: ServiceInstance[][] = []
    transport.watchService(ORDERS, (list) => lists.push(list))
    expect(await transport.list(ORDERS)).toEqual([])
    await vi.waitFor(() => expect(lists.at(-1)).toMatchObject([{ port: 9001 }]), 5_000)
    expect(transport.describe()).toMatchObject({
      protocol: 'http v1',
      server: http.address,
      updates: `grpc push from 127.0.0.1:${nacos.port}`,
    })
    expect(nacos.of('ServiceQueryRequest')).toEqual([])
    expect(transport.lines).toContain(`info Changes arrive by grpc push from 127.0.0.1:${nacos.port}`)
  })

  it('opens no gRPC connection before something is watched', async () => {
    const [http, resetting] = [await registry(), await startResettingPort()]
    const transport = open(http.address, { sidecar: { grpcPort: resetting.port } })
    await transport.list(ORDERS)
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(resetting.times).toEqual([])
    expect(transport.describe().updates).toBeUndefined()
  })

  it('does not keep HTTP waiting for a gRPC port that never answers', async () => {
    const http = await registry()
    http.on('GET /nacos/v1/ns/instance/list', { body: { hosts: [{ ip: '10.0.0.7', port: 9001 }] } })
    const hole = createServer(() => {})
    await new Promise<void>((resolve) => hole.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void hole.close())
    const transport = open(http.address, { sidecar: { grpcPort: (hole.address() as AddressInfo).port } })
    const startMs = performance.now()
    const lists: ServiceInstance[][] = []
    transport.watchService(ORDERS, (list) => lists.push(list))
    await transport.list(ORDERS)
    expect(performance.now() - startMs).toBeLessThan(2_000)
    await vi.waitFor(() => expect(lists.length).toBeGreaterThan(1), 3_000)
    await vi.waitFor(
      () => expect(transport.describe().updates).toMatch(/^http long poll and polling: port \d+ does not answer$/),
      8_000,
    )
  })

  it('leaves a gRPC port that throws it out alone for longer and longer', async () => {
    const [http, resetting] = [await registry(), await startResettingPort()]
    const transport = open(http.address, { sidecar: { grpcPort: resetting.port, pollInterval: 1_000 } })
    transport.watchService(ORDERS, () => {})
    await transport.list(ORDERS)
    await vi.waitFor(() => expect(resetting.times.length).toBeGreaterThanOrEqual(3), { timeout: 12_000, interval: 100 })
    // A connection before gRPC is loaded, the first attempt, the second.
    const gaps = resetting.times.slice(1).map((at, index) => at - resetting.times[index]!)
    expect(gaps.at(-1)!).toBeGreaterThan(1_000)
    expect(transport.lines.filter((line) => line.startsWith('warn'))).toEqual([])
  })

  it('asks no port at all where push is off, and says so', async () => {
    const [http, resetting] = [await registry(), await startResettingPort()]
    const transport = open(http.address, { sidecar: { grpcPort: resetting.port, push: 'off' } })
    const heard = vi.fn()
    transport.watchConfig(KEY, '', () => {})
    transport.watchService(ORDERS, heard)
    await vi.waitFor(() => expect(heard.mock.calls.length).toBeGreaterThan(4), 5_000)
    expect(transport.describe()).toMatchObject({ updates: 'http: sidecar.push is off', by: 'poll' })
    expect(resetting.times).toEqual([])
  })

  it('says when the way back is found', async () => {
    const [http, nacos] = [await registry(), await grpc()]
    let restored = 0
    const transport = open(http.address, { sidecar: { grpcPort: nacos.port }, onRestored: () => restored++ })
    transport.watchService(ORDERS, () => {})
    await transport.list(ORDERS)
    await vi.waitFor(() => expect(transport.describe().updates).toMatch(/^grpc/), 5_000)
    expect(restored).toBe(0)
    nacos.hangUp()
    await vi.waitFor(() => expect(restored).toBe(1), 8_000)
  })

  it('shows no credentials when it is printed', async () => {
    const http = await registry()
    const transport = open(http.address, { nacos: { username: 'me', password: 'CANARY' } })
    expect(Object.keys(transport)).not.toContain('tokens')
  })
})

describe('one login', () => {
  it('serves HTTP and gRPC', async () => {
    const [http, nacos] = [await registry(), await grpc()]
    http.on('POST /nacos/v1/auth/login', { body: { accessToken: 'T1', tokenTtl: 18_000 } })
    const transport = open(http.address, {
      nacos: { username: 'me', password: 'secret' },
      sidecar: { grpcPort: nacos.port },
    })
    transport.watchService(ORDERS, () => {})
    await transport.list(ORDERS)
    await vi.waitFor(() => expect(nacos.of('SubscribeServiceRequest')).toHaveLength(1), 5_000)
    expect(nacos.of('SubscribeServiceRequest')[0]!.headers).toMatchObject({ accessToken: 'T1' })
    expect(http.seen('GET /nacos/v1/ns/instance/list')[0]!.headers.authorization).toBe('Bearer T1')
    expect(http.seen('/auth/login')).toHaveLength(1)
  })

  it('that gRPC refuses is renewed once for both', async () => {
    const [http, nacos] = [await registry(), await grpc()]
    let logins = 0
    http.on('POST /nacos/v1/auth/login', () => ({ body: { accessToken: `T${++logins}`, tokenTtl: 18_000 } }))
    nacos.script('SubscribeServiceRequest', (_body, { headers }) =>
      headers['accessToken'] === 'T2' ? undefined : { resultCode: 500, errorCode: 403, message: 'token expired!' },
    )
    const transport = open(http.address, {
      nacos: { username: 'me', password: 'secret' },
      sidecar: { grpcPort: nacos.port },
    })
    const lists: unknown[] = []
    for (const service of ['a', 'b', 'c']) transport.watchService({ ...ORDERS, service }, (list) => lists.push(list))
    await transport.list(ORDERS)
    // Where gRPC took its time, the lists came over HTTP first.
    await vi.waitFor(() => {
      const renewed = nacos.of('SubscribeServiceRequest').filter(({ headers }) => headers['accessToken'] === 'T2')
      expect(renewed).toHaveLength(3)
      expect(lists.length).toBeGreaterThanOrEqual(3)
    }, 5_000)
    await transport.list(ORDERS)
    expect(http.requests.at(-1)!.headers.authorization).toBe('Bearer T2')
    expect(logins).toBe(2)
  })
})

describe('Nacos 3 with its admin API closed', () => {
  const v3 = { apiVersion: 'v3' }
  const item = { ...KEY, content: 'a: 1' }

  it('publishes and deletes over gRPC', async () => {
    const [http, nacos] = [await registry(), await grpc()]
    http.on('/nacos/v3/admin/cs/config', { status: 403, body: { code: 403, message: 'no' } })
    const transport = open(http.address, { nacos: v3, sidecar: { grpcPort: nacos.port } })
    expect(await transport.publishConfig!(item)).toBe(true)
    expect(nacos.of('ConfigPublishRequest')[0]!.body).toMatchObject({ dataId: 'app.yml', content: 'a: 1' })
    expect(await transport.deleteConfig!(KEY)).toBe(true)
    expect(nacos.of('ConfigRemoveRequest')).toHaveLength(1)
  })

  it('says what HTTP said where there is no gRPC either', async () => {
    const [http, resetting] = [await registry(), await startResettingPort()]
    http.on('/nacos/v3/admin/cs/config', { status: 403, body: { code: 403, message: 'not an admin' } })
    const transport = open(http.address, { nacos: v3, sidecar: { grpcPort: resetting.port } })
    await expect(transport.publishConfig!(item)).rejects.toMatchObject({
      code: 'SIDECAR_REGISTRY_REFUSED',
      message: expect.stringMatching(/not an admin|HTTP 403/),
    })
  })

  it('does not carry a refused document elsewhere', async () => {
    const [http, nacos] = [await registry(), await grpc()]
    http.on('/nacos/v3/admin/cs/config', { status: 400, body: { code: 10000, message: 'bad content' } })
    const transport = open(http.address, { nacos: v3, sidecar: { grpcPort: nacos.port } })
    await expect(transport.publishConfig!(item)).rejects.toMatchObject({ code: 'SIDECAR_REGISTRY_REFUSED' })
    expect(nacos.seen).toEqual([])
  })
})

describe('cloud.nacos.transport: grpc', () => {
  it('registers over the connection, reports its loss and return, and reads over HTTP', async () => {
    const [http, nacos] = [await registry(), await grpc()]
    const news: string[] = []
    const transport = open(http.address, {
      nacos: { transport: 'grpc' },
      sidecar: { grpcPort: nacos.port },
      onFound: ({ server }) => news.push(`found ${server}`),
      onLost: ({ servers }) => news.push(`lost ${servers.join()}`),
    })
    const mine = anInstance()
    await transport.register(mine)
    expect(nacos.of('InstanceRequest')[0]!.body).toMatchObject({ type: 'registerInstance' })
    expect(transport.beat).toBeUndefined()
    expect(transport.describe()).toMatchObject({ protocol: 'grpc', connected: true, server: http.address })
    await transport.list(ORDERS)
    expect(http.seen('instance/list')).toHaveLength(1)
    nacos.hangUp()
    await vi.waitFor(() => expect(nacos.of('InstanceRequest').length).toBeGreaterThan(1), 8_000)
    expect(news).toEqual([`found ${http.address}`, `lost ${http.address}`, `found ${http.address}`])
    await transport.deregister(mine)
    expect(nacos.of('InstanceRequest').at(-1)!.body).toMatchObject({ type: 'deregisterInstance' })
  })

  it('opens nothing by being described', async () => {
    const [http, resetting] = [await registry(), await startResettingPort()]
    const transport = open(http.address, { nacos: { transport: 'grpc' }, sidecar: { grpcPort: resetting.port } })
    expect(transport.describe()).toMatchObject({ protocol: 'grpc', connected: false })
    await transport.close()
    await expect(transport.register(anInstance())).rejects.toMatchObject({ code: 'SIDECAR_STOPPED' })
    expect(resetting.times).toEqual([])
  })
})

describe('discovery and config', () => {
  const both = (nacos: object) => {
    const settings = registrySettings('127.0.0.1:1', nacos)
    const ways = connectRegistry({ connections: connectionsOf(settings.cloud.nacos), settings, logger: collectLog() })
    onTestFinished(() => void Promise.all([ways.discovery.close(), ways.config.close()]))
    return ways
  }

  it('share a transport where they lead to the same registry, whatever the namespaces', () => {
    const { discovery, config } = both({ discovery: { namespace: 'a' }, config: { namespace: 'b' } })
    expect(config).toBe(discovery)
  })

  it('do not where the servers or the users differ', () => {
    for (const own of [{ serverAddr: '127.0.0.1:2' }, { username: 'x', password: 'y' }]) {
      const { discovery, config } = both({ config: own })
      expect(config).not.toBe(discovery)
    }
  })

  it('find out which API there is though the user has rights in one namespace only', async () => {
    const http = await registry()
    http.on('/v1/', { status: 410, body: { code: 40000, message: 'Current API will be deprecated' } })
    http.on('GET /nacos/v3/client/', ({ query }) =>
      query.get('namespaceId') === 'b' && query.has('dataId')
        ? { body: { code: 20004, data: null } }
        : { status: 403, body: { code: 403, message: 'no' } },
    )
    const settings = registrySettings(http.address, {
      apiVersion: 'auto',
      discovery: { namespace: 'a' },
      config: { namespace: 'b' },
    })
    const { config } = connectRegistry({
      connections: connectionsOf(settings.cloud.nacos),
      settings,
      logger: collectLog(),
    })
    onTestFinished(() => config.close())
    expect(await config.getConfig({ ...KEY, namespace: 'b' })).toBeUndefined()
    expect(config.describe().protocol).toBe('http v3')
  })
})
