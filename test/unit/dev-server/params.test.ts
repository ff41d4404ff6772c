import { describe, expect, it } from 'vitest'
import { devRegistry, form } from '../../support/registry.js'
import { config, listening, rawClient, registration, subscription } from './grpc-client.js'

const ILLEGAL = 'illegal characters should not appear in the param.'
const illegal = (name: string) => `Param '${name}' is illegal, ${ILLEGAL}`
const tooLong = (name: string, most: number) =>
  `Param '${name}' is illegal, the param length should not exceed ${most}.`
const PORT = "Param 'port' is illegal, the value should be between 0 and 65535."

const long = (length: number) => 'x'.repeat(length)
const good = { ip: '127.0.0.1', port: '9001', serviceName: 'orders' }

/** What a registration may not say, and Nacos's words for it. */
const refused: readonly (readonly [fields: Record<string, string>, words: string])[] = [
  [{ serviceName: 'a b' }, illegal('serviceName')],
  [{ serviceName: 'a\tb' }, illegal('serviceName')],
  [{ serviceName: 'x服务' }, illegal('serviceName')],
  [{ serviceName: 'a@@b@@c' }, illegal('serviceName')],
  [{ serviceName: '@b' }, illegal('serviceName')],
  [{ serviceName: long(513) }, tooLong('serviceName', 512)],
  [{ groupName: 'g g' }, illegal('group')],
  [{ groupName: 'a/b' }, illegal('group')],
  [{ groupName: '组' }, illegal('group')],
  [{ groupName: long(129) }, tooLong('group', 128)],
  [{ namespaceId: 'n s' }, illegal('namespaceId/tenant')],
  [{ namespaceId: 'n.s' }, illegal('namespaceId/tenant')],
  [{ namespaceId: long(65) }, tooLong('namespaceId/tenant', 64)],
  [{ clusterName: 'a,b' }, illegal('cluster')],
  [{ clusterName: 'c.1' }, illegal('cluster')],
  [{ clusterName: long(65) }, tooLong('cluster', 64)],
  [{ ip: 'not an ip' }, illegal('ip')],
  [{ ip: long(129) }, tooLong('ip', 128)],
  [{ port: '70000' }, PORT],
  [{ port: '-1' }, PORT],
  [{ metadata: JSON.stringify({ a: long(1_024) }) }, tooLong('Metadata', 1_024)],
]

/** What looks odd and is good with Nacos. */
const accepted: readonly Record<string, string>[] = [
  { serviceName: 'com.x:y-z_1' },
  { serviceName: 'a/b' },
  { serviceName: 'a@b' },
  { serviceName: long(512) },
  { groupName: 'a.b:c-d_e' },
  { namespaceId: 'never-created_1' },
  { clusterName: 'C-1' },
  { ip: '::1' },
  { ip: 'not.an.ip' },
  { port: '0' },
  { metadata: JSON.stringify({ a: long(1_023) }) },
]

describe.each([
  ['v1', '/v1/ns/instance'],
  ['v2', '/v2/ns/instance'],
  ['v3', '/v3/client/ns/instance'],
])('a registration by %s', (_api, path) => {
  it.each(refused)('R11: with %j is refused as by Nacos 2.3 and later', async (fields, words) => {
    const registry = await devRegistry()
    const answer = await form(registry, 'POST', path, { ...good, ...fields })
    expect(answer).toMatchObject({ status: 400, body: `${words}\r\n` })
    expect(answer.headers.get('content-type')).toBeNull()
    expect(registry.services()).toEqual([])
  })

  it.each([...accepted, { weight: '1f' }, { weight: ' 2.5D ' }, { metadata: ' ' }, { metadata: 'null' }])(
    'R11: with %j is taken',
    async (fields) => {
      const registry = await devRegistry()
      expect((await form(registry, 'POST', path, { ...good, ...fields })).status).toBe(200)
      expect(registry.services()).toHaveLength(1)
    },
  )
})

const asInstance = ({ ip, port, clusterName, metadata }: Record<string, string>) => ({
  ...(ip !== undefined && { ip }),
  ...(port !== undefined && { port: Number(port) }),
  ...(clusterName !== undefined && { clusterName }),
  ...(metadata !== undefined && { metadata: JSON.parse(metadata) as unknown }),
})
const asService = ({ serviceName, groupName, namespaceId }: Record<string, string>) => ({
  ...(serviceName !== undefined && { serviceName }),
  ...(groupName !== undefined && { groupName }),
  ...(namespaceId !== undefined && { namespace: namespaceId }),
})

