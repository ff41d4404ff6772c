import {
  Server as GrpcJsServer,
  ServerCredentials,
  status as grpcStatus,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServiceDefinition,
} from '@grpc/grpc-js'
import { once } from 'node:events'
import { createServer, constants, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { openChannel, type Channel } from '../../../src/nacos/grpc/channel.js'
import { parseServerAddresses } from '../../../src/settings/server-address.js'
import { ownPort } from '../../support/own-port.js'
import { NO_TLS } from '../../support/transport.js'

const MAX_BYTES = 10 * 1024 * 1024
const never = () => new AbortController().signal

async function channelTo(port: number, maxMessageBytes = MAX_BYTES, signal = never()): Promise<Channel> {
  const [address] = parseServerAddresses(`127.0.0.1:${port}`).addresses
  const channel = await openChannel({ address: address!, tls: NO_TLS, maxMessageBytes }, signal)
  onTestFinished(() => channel.close())
  return channel
}

/** Never the same byte twice in a row, so that a part in the wrong place shows. */
function bytes(length: number): Buffer {
  const filled = Buffer.alloc(length)
  for (let at = 0; at < length; at++) filled[at] = (at * 31 + (at >> 8)) % 251
  return filled
}

const same = (value: Buffer) => value
const codec = { requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same }
const ECHO: ServiceDefinition = {
  request: { path: '/Request/request', requestStream: false, responseStream: false, ...codec },
  stream: { path: '/BiRequestStream/requestBiStream', requestStream: true, responseStream: true, ...codec },
}

type Unary = ServerUnaryCall<Buffer, Buffer>
type Answer = (error: object | null, value?: Buffer) => void

/** Google's own server. What it is asked for it sends back, unless `request` says otherwise. */
async function grpcJs(request: (call: Unary, answer: Answer) => void = (call, answer) => answer(null, call.request)) {
  const server = new GrpcJsServer({ 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 })
  server.addService(ECHO, {
    request,
    stream(stream: ServerDuplexStream<Buffer, Buffer>) {
      stream.on('data', (message: Buffer) => stream.write(message))
      stream.on('end', () => stream.end())
      stream.on('error', () => {})
    },
  })
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  )
  onTestFinished(() => server.forceShutdown())
  return { server, port }
}

describe('with the server of grpc-js', () => {
  it.each([0, 1, 16_384, 70_000, 3_000_000, MAX_BYTES - 100])(
    'carries %i bytes both ways, by call and stream',
    async (length) => {
      const { port } = await grpcJs()
      const channel = await channelTo(port)
      const message = bytes(length)
      expect(message.equals(await channel.call(message, never()))).toBe(true)
      const echoed: Buffer[] = []
      const write = channel.stream(
        (received) => echoed.push(received),
        () => {},
      )
      write(message)
      write(Buffer.from('next'))
      await vi.waitFor(() => expect(echoed).toHaveLength(2), 20_000)
      expect(message.equals(echoed[0]!)).toBe(true)
      expect(echoed[1]!.toString()).toBe('next')
    },
  )

  it('carries many calls at once, more than a server takes at a time', async () => {
    const { port } = await grpcJs()
    const channel = await channelTo(port)
    const sent = Array.from({ length: 500 }, (_, at) => Buffer.from(`message ${at}`))
    const answers = await Promise.all(sent.map((message) => channel.call(message, never())))
    expect(answers.map(String)).toEqual(sent.map(String))
  })

  it('reports why a call failed, also in Chinese', async () => {
    const { port } = await grpcJs((_call, answer) =>
      answer({ code: grpcStatus.PERMISSION_DENIED, details: '没有权限 100%' }),
    )
    const channel = await channelTo(port)
    await expect(channel.call(bytes(1), never())).rejects.toMatchObject({
      code: 7,
      message: '没有权限 100% (gRPC status 7)',
    })
  })

  it('reports a method that does not exist', async () => {
    const server = new GrpcJsServer()
    const port = await new Promise<number>((resolve) =>
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_error, bound) => resolve(bound)),
    )
    onTestFinished(() => server.forceShutdown())
    const channel = await channelTo(port)
    await expect(channel.call(bytes(1), never())).rejects.toMatchObject({ code: grpcStatus.UNIMPLEMENTED })
    const ended = new Promise<Error>((resolve) => channel.stream(() => {}, resolve))
    expect(await ended).toMatchObject({ code: grpcStatus.UNIMPLEMENTED })
  })

  it('ends a call with its signal, on the server as well', async () => {
    const calls: Unary[] = []
    const { port } = await grpcJs((call) => void calls.push(call))
    const channel = await channelTo(port)
    const controller = new AbortController()
    const reason = new Error('enough')
    const rejected = expect(channel.call(bytes(10), controller.signal)).rejects.toBe(reason)
    await vi.waitFor(() => expect(calls).toHaveLength(1))
    controller.abort(reason)
    await rejected
    await vi.waitFor(() => expect(calls[0]!.cancelled).toBe(true))
    await expect(channel.call(bytes(10), controller.signal)).rejects.toBe(reason)
  })

  it('lets the calls finish that the server took before it shuts down, and then gives up the connection', async () => {
    const answers: (() => void)[] = []
    const { server, port } = await grpcJs((call, answer) => void answers.push(() => answer(null, call.request)))
    const channel = await channelTo(port)
    const ended = new Promise<Error>((resolve) => channel.stream(() => {}, resolve))
    const call = channel.call(Buffer.from('last'), never())
    await vi.waitFor(() => expect(answers).toHaveLength(1))
    server.tryShutdown(() => {})
    setTimeout(answers[0]!, 50)
    expect(String(await call)).toBe('last')
    expect((await ended).message).toMatch(/GOAWAY/)
    await expect(channel.call(bytes(1), never())).rejects.toMatchObject({ code: grpcStatus.UNAVAILABLE })
  })

  it('does not wait long for them', async () => {
    const { server, port } = await grpcJs(() => {})
    const channel = await channelTo(port)
    const ended = new Promise<Error>((resolve) => channel.stream(() => {}, resolve))
    channel.call(bytes(1), never()).catch(() => {})
    await new Promise((resolve) => setImmediate(resolve))
    const from = performance.now()
    server.tryShutdown(() => {})
    await ended
    expect(performance.now() - from).toBeLessThan(1_500)
  })

  it('notices a server that is cut off, in calls and stream', async () => {
    const { server, port } = await grpcJs(() => {})
    const channel = await channelTo(port)
    const ended = new Promise<Error>((resolve) => channel.stream(() => {}, resolve))
    const call = channel.call(bytes(1), never())
    server.forceShutdown()
    await expect(call).rejects.toMatchObject({ code: grpcStatus.UNAVAILABLE })
    expect(await ended).toBeInstanceOf(Error)
    await expect(channel.call(bytes(1), never())).rejects.toMatchObject({ code: grpcStatus.UNAVAILABLE })
  })
})

