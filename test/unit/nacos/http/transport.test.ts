import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { startFaultProxy } from '../../../support/fault-proxy.js'
import { anInstance, openTransport, ORDERS } from '../../../support/transport.js'
import { startScriptedRegistry, type ScriptedAnswer } from '../../../support/scripted-registry.js'

const V3_LIST = 'GET /nacos/v3/client/ns/instance/list'
const V1_LIST = 'GET /nacos/v1/ns/instance/list'
const HTML = { 'content-type': 'text/html;charset=UTF-8' }
const CONFIG = { namespace: '', group: 'G', dataId: 'app.yml' }

async function registry() {
  const started = await startScriptedRegistry()
  onTestFinished(() => started.close())
  return started
}

/** 127.0.0.1 with nothing behind the port. */
async function deadPort() {
  const proxy = await startFaultProxy({ port: 1 })
  await proxy.close()
  return { host: '127.0.0.1', port: proxy.port }
}

describe('which API', () => {
  test('v3 where its client API answers', async () => {
    const server = await registry()
    server.on(V3_LIST, { body: { code: 0, message: 'success', data: [] } })
    server.on('GET /nacos/v3/client/cs/config', { body: { code: 20004, message: 'resource not found', data: null } })
    const transport = openTransport([server], { apiVersion: 'auto' })
    expect(transport.describe()).toMatchObject({ protocol: 'http ?', connected: false })
    expect(await transport.getConfig(CONFIG)).toBeUndefined()
    expect(transport.describe()).toEqual({
      server: server.address,
      servers: [server.address],
      protocol: 'http v3',
      connected: true,
      reason: 'the server answers the v3 client API',
    })
    expect(server.seen('/v1/')).toEqual([])
  })

  test('v1 where that one is not there, asked once', async () => {
    const server = await registry()
    server.on(V1_LIST, { body: { hosts: [] } })
    const transport = openTransport([server], { apiVersion: 'auto' })
    await Promise.all([transport.list(ORDERS), transport.list(ORDERS), transport.list(ORDERS)])
    expect(server.seen(V3_LIST)).toHaveLength(1)
    expect(server.seen(V1_LIST)).toHaveLength(3)
    expect(transport.describe()).toMatchObject({
      protocol: 'http v1',
      reason: 'the server answers v1 and not the v3 client API',
    })
  })

  const SSO = 'https://sso.example.com/login?state=canary'
  const REFUSALS: [string, ScriptedAnswer][] = [
    ['401', { status: 401, body: { status: 401, error: 'Unauthorized', message: 'Unauthorized' } }],
    ['403', { status: 403, body: 'no' }],
    ['400', { status: 400, body: 'no' }],
    ['500', { status: 500, body: { status: 500, message: 'No message available' } }],
    ['502 of a gateway', { status: 502, headers: HTML, body: '<html><title>502 Bad Gateway</title></html>' }],
    ['503', { status: 503, headers: { 'retry-after': '30' }, body: 'no' }],
    ['a redirect to a login', { status: 302, headers: { location: SSO } }],
    ['a page', { headers: HTML, body: '<!DOCTYPE html><title>Sign in</title>' }],
    ['other JSON', { body: { ok: true } }],
  ]

  test.each(REFUSALS)('R4: v1 is found behind %s to any v3 path', async (_what, refusal) => {
    const server = await registry()
    server.on('/v3/', refusal)
    server.on(V1_LIST, { body: { hosts: [] } })
    server.on('POST /nacos/v1/ns/instance', { body: 'ok' })
    const onLost = vi.fn()
    const transport = openTransport([server], { apiVersion: 'auto', onLost })
    await transport.register(anInstance())
    expect(await transport.list(ORDERS)).toEqual([])
    expect(transport.describe().protocol).toBe('http v1')
    expect(server.seen('/v3/')).toHaveLength(1)
    expect(onLost).not.toHaveBeenCalled()
    expect(transport.lines.filter((line) => !line.startsWith('info'))).toEqual([])
  })

  test('R4: v1 is found by way of configs where the user may read configs only', async () => {
    const server = await registry()
    server.on('GET', { status: 401 })
    server.on('GET /nacos/v1/cs/configs', { status: 404, body: 'config data not exist' })
    const transport = openTransport([server], { apiVersion: 'auto' })
    expect(await transport.getConfig(CONFIG)).toBeUndefined()
    expect(transport.describe().protocol).toBe('http v1')
  })

  test('R4: a true 401 says that both APIs answer it, and is asked again', async () => {
    const server = await registry()
    server.on('GET', { status: 401, body: { message: 'Unauthorized' } })
    const transport = openTransport([server], { apiVersion: 'auto' })
    await expect(transport.list(ORDERS)).rejects.toMatchObject({
      code: 'SIDECAR_REGISTRY_REFUSED',
      message: expect.stringMatching(/HTTP 401 "Unauthorized", to v3 and v1 alike\. The registry requires a login/),
    })
    expect(transport.describe().protocol).toBe('http ?')
    server.on(V1_LIST, { body: { hosts: [] } })
    expect(await transport.list(ORDERS)).toEqual([])
  })

  test('R4: what neither API answers decides nothing', async () => {
    const server = await registry()
    server.on('GET', { status: 500, body: { message: 'No message available' } })
    const transport = openTransport([server], { apiVersion: 'auto' })
    await expect(transport.list(ORDERS)).rejects.toMatchObject({ code: 'SIDECAR_REGISTRY_UNAVAILABLE' })
    expect(transport.describe().protocol).toBe('http ?')
    server.on('/v3/', { status: 404 })
    server.on(V1_LIST, { body: { hosts: [] } })
    expect(await transport.list(ORDERS)).toEqual([])
    expect(transport.describe().protocol).toBe('http v1')
  })

  test('a timeout decides nothing', async () => {
    const server = await registry()
    server.on('/v3/', () => 'never')
    const transport = openTransport([server], { apiVersion: 'auto', requestTimeoutMs: 100 })
    await expect(transport.list(ORDERS)).rejects.toMatchObject({ code: 'SIDECAR_REGISTRY_UNAVAILABLE' })
    expect(transport.describe().protocol).toBe('http ?')
  })

  test('a user with read access to configs only is detected by a config request', async () => {
    const server = await registry()
    server.on(V3_LIST, { status: 403, body: { message: 'Code: 403, Message: authorization failed!.' } })
    server.on('GET /nacos/v3/client/cs/config', { body: { code: 20004, message: 'resource not found', data: null } })
    const transport = openTransport([server], { apiVersion: 'auto' })
    expect(await transport.getConfig(CONFIG)).toBeUndefined()
    expect(transport.describe().protocol).toBe('http v3')
  })

  test('a page that is no Nacos decides nothing', async () => {
    const server = await registry()
    server.on('GET', { headers: { 'content-type': 'text/html' }, body: '<html>welcome</html>' })
    const transport = openTransport([server], { apiVersion: 'auto' })
    await expect(transport.list(ORDERS)).rejects.toMatchObject({ code: 'SIDECAR_REGISTRY_ANSWER' })
  })

  test('is asked again when the server has been upgraded, and the request goes through', async () => {
    const server = await registry()
    server.on(V1_LIST, { body: { hosts: [] } })
    const transport = openTransport([server], { apiVersion: 'auto', watchClusters: ['DEFAULT'] })
    await transport.list(ORDERS)
    server.on('/v1/', { status: 410, body: { code: 40000, message: 'Current API will be deprecated' } })
    server.on(V3_LIST, { body: { code: 0, data: [] } })
    expect(await transport.list(ORDERS)).toEqual([])
    expect(transport.describe().protocol).toBe('http v3')
  })

  test('and when it has been downgraded', async () => {
    const server = await registry()
    server.on(V3_LIST, { body: { code: 0, data: [] } })
    const transport = openTransport([server], { apiVersion: 'auto', watchClusters: ['DEFAULT'] })
    await transport.list(ORDERS)
    server.on(V3_LIST, { status: 404 })
    server.on(V1_LIST, { body: { hosts: [] } })
    expect(await transport.list(ORDERS)).toEqual([])
    expect(transport.describe().protocol).toBe('http v1')
  })

  test('is not asked where the settings say it', async () => {
    const server = await registry()
    server.on(V1_LIST, { body: { hosts: [] } })
    const transport = openTransport([server], { apiVersion: 'v1' })
    await transport.list(ORDERS)
    expect(server.requests).toHaveLength(1)
    expect(transport.describe().reason).toBe('cloud.nacos.api-version is v1')
  })

  test('a server without either API is an error that names the context path', async () => {
    const server = await registry()
    await expect(
      openTransport([server], { apiVersion: 'auto', contextPath: '/wrong' }).list(ORDERS),
    ).rejects.toMatchObject({
      code: 'SIDECAR_REGISTRY_UNSUPPORTED',
      message: expect.stringContaining('context-path'),
    })
    const paths = server.requests.map(({ path }) => path)
    expect(paths.filter((path) => path !== '/v3/console/health/liveness' && !path.startsWith('/wrong/'))).toEqual([])
  })
})

