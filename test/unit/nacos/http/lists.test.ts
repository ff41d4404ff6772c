import { startDevServer } from 'nacos-sidecar/dev-server'
import { expect, onTestFinished, test } from 'vitest'
import { anInstance, openTransport, ORDERS } from '../../../support/transport.js'
import { startScriptedRegistry } from '../../../support/scripted-registry.js'

const V3_LIST = 'GET /nacos/v3/client/ns/instance/list'
const V1_LIST = 'GET /nacos/v1/ns/instance/list'

interface Entry {
  readonly port: number
  readonly cluster: string
}

/** Nacos 3: its v3 list holds DEFAULT where no cluster is named (`whole: false`, 3.0 to 3.2), or all; v1 is off or on. */
async function nacos3(entries: readonly Entry[], { whole = false, v1 = false } = {}) {
  const server = await startScriptedRegistry()
  onTestFinished(() => server.close())
  const state = { entries, whole }
  const host = ({ port, cluster }: Entry) => ({ ip: '10.0.0.7', port, clusterName: cluster, serviceName: 'orders' })
  server.on('/v1/', { status: 410, body: { code: 40000, message: 'Current API will be deprecated' } })
  server.on('/nacos/v3/client/ns/instance', { body: { code: 0, message: 'success', data: 'ok' } })
  server.on(V3_LIST, ({ query }) => {
    const asked = query.get('clusterName')?.split(',') ?? (state.whole ? undefined : ['DEFAULT'])
    const listed = state.entries.filter(({ cluster }) => !asked || asked.includes(cluster))
    return { body: { code: 0, message: 'success', data: listed.map(host) } }
  })
  if (v1) server.on(V1_LIST, () => ({ body: { hosts: state.entries.map(host) } }))
  return Object.assign(server, { state })
}

const ports = (list: readonly { port: number }[]) => list.map(({ port }) => port).sort()
const AUTO = { apiVersion: 'auto' } as const
const HZ = { port: 9001, cluster: 'HZ' }
const HERE = { port: 9002, cluster: 'DEFAULT' }

test('R1: where both APIs are there, the list is v1’s, which holds every cluster', async () => {
  const server = await nacos3([HZ, HERE], { v1: true })
  const transport = openTransport([server], AUTO)
  expect(ports(await transport.list(ORDERS))).toEqual([9001, 9002])
  server.state.entries = []
  expect(await transport.list(ORDERS)).toEqual([])
  expect(transport.describe()).toMatchObject({ protocol: 'http v3' })
  expect(transport.describe().clusters).toBeUndefined()
})

test('R1: a list of one cluster is never taken for an empty service', async () => {
  const server = await nacos3([HZ])
  const transport = openTransport([server], AUTO)
  await expect(transport.list(ORDERS)).rejects.toMatchObject({
    code: 'SIDECAR_REGISTRY_UNSUPPORTED',
    message: expect.stringMatching(/no instance in cluster DEFAULT, .*gRPC port.*watch-clusters/),
  })
  expect(server.seen(V1_LIST)).toHaveLength(1)
  await transport.list(ORDERS).catch(() => {})
  // Said once; and v1, which is not there, is asked once.
  expect(transport.lines.filter((line) => line.startsWith('warn'))).toEqual([
    expect.stringContaining('only the clusters that a request names, over its v3 HTTP API: DEFAULT'),
  ])
  expect(server.seen(V1_LIST)).toHaveLength(1)
  expect(transport.describe().clusters).toEqual(['DEFAULT'])
})

test('R1: the own cluster, those of the settings and those seen are asked for', async () => {
  const server = await nacos3([HZ, HERE, { port: 9003, cluster: 'SH' }, { port: 9004, cluster: 'BJ' }])
  const own = openTransport([server], { ...AUTO, cluster: 'HZ' })
  expect(ports(await own.list(ORDERS))).toEqual([9001, 9002])
  const named = openTransport([server], { ...AUTO, watchClusters: ['SH', 'BJ'] })
  expect(ports(await named.list(ORDERS))).toEqual([9002, 9003, 9004])
  expect(named.describe().clusters).toEqual(['DEFAULT', 'SH', 'BJ'])
  const elsewhere = openTransport([server], AUTO)
  elsewhere.recordClusters([anInstance({ cluster: 'HZ' })])
  expect(ports(await elsewhere.list(ORDERS))).toEqual([9001, 9002])
})

test('R1: an empty list counts where the settings name every cluster', async () => {
  const server = await nacos3([])
  expect(await openTransport([server], { ...AUTO, watchClusters: ['DEFAULT'] }).list(ORDERS)).toEqual([])
})

