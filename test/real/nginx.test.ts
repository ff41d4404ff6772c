import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { killChildren, startChild, type Child } from '../support/child.js'
import { ownPort } from '../support/own-port.js'
import { devRegistry } from '../support/registry.js'
import { tempFolder } from '../support/temp-folder.js'
import { nginxProgram, startNginx, type Nginx } from './servers/nginx.js'
import { cannotBeHad } from './support/on-server.js'
import { builtOrders, DEPLOY, startOrders } from './support/orders.js'
import { missingOf } from './support/setup.js'
import { plainSend, steadyLoad } from './support/steady-load.js'

const missing = await nginxProgram().then(() => undefined, missingOf)

describe('examples/deploy/nginx', () => {
  if (missing) return cannotBeHad(missing)
  let folder: string
  beforeAll(async () => void (folder = await builtOrders(afterAll)))
  afterAll(() => killChildren())

  async function nginxBefore(servers: readonly string[]): Promise<Nginx> {
    const nginx = await startNginx(tempFolder(), servers)
    onTestFinished(() => nginx.stop())
    return nginx
  }

  test('nginx -t: no error and no warning', async () => {
    const nginx = await nginxBefore(['127.0.0.1:9202', '127.0.0.1:9203'])
    const said = await nginx.check()
    expect(said).toContain('test is successful')
    expect(said).not.toMatch(/\[(warn|error|emerg)\]/)
  })

  test('a rolling restart behind a fixed list: 0 of 50,000 requests fail', { timeout: 400_000 }, async () => {
    const registry = await devRegistry()
    const ports = [await ownPort(), await ownPort(), await ownPort()]
    // What the page says for instances that only nginx calls.
    const start = (port: number) => startOrders(folder, registry, port, { SIDECAR_DRAIN: '5s' })
    const instances = await Promise.all(ports.map(start))
    const nginx = await nginxBefore(ports.map((port) => `127.0.0.1:${port}`))

    const load = steadyLoad([plainSend(nginx.url)])
    await load.reached(1_000)
    for (const [at, port] of ports.entries()) {
      instances[at]!.signal('SIGTERM')
      expect(await instances[at]!.exited).toEqual({ code: null, signal: 'SIGTERM' })
      instances[at] = await start(port)
      // Taken in again before the next one goes.
      const { pid } = instances[at]
      await expect.poll(() => [...load.seen.pids]).toContain(pid)
    }
    await load.reached(50_000)
    await load.stop()
    expect(load.seen.failed).toEqual([])
    expect(load.seen.pids.size).toBe(6)
  })

  test(
    'the list from the registry: instances come and go at other addresses, 0 requests fail',
    { timeout: 180_000 },
    async () => {
      const registry = await devRegistry()
      const start = async () => startOrders(folder, registry, await ownPort())
      const instances: Child[] = [await start()]
      const nginx = await nginxBefore(['127.0.0.1:1'])
      const follower = startChild(join(DEPLOY, 'nginx/follow.mjs'), {
        args: ['orders', nginx.upstreams],
        env: { NACOS_SERVER: registry.address, NGINX: nginx.command },
      })
      await follower.line(/^orders: 127/)
      const listed = () => [...readFileSync(nginx.upstreams, 'utf8').matchAll(/^server 127\S+/gm)].length

      // nginx before 1.27.4 closes the idle connections of its clients when it is reloaded: each request has its own.
      const sendLoad = () => steadyLoad([plainSend(nginx.url, { keepAlive: false })], { callers: 12 })
      // For about 100 ms after new workers have begun, the old ones take connections too, and know the old list only.
      const failedWhileReloading = async () => {
        const first = sendLoad()
        await first.reached(500)
        await first.stop()
        return first.seen.failed
      }
      await expect.poll(failedWhileReloading, { timeout: 20_000 }).toEqual([])

      const load = sendLoad()
      await load.reached(100)
      const { failed } = load.seen
      for (let round = 0; round < 2; round++) {
        const next = await start()
        await expect.poll(() => [...load.seen.pids]).toContain(next.pid)
        const previous = instances.at(-1)!
        instances.push(next)
        previous.signal('SIGTERM')
        // Gone from the list long before it refuses connections.
        await expect.poll(listed).toBe(1)
        expect(previous.process.exitCode).toBeNull()
        await previous.exited
      }
      await load.reached(2_000)
      await load.stop()
      expect(failed).toEqual([])

      // None left: nginx keeps what it has.
      const last = instances.at(-1)!
      const gone = once(registry, 'deregister')
      last.signal('SIGINT')
      await gone
      await last.exited
      expect(listed()).toBe(1)
      expect(await nginx.check()).toContain('successful')
    },
  )

  describe('what arrives', () => {
    interface Seen {
      readonly request: IncomingMessage
      readonly response: ServerResponse
    }

    /** An instance that does what the test says. */
    async function instance(answer: (seen: Seen) => void) {
      const server = createServer((request, response) => answer({ request, response }))
      const sockets = new WebSocketServer({ server })
      sockets.on('connection', (socket) => socket.on('message', (text) => socket.send(`echo ${String(text)}`)))
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      onTestFinished(() => (server.closeAllConnections(), void server.close()))
      return `127.0.0.1:${(server.address() as AddressInfo).port}`
    }

    test('host, address and scheme of the caller, which it cannot make up; the drain header does not leave', async () => {
      const nginx = await nginxBefore([
        await instance(({ request, response }) => {
          response.setHeader('x-sidecar-leaving', '12;10.0.0.1#9202')
          response.end(JSON.stringify(request.headers))
        }),
      ])
      const response = await fetch(`${nginx.url}/orders/1`, {
        headers: { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https', authorization: 'Bearer t' },
      })
      expect(response.headers.get('x-sidecar-leaving')).toBeNull()
      const headers = (await response.json()) as Record<string, string>
      expect(headers).toMatchObject({
        ...{ host: '127.0.0.1', 'x-forwarded-host': '127.0.0.1', 'x-forwarded-for': '127.0.0.1' },
        ...{ 'x-forwarded-proto': 'http', authorization: 'Bearer t' },
      })
      expect(headers).not.toHaveProperty('upgrade')
      expect(headers['connection']).not.toBe('close')
    })

    test('the connection to an instance is used again', async () => {
      const ports = new Set<number>()
      const nginx = await nginxBefore([
        await instance(({ request, response }) => {
          ports.add(request.socket.remotePort!)
          response.end()
        }),
      ])
      for (let i = 0; i < 20; i++) await (await fetch(`${nginx.url}/orders/${i}`)).text()
      // One for each worker.
      expect(ports.size).toBeLessThanOrEqual(2)
    })

    test('server-sent events: each as it comes, and the end too', async () => {
      const events: ServerResponse[] = []
      const nginx = await nginxBefore([
        await instance(({ response }) => {
          response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n')
          events.push(response)
        }),
      ])
      const response = await fetch(`${nginx.url}/events`)
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
      // The answer has not ended: buffered, it would not be here.
      expect((await reader.read()).value).toBe('data: 1\n\n')
      events[0]!.write('data: 2\n\n')
      expect((await reader.read()).value).toBe('data: 2\n\n')
      events[0]!.end()
      expect((await reader.read()).done).toBe(true)
    })

    test('WebSockets: both ways', async () => {
      const nginx = await nginxBefore([await instance(({ response }) => response.end())])
      const socket = new WebSocket(`ws://127.0.0.1:${nginx.port}/socket`)
      await once(socket, 'open')
      socket.send('hello')
      const [answer] = (await once(socket, 'message')) as [Buffer]
      expect(String(answer)).toBe('echo hello')
      socket.close()
      await once(socket, 'close')
    })

    test('the pages of the platform are not for callers from outside', async () => {
      const asked: string[] = []
      const nginx = await nginxBefore([
        await instance(({ request, response }) => {
          asked.push(request.url!)
          response.end()
        }),
      ])
      const paths = [
        '/actuator',
        '/actuator/prometheus',
        '/%61ctuator/env',
        '//actuator/health',
        '/_sidecar/',
        '/x/../actuator',
      ]
      for (const path of paths) expect((await fetch(nginx.url + path)).status, path).toBe(404)
      expect(asked).toEqual([])
      expect((await fetch(`${nginx.url}/actuators`)).status).toBe(200)
    })

    test('a GET that got no answer goes to the next instance; a POST that was sent goes to no other', async () => {
      const seen: string[] = []
      const breaking = await instance(({ request }) => {
        seen.push(`${request.method} broken`)
        request.socket.destroy()
      })
      const good = await instance(({ request, response }) => {
        seen.push(`${request.method} good`)
        response.end('good')
      })
      const ask = async (method: string) => {
        seen.length = 0
        // A fresh nginx knows of no failure, and asks the first one first.
        const nginx = await startNginx(tempFolder(), [breaking, good])
        const { status } = await fetch(nginx.url, { method }).finally(() => nginx.stop())
        return { status, seen: [...seen] }
      }
      expect(await ask('GET')).toEqual({ status: 200, seen: ['GET broken', 'GET good'] })
      expect(await ask('POST')).toEqual({ status: 502, seen: ['POST broken'] })
    })
  })
})