it('R11: one checker stands before v1, v2, v3 and gRPC', async () => {
  const registry = await devRegistry()
  const client = await rawClient(registry).connect()
  const register = (fields: Record<string, string>) =>
    client.request('InstanceRequest', { ...registration('orders', 9001, asInstance(fields)), ...asService(fields) })
  for (const [fields, words] of refused) {
    expect(await register(fields)).toMatchObject({
      type: 'InstanceResponse',
      body: { resultCode: 500, errorCode: 400, message: `Param check invalid:${words}` },
    })
  }
  expect(registry.services()).toEqual([])
  for (const fields of accepted) expect((await register(fields)).body).toMatchObject({ resultCode: 200 })
})

it('R11: nothing is looked up under a name that cannot be registered', async () => {
  const registry = await devRegistry()
  const client = await rawClient(registry).connect()
  const illegalName = { status: 400, body: `${illegal('serviceName')}\r\n` }
  for (const path of ['/v1/ns/instance/list', '/v2/ns/instance/list', '/v3/client/ns/instance/list']) {
    expect(await form(registry, 'GET', path, { serviceName: 'a b' })).toMatchObject(illegalName)
  }
  expect(await form(registry, 'PUT', '/v1/ns/instance/beat', { ...good, serviceName: 'a b' })).toMatchObject(
    illegalName,
  )
  const subscribed = await client.request('SubscribeServiceRequest', subscription('a b'))
  expect(subscribed).toMatchObject({ type: 'SubscribeServiceResponse', body: { errorCode: 400 } })
})

it.each([
  [{ dataId: 'a b' }, illegal('dataId')],
  [{ dataId: 'a/b' }, illegal('dataId')],
  [{ dataId: '配置' }, illegal('dataId')],
  [{ dataId: long(257) }, tooLong('dataId', 256)],
  [{ group: 'g g' }, illegal('group')],
  [{ tenant: 't t' }, illegal('namespaceId/tenant')],
])('R11: a document with %j is refused everywhere', async (names, words) => {
  const registry = await devRegistry()
  const client = await rawClient(registry).connect()
  const fields = { dataId: 'a.yml', group: 'DEFAULT_GROUP', content: 'x', ...names }
  const { tenant = '', group } = { tenant: undefined, ...fields }
  const inV3 = { ...fields, groupName: group, namespaceId: tenant }
  const refusedBy = async (method: string, path: string, more = {}) =>
    expect(await form(registry, method, path, { ...inV3, ...more })).toMatchObject({
      status: 400,
      body: `${words}\r\n`,
    })
  for (const path of ['/v1/cs/configs', '/v2/cs/config', '/v3/admin/cs/config']) {
    for (const method of ['GET', 'POST', 'DELETE']) await refusedBy(method, path)
  }
  await refusedBy('GET', '/v3/client/cs/config')
  const watched = `${fields.dataId}\u0002${group}\u0002\u0002${tenant}\u0001`
  await refusedBy('POST', '/v1/cs/configs/listener', { 'Listening-Configs': watched })
  for (const type of ['ConfigQueryRequest', 'ConfigPublishRequest', 'ConfigRemoveRequest']) {
    const body = config('a.yml', { content: 'x', ...names })
    expect((await client.request(type, body)).body).toMatchObject({
      errorCode: 400,
      message: `Param check invalid:${words}`,
    })
  }
  const listens = { ...listening('a.yml', ''), configListenContexts: [{ ...config('a.yml', names), md5: '' }] }
  expect((await client.request('ConfigBatchListenRequest', listens)).body).toMatchObject({ errorCode: 400 })
})

it.each([{ dataId: '../evil' }, { dataId: 'a b' }, { dataId: 'a', group: '/etc' }, { dataId: 'a', namespace: '..' }])(
  'R11: a test cannot publish %j either',
  async (name) => {
    const registry = await devRegistry()
    expect(() => registry.configs.publish({ ...name, content: 'x' })).toThrow(
      expect.objectContaining({ code: 'SIDECAR_DEV_SERVER', message: expect.stringContaining('is illegal') as string }),
    )
  },
)