/** A server that says what a test tells it to, byte by byte. */
async function raw(onStream: (stream: ServerHttp2Stream, session: ServerHttp2Session) => void) {
  const server: Http2Server = createServer()
  const sessions = new Set<ServerHttp2Session>()
  server.on('session', (session) => {
    sessions.add(session)
    session.on('error', () => {})
  })
  server.on('stream', (stream) => {
    stream.on('error', () => {})
    stream.resume()
    onStream(stream, stream.session as ServerHttp2Session)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const session of sessions) session.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

const GRPC = { ':status': 200, 'content-type': 'application/grpc' }
const framed = (message: Buffer, flag = 0) => {
  const head = Buffer.alloc(5)
  head[0] = flag
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}
/** Answers with these bytes and these trailers. */
const answer =
  (parts: readonly Buffer[], trailers: Record<string, string> = { 'grpc-status': '0' }, headers: object = GRPC) =>
  (stream: ServerHttp2Stream) => {
    stream.respond({ ...headers }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers(trailers))
    for (const part of parts) stream.write(part)
    stream.end()
  }

describe('with a server at the edge of the protocol', () => {
  const call = async (port: number, max?: number) => (await channelTo(port, max)).call(Buffer.from('?'), never())

  it('reads a message that comes byte by byte', async () => {
    const whole = framed(Buffer.from('hello'))
    const port = await raw(answer([...whole].map((byte) => Buffer.from([byte]))))
    expect(String(await call(port))).toBe('hello')
  })

  it('reads two pushes out of one frame, and one out of two', async () => {
    const two = Buffer.concat([framed(Buffer.from('one')), framed(Buffer.from('two'))])
    const port = await raw((stream) => {
      stream.respond(GRPC)
      stream.write(two.subarray(0, 11))
      setTimeout(() => stream.write(two.subarray(11)), 20)
    })
    const messages: string[] = []
    const channel = await channelTo(port)
    channel.stream(
      (message) => messages.push(String(message)),
      () => {},
    )
    await vi.waitFor(() => expect(messages).toEqual(['one', 'two']))
  })

  it.each([
    ['an error without a body', { ...GRPC, 'grpc-status': '14', 'grpc-message': 'busy%3A later' }, 14, /^busy: later/],
    [
      'a message that is not percent-encoded',
      { ...GRPC, 'grpc-status': '2', 'grpc-message': '100% wrong' },
      2,
      /100% wrong/,
    ],
    ['a status that is no number', { ...GRPC, 'grpc-status': 'bad' }, 2, /no reason given/],
    ['status 0 without a message', { ...GRPC, 'grpc-status': '0' }, 13, /without a message/],
    ['a page of a proxy', { ':status': 503, 'content-type': 'text/html' }, 14, /HTTP status 503.*text\/html/],
    ['a page of another server', { ':status': 404, 'content-type': 'text/html' }, 12, /HTTP status 404/],
    ['a page that is fine', { ':status': 200, 'content-type': 'text/html' }, 2, /not gRPC/],
  ])('takes %s for what it is', async (_what, headers, code, message) => {
    const port = await raw((stream) => stream.respond(headers, { endStream: true }))
    await expect(call(port)).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string })
  })

  it.each([
    ['a compressed message', answer([framed(Buffer.from('x'), 1)]), 13, /compressed/],
    [
      'an answer that ends inside a message',
      answer([framed(Buffer.from('hello')).subarray(0, 7)]),
      13,
      /inside a message/,
    ],
    ['an answer that ends inside a length', answer([Buffer.from([0, 0])]), 13, /inside a message/],
    ['a message above the cap before it comes', answer([Buffer.from([0, 0xff, 0xff, 0xff, 0xff])]), 8, /limit is 1000/],
    ['an answer without a status', answer([framed(Buffer.from('x'))], {}), 14, /without a status/],
    [
      'an error after a message',
      answer([framed(Buffer.from('x'))], { 'grpc-status': '13', 'grpc-message': 'late' }),
      13,
      /late/,
    ],
    [
      'a page with a body',
      answer([Buffer.from('<html>')], {}, { ':status': 502, 'content-type': 'text/html' }),
      14,
      /502/,
    ],
  ])('refuses %s', async (_what, script, code, message) => {
    const port = await raw(script)
    await expect(call(port, 1_000)).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string })
  })

  it.each([
    ['refuses the stream', constants.NGHTTP2_REFUSED_STREAM],
    ['cancels it', constants.NGHTTP2_CANCEL],
    ['breaks inside', constants.NGHTTP2_INTERNAL_ERROR],
    ['has enough', constants.NGHTTP2_ENHANCE_YOUR_CALM],
    ['just closes it', constants.NGHTTP2_NO_ERROR],
  ])('takes a server that %s for one that is not there', async (_what, code) => {
    const port = await raw((stream) => stream.close(code))
    await expect(call(port)).rejects.toMatchObject({ code: 14 })
  })

  it('takes an answer that comes before the whole question', async () => {
    const port = await raw((stream) => {
      // Reads nothing more, so that our side can never finish.
      stream.pause()
      answer([framed(Buffer.from('early'))])(stream)
    })
    const channel = await channelTo(port)
    expect(String(await channel.call(bytes(2_000_000), never()))).toBe('early')
  })

  it('is not held up by a server that drops the call while we send', async () => {
    const port = await raw((stream) => {
      stream.respond(GRPC)
      stream.end(framed(Buffer.from('half')))
      stream.on('finish', () => stream.close(constants.NGHTTP2_NO_ERROR))
    })
    const channel = await channelTo(port)
    await expect(channel.call(bytes(2_000_000), never())).rejects.toMatchObject({ code: 14 })
  })

  it('ends where the session breaks, and ends the stream', async () => {
    const port = await raw((_stream, session) => session.goaway(constants.NGHTTP2_INTERNAL_ERROR))
    const channel = await channelTo(port)
    const ended = new Promise<Error>((resolve) => channel.stream(() => {}, resolve))
    expect(await ended).toBeInstanceOf(Error)
    await expect(channel.call(bytes(1), never())).rejects.toMatchObject({ code: 14 })
  })

  it('does not send what is above the cap', async () => {
    let streams = 0
    const channel = await channelTo(await raw(() => streams++), 1_000)
    await expect(channel.call(bytes(1_001), never())).rejects.toMatchObject({ code: 8 })
    expect(streams).toBe(0)
  })
})

