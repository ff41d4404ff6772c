import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { NacosNamingClient } from 'nacos'
import type { DevServer } from 'nacos-sidecar/testing'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { devRegistry, form } from '../../support/registry.js'

interface Pushed {
  type: string
  lastRefTime: number
  data: { name: string; clusters: string; hosts: { port: number; instanceId: string }[] }
  gzip: boolean
}

/** What an SDK of Nacos 1.x does for its pushes: it listens, says its port in list requests, and acknowledges. */
async function udpClient({ acknowledges = true } = {}) {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  onTestFinished(() => void socket.close())
  const { port } = socket.address() as AddressInfo
  const pushed: Pushed[] = []
  socket.on('message', (bytes, from) => {
    const gzip = bytes[0] === 0x1f && bytes[1] === 0x8b
    const packet = JSON.parse((gzip ? gunzipSync(bytes) : bytes).toString('utf8')) as Pushed & { data: string }
    pushed.push({ ...packet, data: JSON.parse(packet.data) as Pushed['data'], gzip })
    const acknowledgement = { type: 'push-ack', lastRefTime: packet.lastRefTime, data: '' }
    if (acknowledges) socket.send(JSON.stringify(acknowledgement), from.port, from.address)
  })
  const list = (registry: DevServer, agent: string, more = {}) =>
    form(
      registry,
      'GET',
      '/v1/ns/instance/list',
      { serviceName: 's', udpPort: port, clientIP: '127.0.0.1', ...more },
      { 'User-Agent': agent },
    )
  return { pushed, list }
}

const JAVA = 'Nacos-Java-Client:v1.4.1'

const register = (registry: DevServer, port: number, more = {}) =>
  form(registry, 'POST', '/v1/ns/instance', { ip: '127.0.0.1', port, serviceName: 's', ...more })

describe('a change', () => {
  it('J12: is pushed by UDP to an SDK of Nacos 1.x', async () => {
    const registry = await devRegistry()
    const { pushed, list } = await udpClient()
    await register(registry, 1)
    await list(registry, JAVA)
    await register(registry, 2, { metadata: JSON.stringify({ note: 'x'.repeat(800) }) })
    await vi.waitFor(() => expect(pushed.at(-1)?.data.hosts).toHaveLength(2))
    const both = pushed.at(-1)!
    expect(both).toMatchObject({ type: 'dom', gzip: true, data: { name: 'DEFAULT_GROUP@@s', clusters: '' } })
    expect(both.data.hosts.map(({ port }) => port).sort()).toEqual([1, 2])
    expect(both.data.hosts.map(({ instanceId }) => instanceId)).toContain('127.0.0.1#1#DEFAULT#DEFAULT_GROUP@@s')
    await form(registry, 'DELETE', '/v1/ns/instance', { ip: '127.0.0.1', port: 2, serviceName: 's' })
    await vi.waitFor(() => expect(pushed.at(-1)?.data.hosts).toHaveLength(1))
    // One instance fits in what Nacos sends as it is.
    expect(pushed.at(-1)).toMatchObject({ gzip: false, data: { hosts: [{ port: 1 }] } })
    expect(pushed.at(-1)!.lastRefTime).toBeGreaterThan(both.lastRefTime)
  })

  it('J12: is pushed for the clusters that were asked for', async () => {
    const registry = await devRegistry()
    const { pushed, list } = await udpClient()
    await list(registry, JAVA, { clusters: 'A' })
    await register(registry, 1)
    await register(registry, 2, { clusterName: 'A' })
    await vi.waitFor(() => expect(pushed.at(-1)?.data).toMatchObject({ clusters: 'A', hosts: [{ port: 2 }] }))
  })

  it('J12: that is not acknowledged is pushed once more', async () => {
    const registry = await devRegistry({ udpTimes: { ackTimeoutMs: 500 } })
    const deaf = await udpClient({ acknowledges: false })
    const heard = await udpClient()
    for (const { list } of [deaf, heard]) await list(registry, JAVA)
    await register(registry, 1)
    await vi.waitFor(() => expect(deaf.pushed).toHaveLength(2))
    expect(deaf.pushed[1]).toEqual(deaf.pushed[0])
    // The next one, that of both, comes after what the first might have been told again.
    await register(registry, 2)
    await vi.waitFor(() => expect(heard.pushed.at(-1)!.data.hosts).toHaveLength(2))
    expect(heard.pushed).toHaveLength(2)
  })

  it.each([
    ['Nacos-Java-Client:v1.4.1', true],
    ['Nacos-Go-Client:v1.0.0', true],
    ['Nacos-CSharp-Client:v0.9.0', true],
    ['Nacos-C-Client:v1.0.11', false],
    ['Nacos-C-Client:v1.1.0', true],
    ['Nacos-NodeJS-Client:v1.0', false],
    ['Nacos-Java-Client', false],
    ['nacos-sidecar/1.0', false],
  ])('J12: is told to %s: %s', async (agent, told) => {
    const registry = await devRegistry()
    const asked = await udpClient()
    const known = await udpClient()
    await asked.list(registry, agent)
    await known.list(registry, JAVA)
    await register(registry, 1)
    // In the order in which they asked: what was to be told to the first is there with the second.
    await vi.waitFor(() => expect(known.pushed).toHaveLength(1))
    expect(asked.pushed).toHaveLength(told ? 1 : 0)
  })

  it('J12: is not pushed to a client that stopped asking', async () => {
    let nowMs = 0
    const registry = await devRegistry({ clock: () => nowMs })
    const gone = await udpClient()
    const asking = await udpClient()
    for (const { list } of [gone, asking]) await list(registry, JAVA)
    nowMs += 6_000
    await asking.list(registry, JAVA)
    nowMs += 6_000
    await register(registry, 1)
    await vi.waitFor(() => expect(asking.pushed).toHaveLength(1))
    expect(gone.pushed).toEqual([])
  })
})

it('J12: the npm SDK gets a change long before its next poll', async () => {
  const registry = await devRegistry()
  const logger = { ...console, debug() {}, info() {}, log() {}, warn() {}, error() {} }
  const naming = new NacosNamingClient({ logger, serverList: registry.address, namespace: 'public' })
  await naming.ready()
  onTestFinished(() => (naming as unknown as { close(): Promise<void> }).close())
  const heard: number[][] = []
  naming.subscribe('s', (hosts: { port: number }[]) => heard.push(hosts.map(({ port }) => port)))
  await register(registry, 1)
  await vi.waitFor(() => expect(heard.at(-1)).toEqual([1]))
  const startedMs = performance.now()
  await register(registry, 2)
  await vi.waitFor(() => expect(heard.at(-1)?.length).toBe(2), { interval: 5 })
  // It polls every 10 s.
  expect(performance.now() - startedMs).toBeLessThan(3_000)
})
