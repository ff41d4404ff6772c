import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createTransport } from '../../../src/nacos/connect.js'
import { connectionOf } from '../../../src/settings/connection.js'
import { parseEndpoint } from '../../../src/settings/server-address.js'
import { loadBootstrap } from '../../support/bootstrap.js'
import { collectLog } from '../../support/collect.js'
import { anInstance, openTransport, ORDERS } from '../../support/transport.js'
import { startScriptedRegistry, type ScriptedRegistry } from '../../support/scripted-registry.js'
import { host, startScriptedServer } from '../../support/scripted-grpc-server.js'

async function server(): Promise<ScriptedRegistry> {
  const started = await startScriptedRegistry()
  onTestFinished(() => started.close())
  return started
}

async function node(): Promise<ScriptedRegistry> {
  const started = await server()
  started.on('GET /nacos/v1/ns/instance/list', { body: { hosts: [] } })
  started.on('POST /nacos/v1/ns/instance', { body: 'ok' })
  return started
}

describe('the URL of an address server', () => {
  it.each([
    ['addr.example.com', {}, 'http://addr.example.com:8080/nacos/serverlist'],
    ['addr.example.com:9090', {}, 'http://addr.example.com:9090/nacos/serverlist'],
    ['addr', { contextPath: '/base/', clusterName: 'prod' }, 'http://addr:8080/base/prod'],
    ['addr', { contextPath: '' }, 'http://addr:8080/serverlist'],
    ['[::1]', { namespace: 'dev 1' }, 'http://[::1]:8080/nacos/serverlist?namespace=dev%201'],
    ['https://addr.example.com', {}, 'https://addr.example.com:443/nacos/serverlist'],
    ['https://addr.example.com/some/list', {}, 'https://addr.example.com:443/some/list'],
  ])('R9: %s with %j', (text, defaults, url) => expect(parseEndpoint(text, defaults)).toBe(url))

  it.each(['a,b', 'ftp://a', 'http://u:p@a', 'a:0'])('R9: %s is refused', (text) =>
    expect(() => parseEndpoint(text)).toThrow(/^expected/),
  )

  it('R9: goes before server-addr, and that of a section before what it inherits', () => {
    const { nacos } = loadBootstrap(`spring.cloud.nacos:
  server-addr: ignored:1
  endpoint: addr
  namespace: dev
  discovery: { endpoint: "own:1", endpoint-cluster-name: prod }
  config: { server-addr: "given:2" }
`).settings.cloud
    expect(connectionOf(nacos, 'discovery')).toMatchObject({
      addressServer: 'http://own:1/nacos/prod?namespace=dev',
      addresses: [],
    })
    const { addressServer, addresses } = connectionOf(nacos, 'config')
    expect([addressServer, addresses.map(({ authority }) => authority)]).toEqual([undefined, ['given:2']])
  })
})

describe('addresses of an address server', () => {
  it('R9: are asked for when they are needed, and used', async () => {
    const [list, one] = [await server(), await node()]
    list.on('GET /nacos/serverlist', { body: `${one.address}\n\n` })
    const url = `http://${list.address}/nacos/serverlist`
    const transport = openTransport([], { addressServer: url })
    expect(list.requests).toEqual([])
    expect(transport.describe()).toMatchObject({ server: url, servers: [], addressServer: url, connected: false })
    await Promise.all([transport.list(ORDERS), transport.register(anInstance())])
    expect(list.requests).toHaveLength(1)
    expect(transport.describe()).toMatchObject({ server: one.address, servers: [one.address], connected: true })
    expect(transport.lines).toContain(`info Address server ${url} names ${one.address}`)
    expect(transport.deregisterRequest(anInstance())?.url).toContain(one.address)
  })

  it('R9: are asked for again, and a failure keeps the last ones', async () => {
    const [list, one, two] = [await server(), await node(), await node()]
    let answer: { status?: number; body: string } = { body: one.address }
    list.on('GET /nacos/serverlist', () => answer)
    const transport = openTransport([], {
      addressServer: `http://${list.address}/nacos/serverlist`,
      addressRefreshMs: 20,
    })
    await transport.list(ORDERS)
    for (const body of ['', '<html>sorry</html>', 'http://', 'user:secret@host']) {
      answer = { body }
      const before = list.requests.length
      await vi.waitFor(() => expect(list.requests.length).toBeGreaterThan(before + 1))
      await transport.list(ORDERS)
    }
    answer = { status: 500, body: 'no' }
    await transport.list(ORDERS)
    expect(transport.describe().servers).toEqual([one.address])
    expect(transport.lines.filter((line) => line.startsWith('warn'))).toEqual([
      expect.stringMatching(/^warn Address server .* fails: .*; the last addresses stay in use$/),
    ])
    expect(transport.lines.join('\n')).not.toContain('secret')

    answer = { body: two.address }
    await vi.waitFor(() => expect(transport.describe().servers).toEqual([two.address]))
    await transport.list(ORDERS)
    expect(two.requests).toHaveLength(1)
    expect(transport.lines).toContainEqual(expect.stringMatching(/^info Address server .* answers again$/))
  })

  it.each([
    ['\ufeff%s\r\n\r\n', 'a mark and CRLF'],
    ['# the cluster\r\n%s # first\n', 'comments'],
    ['%s?weight=2&raft_port=8807\n', 'parameters'],
    [' %s , %s,\n', 'blanks, commas, an address twice'],
    ['no address!\n%s\nuser:secret@host', 'lines that are none'],
  ])('R9: are read from %j: %s', async (text) => {
    const [list, one] = [await server(), await node()]
    list.on('GET /nacos/serverlist', { body: text.replaceAll('%s', one.address) })
    const transport = openTransport([], { addressServer: `http://${list.address}/nacos/serverlist` })
    await transport.list(ORDERS)
    expect(transport.describe().servers).toEqual([one.address])
    expect(transport.lines.join('\n')).not.toContain('secret')
  })

  it('R9: that cannot be had are an error that names the server and the key, until they can', async () => {
    const [list, one] = [await server(), await node()]
    const transport = openTransport([], { addressServer: `http://${list.address}/nacos/serverlist` })
    await expect(transport.list(ORDERS)).rejects.toThrow(
      new RegExp(
        `the address server http://${list.address}/nacos/serverlist: HTTP 404.*Check cloud\\.nacos\\.endpoint`,
      ),
    )
    list.on('GET /nacos/serverlist', { body: one.address })
    await vi.waitFor(async () => expect(await transport.list(ORDERS)).toEqual([]), { timeout: 3_000, interval: 100 })
  })

  it('R9: lead gRPC too, which leaves a node that is named no more', async () => {
    const [list, one, two] = [await server(), await node(), await node()]
    const grpc = await startScriptedServer()
    onTestFinished(() => grpc.close())
    grpc.setHosts('orders', [host(9001)])
    list.on('GET /nacos/serverlist', { body: `${one.address},${two.address}` })
    const { settings } = loadBootstrap(`cloud.nacos: { endpoint: "${list.address}" }
sidecar: { grpc-port: ${grpc.port} }`)
    const transport = createTransport({
      connection: connectionOf(settings.cloud.nacos, 'discovery'),
      settings,
      logger: collectLog(),
      registers: true,
    })
    onTestFinished(() => transport.close())
    const heard: number[][] = []
    transport.watchService!(ORDERS, (instances) => heard.push(instances.map(({ port }) => port)))
    await transport.list(ORDERS)
    await vi.waitFor(() => expect(heard.at(-1)).toEqual([9001]), 5_000)
    expect(transport.describe()).toMatchObject({ by: 'push', servers: [one.address, two.address].sort() })
  })
})