describe('before a connection stands', () => {
  async function tcp(onSocket: (socket: Socket) => void) {
    const sockets = new Set<Socket>()
    const server = createTcpServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => sockets.delete(socket))
      onSocket(socket)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    return { port: (server.address() as AddressInfo).port, sockets }
  }

  it('rejects where nothing listens', async () => {
    await expect(channelTo(await ownPort())).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('rejects where another protocol answers, or the socket is closed', async () => {
    const http = await tcp((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    await expect(channelTo(http.port)).rejects.toBeInstanceOf(Error)
    const mute = await tcp((socket) => socket.end())
    await expect(channelTo(mute.port)).rejects.toBeInstanceOf(Error)
  })

  it('rejects with its signal where nothing answers, and leaves no socket', async () => {
    const mute = await tcp((socket) => socket.resume())
    const controller = new AbortController()
    const reason = new Error('enough')
    const opening = expect(channelTo(mute.port, MAX_BYTES, controller.signal)).rejects.toBe(reason)
    await vi.waitFor(() => expect(mute.sockets.size).toBe(1))
    controller.abort(reason)
    await opening
    await vi.waitFor(() => expect(mute.sockets.size).toBe(0))
    await expect(channelTo(mute.port, MAX_BYTES, controller.signal)).rejects.toBe(reason)
  })
})