it('R11: a heartbeat that cannot be read ends on the page Nacos shows', async () => {
  const registry = await devRegistry()
  for (const beat of ['{not json', '[1]', '"x"', '{"ip":"1.2.3.4","port":"many"}']) {
    const answer = await form(registry, 'PUT', '/v1/ns/instance/beat', { serviceName: 's', beat })
    expect(answer.status).toBe(500)
    const page = JSON.parse(answer.body) as { message: string }
    expect(page.message).toMatch(/^Server failed, caused: errCode: 101, errMsg: Nacos deserialize for class /)
  }
  const beat = JSON.stringify({ ip: '1.2.3.4', port: 70_000 })
  const answer = await form(registry, 'PUT', '/v1/ns/instance/beat', { serviceName: 's', beat })
  expect(answer).toMatchObject({ status: 400, body: `${PORT}\r\n` })
  expect(registry.services()).toEqual([])
})

const WEIGHTS = 'instance format invalid: The weights range from 0.0 to 10000.0'

it.each([1e308, -1, 10_000.5])('R12: an instance of weight %s is refused, by heartbeat too', async (weight) => {
  const registry = await devRegistry()
  const client = await rawClient(registry).connect()
  const beat = JSON.stringify({ ip: '127.0.0.1', port: 9001, weight })
  const refusals = [
    await form(registry, 'PUT', '/v1/ns/instance/beat', { serviceName: 'orders', beat }),
    await form(registry, 'POST', '/v1/ns/instance', { ...good, weight }),
    await form(registry, 'POST', '/v2/ns/instance', { ...good, weight }),
    await form(registry, 'POST', '/v3/client/ns/instance', { ...good, weight }),
  ]
  for (const { status, body } of refusals) {
    expect(status).toBe(400)
    expect(body).toContain(WEIGHTS)
  }
  const { body } = await client.request('InstanceRequest', registration('orders', 9001, { weight }))
  expect(body).toMatchObject({ errorCode: 400, message: WEIGHTS })
  expect(registry.services()).toEqual([])
})

it('R12: a heartbeat obeys the rules of a registration', async () => {
  const registry = await devRegistry()
  const beatOf = (more: object) =>
    form(registry, 'PUT', '/v1/ns/instance/beat', {
      serviceName: 's',
      beat: JSON.stringify({ ip: '127.0.0.1', port: 1, ...more }),
    })
  expect((await beatOf({ cluster: 'C_1' })).body).toContain("Instance 'clusterName' should be characters")
  const times = { 'preserved.heart.beat.interval': '5000', 'preserved.heart.beat.timeout': '1000' }
  expect((await beatOf({ metadata: times })).body).toContain("Instance 'heart beat interval' must less than")
  expect(registry.services()).toEqual([])
  expect((await beatOf({ weight: 10_000 })).body).toContain('10200')
})

it.each([
  ['3.0', {}, ['DEFAULT']],
  ['a 3.2 of today', { apis: ['v3'] }, ['A', 'DEFAULT']],
  ['an early 3.2', { apis: ['v3'], listWithoutCluster: 'default' }, ['DEFAULT']],
  ['a mended 3.0', { listWithoutCluster: 'all' }, ['A', 'DEFAULT']],
] as const)('R1: a v3 list that names no cluster holds what it holds on %s', async (_name, options, seen) => {
  const registry = await devRegistry(options)
  await form(registry, 'POST', '/v3/client/ns/instance', good)
  await form(registry, 'POST', '/v3/client/ns/instance', { ...good, port: '9002', clusterName: 'A' })
  const clusters = async (path: string, more = {}) => {
    const { body } = await form(registry, 'GET', path, { serviceName: 'orders', ...more })
    const answer = JSON.parse(body) as { data?: { clusterName: string }[]; hosts: { clusterName: string }[] }
    return (answer.data ?? answer.hosts).map(({ clusterName }) => clusterName).sort()
  }
  expect(await clusters('/v3/client/ns/instance/list')).toEqual(seen)
  expect(await clusters('/v3/client/ns/instance/list', { clusterName: 'A,DEFAULT' })).toEqual(['A', 'DEFAULT'])
  expect(await clusters('/v3/client/ns/instance/list', { clusterName: 'A' })).toEqual(['A'])
  if (!('apis' in options)) expect(await clusters('/v1/ns/instance/list')).toEqual(['A', 'DEFAULT'])
})

it('R11: a trial release that ends takes no document away', async () => {
  const registry = await devRegistry()
  registry.configs.publish({ dataId: 'a.yml', content: 'x: 1' })
  const names = { dataId: 'a.yml', group: 'DEFAULT_GROUP' }
  expect((await form(registry, 'DELETE', '/v1/cs/configs', { ...names, beta: 'true' })).body).toContain('stop beta ok')
  expect(registry.configs.get({ dataId: 'a.yml' })?.content).toBe('x: 1')
})