describe('a failure is never an empty answer', () => {
  test.each([
    ['half of a JSON', '{"hosts":[{"ip":"10.0.0.1"'],
    ['no list', '{"name":"x"}'],
    ['a list of something else', '{"hosts":[{"ip":1}]}'],
    ['nothing', ''],
    ['a page', '<html></html>'],
    ['null', 'null'],
  ])('list: %s', async (_name, body) => {
    const server = await registry()
    server.on('GET', { body })
    await expect(openTransport([server]).list(ORDERS)).rejects.toMatchObject({ code: 'SIDECAR_REGISTRY_ANSWER' })
    await expect(openTransport([server], { apiVersion: 'v3' }).list(ORDERS)).rejects.toMatchObject({
      code: 'SIDECAR_REGISTRY_ANSWER',
    })
  })

  test('a config is absent only where the registry says so', async () => {
    const server = await registry()
    const transport = openTransport([server])
    await expect(transport.getConfig(CONFIG)).rejects.toMatchObject({ code: 'SIDECAR_REGISTRY_UNSUPPORTED' })
    server.on('GET', { status: 404, body: 'config data not exist\n' })
    expect(await transport.getConfig(CONFIG)).toBeUndefined()
    server.on('GET', { status: 500, body: 'caused: no DataSource set;' })
    await expect(transport.getConfig(CONFIG)).rejects.toMatchObject({ code: 'SIDECAR_REGISTRY_UNAVAILABLE' })
  })

  test('an empty config is not an absent one', async () => {
    const server = await registry()
    server.on('GET', { headers: { 'content-md5': 'd41d8cd98f00b204e9800998ecf8427e' }, body: '' })
    expect(await openTransport([server]).getConfig(CONFIG)).toMatchObject({
      content: '',
      md5: 'd41d8cd98f00b204e9800998ecf8427e',
    })
  })

  test('R17: an empty answer of something in front of the registry is no empty config', async () => {
    const server = await registry()
    server.on('GET', { body: '' })
    await expect(openTransport([server]).getConfig(CONFIG)).rejects.toMatchObject({ code: 'SIDECAR_REGISTRY_ANSWER' })
  })
})

