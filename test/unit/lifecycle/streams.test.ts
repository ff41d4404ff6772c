import { once } from 'node:events'
import { createServer, get, type IncomingMessage, type Server } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLifecycle, type Lifecycle } from '../../../src/lifecycle/lifecycle.js'
import { collectLog } from '../../support/collect.js'
import { listedMember } from '../../support/listed-member.js'

describe('K18: WebSockets and event streams at a stop', () => {
  let server: Server
  let lifecycle: Lifecycle
  let events: unknown[]
  const sockets: Socket[] = []

  async function start(endStreams: boolean, finishTimeoutMs: number): Promise<number> {
    server = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n')
    })
    events = []
    const registered = new Promise<void>((resolve) => {
      lifecycle = createLifecycle({
        ...{ drain: { atLeastMs: 0, atMostMs: 0, quietMs: 0 }, deregisterTimeoutMs: 500, signals: false },
        ...{ endStreams, finishTimeoutMs },
        logger: collectLog(),
        emit: (event: string, ...more: unknown[]) => void events.push([event, ...more]),
        member: listedMember(() => resolve()),
        closeClients: async () => {},
      })
      lifecycle.start({ app: { framework: 'test', owns: (one) => one === server } })
    })
    // After the sidecar, as apps do it, and with the least of a handshake.
    server.on('upgrade', (_request, socket: Socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n')
      sockets.push(socket)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    await registered
    return (server.address() as AddressInfo).port
  }

  async function openWebSocket(port: number): Promise<{ received: () => Buffer; closed: Promise<unknown> }> {
    const client = connect(port, '127.0.0.1').on('error', () => {})
    const closed = once(client, 'close')
    client.write('GET /ws HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n')
    await once(client, 'data')
    let received = Buffer.alloc(0)
    client.on('data', (chunk) => (received = Buffer.concat([received, chunk])))
    return { received: () => received, closed }
  }

  beforeEach(() => sockets.splice(0))
  afterEach(async () => {
    await lifecycle.stop({ drain: false })
    server.closeAllConnections()
  })

  it('K18: an event notifies the app, which ends its own streams; nothing waits longer', async () => {
    const port = await start(false, 5_000)
    const { closed } = await openWebSocket(port)
    const began = performance.now()
    const stopped = lifecycle.stop()
    while (!events.some((event) => (event as unknown[])[0] === 'closing'))
      await new Promise((next) => setImmediate(next))
    expect(events).toContainEqual(['closing', { connections: 1, forMs: 5_000 }])
    for (const socket of sockets) socket.end()
    await Promise.all([stopped, closed])
    expect(performance.now() - began).toBeLessThan(4_000)
  })

  it('K18: with end-streams a WebSocket gets a close frame, an event stream its end', async () => {
    const port = await start(true, 8_000)
    const { received, closed } = await openWebSocket(port)
    const [stream] = (await once(get({ port }), 'response')) as [IncomingMessage]
    const ended = once(stream.resume(), 'end')
    const began = performance.now()
    await Promise.all([lifecycle.stop(), ended, closed])
    expect(received()).toEqual(Buffer.from([0x88, 0x02, 0x03, 0xe9]))
    expect(performance.now() - began).toBeLessThan(6_000)
    expect(events).toContainEqual(['closing', { connections: 2, forMs: 8_000 }])
  })

  it('K18: what nothing ends is cut at the bound', async () => {
    const port = await start(false, 300)
    const { closed } = await openWebSocket(port)
    const began = performance.now()
    await Promise.all([lifecycle.stop(), closed])
    expect(performance.now() - began).toBeLessThan(3_000)
  })
})
