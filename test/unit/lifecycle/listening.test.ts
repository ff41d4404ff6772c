import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import { createServer as createNetServer, type AddressInfo, type Server as NetServer } from 'node:net'
import { join } from 'node:path'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import {
  watchListening,
  type ListeningOptions,
  type ListeningServer,
  type ListeningWatch,
} from '../../../src/lifecycle/listening.js'
import { collectLog } from '../../support/collect.js'
import { ownPort } from '../../support/own-port.js'

const servers: NetServer[] = []
let watch: ListeningWatch
let log: ReturnType<typeof collectLog>
let found: ListeningServer[]
beforeEach(() => ((log = collectLog()), (found = [])))
afterEach(async () => {
  watch.close()
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))))
})

const start = (options: Partial<ListeningOptions> = {}) =>
  (watch = watchListening({ logger: log, settleMs: 60, onListening: (one) => found.push(one), ...options }))
const owner = (owned: () => NetServer) => ({ owns: (server: Server) => server === owned() })
const made = <T extends NetServer>(server: T): T => (servers.push(server), server)
const http = () => made(createServer((_, res) => res.end('ok')))
const listening = async <T extends NetServer>(server: T, port: number | string = 0, host?: string): Promise<T> => {
  await once(server.listen(port as number, host), 'listening')
  return server
}
const portOf = (server: NetServer) => (server.address() as AddressInfo).port
const settled = () => new Promise((resolve) => setTimeout(resolve, 150))

test('without an app: the first HTTP server, with its real port, once', async () => {
  start()
  const net = await listening(made(createNetServer()))
  const [first, second] = [await listening(http(), 0, '127.0.0.1'), await listening(http())]
  await vi.waitFor(() => expect(found).toHaveLength(1))
  await settled()
  expect(found).toEqual([{ server: first, port: portOf(first), host: '127.0.0.1', secure: false, http2Only: false }])
  expect([portOf(net), portOf(second)]).not.toContain(found[0]!.port)
})

test('without an app: the server on server.port, though it came later', async () => {
  const port = await ownPort()
  start({ port })
  await listening(http())
  const main = await listening(http(), port)
  await vi.waitFor(() => expect(found).toHaveLength(1))
  expect(found[0]).toMatchObject({ server: main, port })
})

test('without an app: the first one after all, where nothing comes on server.port', async () => {
  start({ port: 1 })
  const first = await listening(http())
  expect(found).toEqual([])
  await vi.waitFor(() => expect(found).toHaveLength(1))
  expect(found[0]!.server).toBe(first)
})

test('with an app: its server, not the metrics server before it', async () => {
  const main = http()
  start({ app: owner(() => main) })
  const metrics = await listening(http())
  await settled()
  expect(found).toEqual([])
  expect(log.lines.join()).toContain(`port ${portOf(metrics)} seems not to serve this app`)
  await listening(main)
  await vi.waitFor(() => expect(found.map((one) => one.server)).toEqual([main]))
})

test('with an app that is hidden in a closure: the server on server.port', async () => {
  const port = await ownPort()
  start({ port, app: { owns: () => false } })
  await listening(http())
  const main = await listening(http(), port)
  await vi.waitFor(() => expect(found.map((one) => one.server)).toEqual([main]))
})

test('an app that takes its server over after listen() in the same breath', async () => {
  const main = http()
  let owned = false
  start({ app: { owns: (server) => owned && server === main } })
  main.listen(0)
  owned = true
  await vi.waitFor(() => expect(found).toHaveLength(1))
})

test('a further server of the app is recognised', async () => {
  const further: Server[] = []
  start({ app: { owns: () => true }, onFurther: (server) => further.push(server) })
  const [a, b] = [await listening(http()), await listening(http())]
  await vi.waitFor(() => expect(further).toEqual([b]))
  expect(found.map((one) => one.server)).toEqual([a])
})

test('a server that listened before the watch began', async () => {
  const main = await listening(http())
  start({ app: owner(() => main) })
  await vi.waitFor(() => expect(found[0]!.server).toBe(main))
})

test('without an app, an earlier server waits for a later one', async () => {
  const [earlier, later] = [await listening(http()), http()]
  start()
  await listening(later)
  await vi.waitFor(() => expect(found.map((one) => one.server)).toEqual([later]))
  watch.close()
  found = []
  await new Promise((resolve) => later.close(resolve))
  servers.splice(servers.indexOf(later), 1)
  start()
  await vi.waitFor(() => expect(found.map((one) => one.server)).toEqual([earlier]))
})

test("the framework's own hook, and http2", async () => {
  const main = made(createHttp2Server()) as unknown as Server
  start({ app: { owns: () => false, onListening: (callback) => void main.once('listening', () => callback(main)) } })
  await listening(main)
  expect(found[0]).toMatchObject({ port: portOf(main), secure: false })
  watch.close()
  found = []
  start()
  const other = await listening(made(createHttp2Server()) as unknown as Server)
  await vi.waitFor(() => expect(found[0]!.server).toBe(other))
})

test('by hand, before or after it listens', async () => {
  const main = made(createNetServer())
  start({ app: { owns: () => false } })
  watch.announce(main)
  expect(found).toEqual([])
  await listening(main)
  expect(found[0]).toMatchObject({ server: main, port: portOf(main) })
})

test('a unix socket is not registered, with a warning', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'listen-'))
  const main = http()
  start({ app: owner(() => main) })
  await listening(main, join(dir, 's'))
  await vi.waitFor(() => expect(log.lines.join()).toMatch(/warn the app listens on the socket .*not registered/))
  expect(found).toEqual([])
  await new Promise((resolve) => servers.pop()!.close(resolve))
  await rm(dir, { recursive: true })
})

test('closed: nothing is found any more', async () => {
  start()
  const server = http()
  server.listen(0)
  watch.close()
  await once(server, 'listening')
  await settled()
  expect(found).toEqual([])
})