describe('messages', () => {
  test('name the operation, the server, why, and what to do', async () => {
    const dead = await deadPort()
    await expect(openTransport([dead]).list(ORDERS)).rejects.toThrow(
      `Listing DEFAULT_GROUP@@orders failed: 127.0.0.1:${dead.port}: connection refused (ECONNREFUSED). ` +
        'Check cloud.nacos.server-addr and that the registry runs; for development, "npx nacos-sidecar dev" is one.',
    )
  })

  test('name every server and the number of attempts', async () => {
    const [one, two] = [await deadPort(), await registry()]
    two.on('GET', { status: 503, body: 'server is DOWN now, please try again later!' })
    await expect(openTransport([one, two]).getConfig(CONFIG)).rejects.toThrow(
      new RegExp(
        `^Reading config app\\.yml \\(G\\) failed after 2 attempts: 127\\.0\\.0\\.1:${one.port}: connection refused .*; ` +
          `127\\.0\\.0\\.1:${two.port}: HTTP 503 "server is DOWN now, please try again later!"`,
      ),
    )
  })

  test('carry what the server objects to, and it is asked of one node only', async () => {
    const [one, two] = [await registry(), await registry()]
    one.on('POST', {
      status: 500,
      body: "caused: Instance 'clusterName' should be characters with only 0-9a-zA-Z-. (current: C_1);",
    })
    const transport = openTransport([one, two])
    await expect(transport.register(anInstance({ cluster: 'C_1' }))).rejects.toMatchObject({
      code: 'SIDECAR_REGISTRY_REFUSED',
      message: expect.stringMatching(/^Registering 10\.0\.0\.7:9001 of DEFAULT_GROUP@@orders failed: .*clusterName/),
    })
    expect(two.requests).toEqual([])
    expect(transport.describe().connected).toBe(true)
  })

  test('say what Nacos 3 wants for publishing', async () => {
    const server = await registry()
    server.on('/v3/admin/', { status: 403, body: { message: 'Code: 401, Message: User not found!' } })
    const publish = openTransport([server], { apiVersion: 'v3' }).publishConfig({ ...CONFIG, content: 'x' })
    await expect(publish).rejects.toThrow(/admin API, which requires a login/)
  })

  test('the cause is plain: no request, no headers', async () => {
    const error = await openTransport([await deadPort()])
      .list(ORDERS)
      .catch((reason: unknown) => reason as Error)
    const cause = (error as Error).cause as Error
    expect(Object.keys(cause)).toEqual(['code'])
    expect(cause).toMatchObject({ code: 'ECONNREFUSED' })
  })
})