test('R1: a server that lists clusters unasked is believed, when it lists none too', async () => {
  const server = await nacos3([HZ, { port: 9003, cluster: 'SH' }], { whole: true })
  const transport = openTransport([server], AUTO)
  expect(ports(await transport.list(ORDERS))).toEqual([9001, 9003])
  server.state.entries = []
  expect(await transport.list(ORDERS)).toEqual([])
  expect(transport.describe().clusters).toBeUndefined()
  expect(transport.lines.filter((line) => line.startsWith('warn'))).toEqual([])
})

test('R1: what gRPC knows goes before what HTTP guesses', async () => {
  const server = await nacos3([HERE])
  const transport = openTransport([server], AUTO)
  const whole = [anInstance({ port: 9001, cluster: 'HZ' }), anInstance({ port: 9002 })]
  expect(await transport.list(ORDERS, undefined, async () => whole)).toEqual(whole)
  expect(await transport.list(ORDERS, undefined, async () => [])).toEqual([])
  // The link is gone: its clusters are asked for.
  server.state.entries = [HZ, HERE]
  expect(ports(await transport.list(ORDERS, undefined, async () => undefined))).toEqual([9001, 9002])
})

test('R1: v1 is tried again when the registry comes back as another one', async () => {
  const server = await nacos3([HZ])
  const transport = openTransport([server], { ...AUTO, requestTimeoutMs: 300 })
  await transport.list(ORDERS).catch(() => {})
  server.on('GET', () => 'reset')
  await transport.list(ORDERS).catch(() => {})
  server.on('GET', () => undefined)
  server.on(V3_LIST, { body: { code: 0, data: [] } })
  server.on(V1_LIST, { body: { hosts: [{ ip: '10.0.0.7', port: 9001, clusterName: 'HZ' }] } })
  await transport.list(ORDERS).catch(() => {})
  expect(ports(await transport.list(ORDERS))).toEqual([9001])
})

test('a v1 list that a gateway refuses is had from v3', async () => {
  const server = await nacos3([HERE])
  server.on('/v1/', { status: 403, body: 'no' })
  const transport = openTransport([server], AUTO)
  expect(ports(await transport.list(ORDERS))).toEqual([9002])
  expect(ports(await transport.list(ORDERS))).toEqual([9002])
  expect(server.seen(V1_LIST)).toHaveLength(1)
})

test('publishing and deleting go to v1, whose rights are the document’s, and to v3 where there is none', async () => {
  const server = await nacos3([])
  const item = { namespace: '', group: 'G', dataId: 'app.yml', content: 'x' }
  server.on('/v3/admin/', { body: { code: 0, data: true } })
  const later = openTransport([server], AUTO)
  expect(await later.publishConfig(item)).toBe(true)
  expect(server.seen('POST /nacos/v3/admin/cs/config')).toHaveLength(1)
  server.on('/nacos/v1/cs/configs', { body: 'true' })
  const now = openTransport([server], AUTO)
  expect(await now.publishConfig(item)).toBe(true)
  expect(await now.deleteConfig(item)).toBe(true)
  expect(server.seen('/v3/admin/')).toHaveLength(1)
})

test.each([
  ['Nacos 2.5.1', { status: 500, body: 'caused: Cas publish fail, server md5 may have changed.;' }],
  ['a text with 200', { status: 200, body: 'Cas publish fail,server md5 may have changed.' }],
  ['a conflict', { status: 409, body: { code: 409, message: 'Cas publish fail, server md5 may have changed.' } }],
  ['a failed precondition', { status: 412, body: '' }],
  ['a mismatch', { status: 400, body: { code: 400, message: 'casMd5 does not match the stored document' } }],
  ['a sentence', { status: 500, body: 'update config failed: cas failed' }],
  ['Nacos 3 over v1', { status: 500, body: 'false' }],
])('R2: a compare-and-set that %s refuses is false, over v1', async (_server, answer) => {
  const server = await nacos3([])
  server.on('POST /nacos/v1/cs/configs', answer)
  const onLost = () => expect.unreachable('no node has failed')
  const transport = openTransport([server], { onLost })
  const item = { namespace: '', group: 'G', dataId: 'app.yml', content: 'x' }
  expect(await transport.publishConfig(item, 'd41d8cd98f00b204e9800998ecf8427e')).toBe(false)
  // Without a compare-and-set, the same words are no result.
  if (answer.body !== 'false') await expect(transport.publishConfig(item)).rejects.toThrow()
})

