import fc from 'fast-check'
import { createSidecar, type ServiceInstance } from 'nacos-sidecar'
import { afterAll, expect, vi } from 'vitest'
import { collectLog } from '../support/collect.js'
import { startScriptedRegistry } from '../support/scripted-registry.js'
import { startScriptedServer } from '../support/scripted-grpc-server.js'
import { createServiceDirectory } from '../../src/discovery/directory.js'
import { settingsSchema } from '../../src/settings/schema.js'
import { createGrpcLink } from '../../src/nacos/grpc/link.js'
import { linkOptions } from '../support/grpc-link.js'
import { fuzz, refusalOf } from './fuzz.js'

const odd = fc.constantFrom<unknown>(
  undefined,
  null,
  '',
  'x',
  0,
  -1,
  1.5,
  1e308,
  -1e308,
  '1e308',
  65_535,
  65_536,
  true,
  {},
  [],
  'NaN',
  '__proto__',
)
const fields = {
  ip: fc.oneof(
    fc.constantFrom<unknown>('127.0.0.1', '::1', 'host.example', '127.0.0.1/x', 'u@h', 'a b', '', '\r\n'),
    odd,
  ),
  port: fc.oneof(fc.integer({ min: 1, max: 65_535 }), odd),
  weight: fc.oneof(fc.double({ min: 0, max: 100, noNaN: true }), odd),
  healthy: fc.oneof(fc.boolean(), odd),
  enabled: fc.oneof(fc.boolean(), odd),
  ephemeral: fc.oneof(fc.boolean(), odd),
  clusterName: fc.oneof(fc.constantFrom('DEFAULT', 'HZ'), odd),
  serviceName: fc.oneof(fc.constantFrom('DEFAULT_GROUP@@fuzz', 'fuzz', 'a@@b@@c'), odd),
  instanceId: odd,
  metadata: fc.oneof(fc.dictionary(fc.string({ maxLength: 5 }), odd), odd),
}
const hosts = fc.array(fc.oneof(fc.record(fields), odd), { maxLength: 6 })

function expectSound(instances: readonly ServiceInstance[]): void {
  for (const { ip, port, weight, metadata } of instances) {
    expect(ip).toMatch(/^[\w.:%-]+$/)
    expect(Number.isInteger(port) && port > 0 && port < 65_536, `port ${port}`).toBe(true)
    expect(weight >= 0 && weight <= 10_000, `weight ${weight}`).toBe(true)
    expect(Object.values(metadata).every((value) => typeof value === 'string')).toBe(true)
  }
}

type Answers = {
  registry: Awaited<ReturnType<typeof startScriptedRegistry>>
  sidecar: ReturnType<typeof createSidecar>
}

async function overHttp(): Promise<Answers> {
  const registry = await startScriptedRegistry()
  const sidecar = createSidecar({
    configPath: false,
    signals: false,
    logger: collectLog(),
    settings: {
      'cloud.nacos.server-addr': registry.address,
      'cloud.nacos.api-version': 'v1',
      'cloud.nacos.discovery.register-enabled': false,
      'cloud.nacos.config.enabled': false,
      'sidecar.push': 'off',
    },
  })
  await sidecar.ready
  return { registry, sidecar }
}

let http: Promise<Answers> | undefined
afterAll(async () => {
  const answers = await http
  await answers?.sidecar.stop({ drain: false })
  await answers?.registry.close()
})
let count = 0

fuzz(
  'a list over HTTP is sound instances or an error, and they can be picked',
  fc.tuple(hosts, fc.oneof({ weight: 8, arbitrary: fc.constant(undefined) }, fc.string(), odd)),
  async ([list, other]) => {
    const { registry, sidecar } = await (http ??= overHttp())
    const service = `fuzz-${count++}`
    registry.on('/instance/list', ({ query }) =>
      query.get('serviceName')?.endsWith(service) ? { body: other === undefined ? { hosts: list } : other } : undefined,
    )
    try {
      const instances = await sidecar.discovery.instances(service)
      expectSound(instances)
      for (let turn = 0; turn < 3; turn++) (await sidecar.discovery.pick(service)).done('ok')
    } catch (error) {
      refusalOf(error)
    }
  },
)

async function overGrpc() {
  const server = await startScriptedServer()
  const { options } = linkOptions(server.port)
  const link = createGrpcLink(options)
  const directory = createServiceDirectory({
    transport: link,
    namespace: '',
    group: 'DEFAULT_GROUP',
    settings: settingsSchema.parse({}).sidecar,
    logger: collectLog(),
    emit: () => {},
  })
  const lists: (readonly ServiceInstance[])[] = []
  directory.watch('fuzz', ({ instances }) => lists.push(instances))
  await vi.waitFor(() => expect(lists.length).toBeGreaterThan(0))
  return { server, link, directory, lists }
}

let grpc: ReturnType<typeof overGrpc> | undefined
afterAll(async () => {
  const pushed = await grpc
  pushed?.directory.close()
  await pushed?.link.close()
  await pushed?.server.close()
})

fuzz('a list pushed over gRPC is sound instances, or changes nothing', hosts, async (list) => {
  const { server, link, lists } = await (grpc ??= overGrpc())
  const info = server.serviceInfo('fuzz', []) as object
  server.push('NotifySubscriberRequest', { serviceInfo: { ...info, hosts: list, lastRefTime: Date.now() + ++count } })
  // Once this is answered, what was pushed before it has been read.
  await link.list({ namespace: '', group: 'DEFAULT_GROUP', service: 'other' }).catch(refusalOf)
  for (const instances of lists.splice(0)) expectSound(instances)
})
