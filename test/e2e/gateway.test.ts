import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import { killChildren } from '../support/child.js'
import { quietRegistry, registerPort } from '../support/gateway.js'
import { duration } from '../support/scale.js'
import { startScript } from '../support/script.js'

afterEach(killChildren)

const MB = 1024 * 1024
const SIZE = duration(200, 128) * MB
/** Of buffers in flight, and what the collector leaves: far from the size of a body. */
const FLAT = 40 * MB

const GATEWAY = `
import { createServer } from 'node:http'
import { createSidecar } from 'nacos-sidecar'
const sidecar = createSidecar({ configPath: false, signals: false, settings: JSON.parse(process.env.SETTINGS) })
await sidecar.ready
const server = createServer(sidecar.proxy('user-service'))
server.listen(0, '127.0.0.1', () => say('up', { port: server.address().port }))
let peak = 0
setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 5)
process.on('message', ({ type }) => {
  const { user, system } = process.cpuUsage()
  process.send({ type, peak, cpuMs: (user + system) / 1000 })
  peak = 0
})`

test('a large body goes up, and one comes down, in flat memory, also to a slow side', async () => {
  const registry = await quietRegistry()
  const chunk = Buffer.alloc(64 * 1024, 1)
  const sizes: number[] = []
  const service = createServer((request, response) => {
    if (request.method === 'GET') return void stream(response, Number(request.url!.slice(1)))
    let size = 0
    // It reads, pauses, reads: the client must wait for it.
    let untilPause = 4 * MB
    request.on('data', ({ length }: Buffer) => {
      size += length
      if ((untilPause -= length) > 0) return
      untilPause = 4 * MB
      request.pause()
      setTimeout(() => request.resume(), 10)
    })
    request.on('end', () => (sizes.push(size), response.end(String(size))))
  })
  function stream(to: NodeJS.WritableStream, left: number): void {
    while (left > 0) {
      left -= chunk.length
      if (!to.write(chunk)) return void to.once('drain', () => stream(to, left))
    }
    to.end()
  }
  await once(service.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void service.close().closeAllConnections())
  await registerPort(registry, (service.address() as AddressInfo).port)
  const settings = registry.settings({
    'cloud.nacos.discovery.register-enabled': false,
    'cloud.nacos.config.enabled': false,
  })
  const gateway = startScript(GATEWAY, { env: { SETTINGS: JSON.stringify(settings) } })
  const { port } = await gateway.message<{ port: number }>('up')

  const send = (method: string, path: string) => httpRequest({ port, host: '127.0.0.1', method, path, agent: false })
  async function upload(size: number): Promise<void> {
    const sent = send('POST', '/up')
    stream(sent, size)
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    await once(response.resume(), 'end')
  }
  async function download(size: number): Promise<number> {
    const [response] = (await once(send('GET', `/${size}`).end(), 'response')) as [IncomingMessage]
    let got = 0
    let untilPause = 4 * MB
    response.on('data', ({ length }: Buffer) => {
      got += length
      if ((untilPause -= length) > 0) return
      untilPause = 4 * MB
      response.pause()
      setTimeout(() => response.resume(), 10)
    })
    await once(response, 'end')
    return got
  }
  let asked = 0
  const measure = () => {
    const type = `measured ${++asked}`
    gateway.send({ type })
    return gateway.message<{ peak: number; cpuMs: number }>(type)
  }

  // Code that is loaded and compiled, and the heap of a process under load.
  await upload(64 * MB)
  await download(64 * MB)
  const warm = await measure()
  await upload(SIZE)
  const up = await measure()
  expect(await download(SIZE)).toBe(SIZE)
  const down = await measure()
  expect(sizes.at(-1)).toBe(SIZE)
  expect(up.peak - warm.peak).toBeLessThan(FLAT)
  expect(down.peak - warm.peak).toBeLessThan(FLAT)
  // Bytes are handed on, not worked on.
  const cpuMsPerMb = (down.cpuMs - warm.cpuMs) / ((2 * SIZE) / MB)
  expect(cpuMsPerMb).toBeLessThan(25)
})