test.each([
  ['a conflict', { status: 409, body: { code: 20005, message: 'resource conflict', data: 'x' } }],
  [
    'words with 500',
    { status: 500, body: { code: 30000, message: 'caused: Cas publish fail, server md5 may have changed.;' } },
  ],
])('R2: a compare-and-set that is refused by %s is false, over v3', async (_how, answer) => {
  const server = await nacos3([])
  server.on('POST /nacos/v3/admin/cs/config', answer)
  const transport = openTransport([server], { apiVersion: 'v3' })
  const item = { namespace: '', group: 'G', dataId: 'app.yml', content: 'x' }
  expect(await transport.publishConfig(item, 'd41d8cd98f00b204e9800998ecf8427e')).toBe(false)
})

test.each([
  ['Nacos 1.0 to 1.1.4', { clientBeatInterval: 5000 }, 5000],
  ['Nacos 2', { clientBeatInterval: 10000, code: 10200, lightBeatEnabled: true }, 10000],
  ['no interval', { code: 10200 }, undefined],
  ['an absurd interval', { clientBeatInterval: 'soon' }, undefined],
  ['an interval of nothing', { clientBeatInterval: 0, code: 10200 }, undefined],
  ['an interval below nothing', { clientBeatInterval: -5, code: 10200 }, undefined],
  ['numbers as texts', { clientBeatInterval: '5000', code: '10200' }, 5000],
  ['a null code', { clientBeatInterval: 5000, code: null }, 5000],
  ['an envelope', { code: 200, message: 'success', data: null }, undefined],
  ['one word', 'ok', undefined],
  ['nothing', '', undefined],
])('R5: a 200 beat of %s is a beat, and says its interval', async (_server, body, intervalMs) => {
  const server = await nacos3([])
  server.on('PUT /nacos/v1/ns/instance/beat', { body })
  const transport = openTransport([server])
  const heard: number[] = []
  expect(await transport.beat(anInstance(), undefined, (ms) => heard.push(ms))).toBe('ok')
  expect(heard).toEqual(intervalMs === undefined ? [] : [intervalMs])
  expect(transport.describe().connected).toBe(true)
})

test.each([20404, '20404'])('R5: a beat answered with code %j asks for a new registration', async (code) => {
  const server = await nacos3([])
  server.on('PUT /nacos/v1/ns/instance/beat', { body: { code, clientBeatInterval: 5000 } })
  expect(await openTransport([server]).beat(anInstance())).toBe('unknown')
})

test('R12: one entry that is no instance takes no service away', async () => {
  const entry = { ip: '10.0.0.1', port: '8080', clusterName: 'DEFAULT' }
  const server = await nacos3([])
  server.on('GET /nacos/v1/ns/instance/list', { body: { hosts: [null, entry, 'x', {}, { ip: '10.0.0.2' }] } })
  expect(await openTransport([server]).list(ORDERS)).toEqual([expect.objectContaining({ ip: '10.0.0.1', port: 8080 })])
  server.on('GET /nacos/v1/ns/instance/list', { body: { hosts: [null] } })
  await expect(openTransport([server]).list(ORDERS)).rejects.toMatchObject({ code: 'SIDECAR_REGISTRY_ANSWER' })
})

test('J10: a v3 registration carries the id that v1 would make, where metadata has room for it', async () => {
  const server = await startDevServer()
  onTestFinished(() => server.stop())
  const [host = '', port = ''] = server.address.split(':')
  const transport = openTransport([{ host, port: Number(port) }], { apiVersion: 'v3', cluster: 'HZ' })
  const mine = anInstance({ cluster: 'HZ', metadata: { zone: '杭州' } })
  await transport.register(mine)
  const answer = await fetch(`http://${server.address}/nacos/v1/ns/instance/list?serviceName=orders`)
  const { hosts } = (await answer.json()) as { hosts: object[] }
  expect(hosts).toMatchObject([{ instanceId: '10.0.0.7#9001#HZ#DEFAULT_GROUP@@orders' }])
  expect(await transport.list(ORDERS)).toEqual([mine])

  const full = anInstance({ port: 9002, cluster: 'HZ', metadata: { text: 'x'.repeat(1_000) } })
  await transport.register(full)
  expect(await transport.list(ORDERS)).toContainEqual(full)
})

test('a page of services beyond the last one is empty on Nacos 1.x too', async () => {
  const server = await nacos3([])
  server.on('GET /nacos/v1/ns/service/list', { status: 400, body: 'fromIndex(980) > toIndex(3)' })
  const page = { pageNo: 99, pageSize: 10, namespace: '', group: 'DEFAULT_GROUP' }
  expect(await openTransport([server]).listServices(page)).toEqual({ count: 3, names: [] })
})
