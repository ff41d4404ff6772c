import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { openDirectory, registrySettings } from '../support/transport.js'
import { startScriptedRegistry } from '../support/scripted-registry.js'
import { host, startScriptedServer } from '../support/scripted-grpc-server.js'

/** A directory that hears of `orders` (one instance on port 9001) by push, and every port it ever believed in. */
async function follower() {
  const http = await startScriptedRegistry()
  onTestFinished(() => http.close())
  http.on('GET /nacos/v1/ns/instance/list', { body: { hosts: [host(9001)] } })
  const nacos = await startScriptedServer()
  onTestFinished(() => nacos.close())
  nacos.setHosts('orders', [host(9001)])
  const settings = registrySettings(http.address, {}, { grpcPort: nacos.port })
  const { transport, directory, names } = openDirectory(settings)
  const believed = new Set<number>()
  directory.watch('orders', ({ all }) => all.forEach(({ port }) => believed.add(port)))
  await vi.waitFor(() => expect(nacos.of('SubscribeServiceRequest')).toHaveLength(1), 10_000)
  await vi.waitFor(() => expect([...believed]).toEqual([9001]))
  const changes = () => names().filter((name) => name === 'instancesChanged').length
  /** A push as the server sends it, dated by itself or as asked. */
  const push = (ports: number[], at?: number, service = 'orders') =>
    nacos.push('NotifySubscriberRequest', {
      serviceInfo: nacos.serviceInfo(
        service,
        ports.map((port) => host(port)),
        at,
      ),
    })
  /** What was sent before has been worked off when this has been. */
  const settled = async (port: number) => {
    nacos.setHosts('orders', [host(port)])
    await vi.waitFor(() => expect(directory.peek('orders')!.all.map((one) => one.port)).toEqual([port]))
  }
  return { nacos, directory, believed, changes, push, settled, transport }
}

test('fault 45: a push that comes twice changes nothing', async () => {
  const { nacos, changes, push, settled, believed } = await follower()
  const at = (nacos.clock.now += 10)
  const before = changes()
  push([9001], at)
  push([9001], at)
  push([9001])
  await settled(9002)
  expect(changes()).toBe(before + 1)
  expect([...believed]).toEqual([9001, 9002])
})

test('fault 45: a push that was overtaken is not believed: the registry is asked', async () => {
  const { nacos, push, settled, believed, directory } = await follower()
  const old = nacos.clock.now
  await settled(9002)
  const asked = nacos.of('SubscribeServiceRequest').length
  push([9666], old)
  await vi.waitFor(() => expect(nacos.of('SubscribeServiceRequest').length).toBe(asked + 1))
  expect(directory.peek('orders')!.all.map(({ port }) => port)).toEqual([9002])
  await settled(9003)
  expect(believed).not.toContain(9666)
})

test('fault 45: a push of another service, or that is none, changes nothing', async () => {
  const { nacos, changes, push, settled, believed } = await follower()
  const before = changes()
  push([9666], undefined, 'users')
  nacos.push('NotifySubscriberRequest', { serviceInfo: { name: 'orders' } })
  nacos.push('NotifySubscriberRequest', { serviceInfo: { ...nacos.serviceInfo('orders', []), hosts: [{ ip: 7 }] } })
  nacos.pushBytes(Buffer.from('{"serviceInfo":'))
  await settled(9002)
  expect(changes()).toBe(before + 1)
  expect([...believed]).toEqual([9001, 9002])
})

test('fault 45: only the registry can push: no port listens, and a second connection is ignored', async () => {
  const before = process.getActiveResourcesInfo().filter((name) => /UDP|TCPServer/.test(name)).length
  const { nacos, settled, believed } = await follower()
  // The two servers of the test itself, and nothing of the client's: Nacos 1.x pushed over UDP.
  const listening = process.getActiveResourcesInfo().filter((name) => /UDP|TCPServer/.test(name)).length
  expect(listening - before).toBeLessThanOrEqual(2)
  const udp = createSocket('udp4')
  onTestFinished(() => void udp.close())
  udp.send(
    JSON.stringify({ type: 'dom', data: JSON.stringify(nacos.serviceInfo('orders', [host(9666)])) }),
    nacos.port,
    '127.0.0.1',
  )
  const tcp = connect(nacos.port, '127.0.0.1')
  onTestFinished(() => void tcp.destroy())
  tcp.write(JSON.stringify(nacos.serviceInfo('orders', [host(9666)])))
  await settled(9002)
  expect(believed).not.toContain(9666)
})