describe('several nodes', () => {
  test('one that is gone is passed over', async () => {
    const [dead, well] = [await deadPort(), await registry()]
    well.on('GET', { body: { hosts: [] } })
    const transport = openTransport([dead, well])
    expect(await transport.list(ORDERS)).toEqual([])
    expect(transport.describe()).toMatchObject({ server: well.address, connected: true })
    expect(transport.lines.filter((line) => line.startsWith('warn'))).toEqual([
      `warn Registry node 127.0.0.1:${dead.port} fails: connection refused (ECONNREFUSED)`,
    ])
  })

  test('lost and found are reported once each', async () => {
    const server = await registry()
    server.on('GET', { body: { hosts: [] } })
    const proxy = await startFaultProxy(server)
    onTestFinished(() => proxy.close())
    const onLost = vi.fn()
    const onFound = vi.fn()
    const transport = openTransport([proxy], { onLost, onFound })
    await transport.list(ORDERS)
    await transport.list(ORDERS)
    await proxy.set('refuse')
    await transport.list(ORDERS).catch(() => {})
    expect(transport.describe().connected).toBe(false)
    await proxy.set('pass')
    await transport.list(ORDERS)
    const address = `127.0.0.1:${proxy.port}`
    expect(onFound.mock.calls).toEqual([[{ server: address }], [{ server: address }]])
    expect(onLost.mock.calls).toEqual([
      [{ servers: [address], error: expect.objectContaining({ name: 'SidecarError' }) }],
    ])
  })
})

test('an access key signs, by parameter for naming and by header for configs', async () => {
  const server = await registry()
  server.on('GET /nacos/v1/ns', { body: { hosts: [] } })
  server.on('GET /nacos/v1/cs', { body: 'x' })
  server.on('POST', { body: 'ok' })
  const transport = openTransport([server], {
    accessKey: 'AKID',
    secretKey: 'secret-canary',
    securityToken: 'sts-canary',
  })
  await transport.list(ORDERS)
  await transport.getConfig(CONFIG)
  await transport.register(anInstance())
  const [list, config, register] = server.requests
  expect(list!.query.get('ak')).toBe('AKID')
  expect(list!.query.get('data')).toMatch(/^\d{13}@@DEFAULT_GROUP@@orders$/)
  expect(list!.headers['spas-securitytoken']).toBe('sts-canary')
  expect(config!.headers).toMatchObject({ 'spas-accesskey': 'AKID', 'spas-signature': expect.stringMatching(/=$/) })
  expect(config!.query.has('signature')).toBe(false)
  expect(register!.form.get('signature')).toMatch(/=$/)
  for (const { url, body } of server.requests) expect(url + body).not.toMatch(/canary/)
})
