import { Client, compressionAlgorithms, credentials, status, type ServiceError } from '@grpc/grpc-js'
import { once } from 'node:events'
import { connect as connectHttp2, constants, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2'
import { connect, createServer, type AddressInfo } from 'node:net'
import { startDevServer } from 'nacos-sidecar/dev-server'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { serveGrpc } from '../../../src/dev-server/grpc/http2.js'
import { protoDecode, protoEncode } from '../../support/grpc-proto.js'
import { rawClient } from './grpc-client.js'

const UNARY = '/Request/request'
const STREAM = '/BiRequestStream/requestBiStream'
const same = (value: Buffer) => value

/** A server that sends every payload back; `gone` counts the streams that ended. */
async function echo() {
  const seen = { gone: 0 }
  const server = createServer((socket) => {
    socket.on('error', () => {})
    serveGrpc(socket, {
      request: (payload) => payload,
      requestBiStream: (stream) => ({ onPayload: (payload) => stream.send(payload), onGone: () => void seen.gone++ }),
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return { port: (server.address() as AddressInfo).port, seen }
}

/** Google's own client, with messages as bytes. */
function grpcJs(port: number, options: object = {}) {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
    ...options,
  })
  onTestFinished(() => client.close())
  const call = (bytes: Buffer, path = UNARY) =>
    new Promise<Buffer>((resolve, reject) =>
      client.makeUnaryRequest(path, same, same, bytes, (error: ServiceError | null, answer?: Buffer) =>
        error ? reject(error) : resolve(answer!),
      ),
    )
  return { client, call }
}

const payload = (value: Buffer) =>
  protoEncode({ metadata: { type: 'Echo', clientIp: '', headers: { 城: '杭州' } }, body: { type_url: '', value } })

function bytes(length: number): Buffer {
  const filled = Buffer.alloc(length)
  for (let at = 0; at < length; at++) filled[at] = (at * 31 + (at >> 8)) % 251
  return filled
}

describe('with the client of grpc-js', () => {
  it.each([0, 1, 16_384, 70_000, 3_000_000, 10 * 1024 * 1024 - 100])('carries %i bytes both ways', async (length) => {
    const { port } = await echo()
    const { client, call } = grpcJs(port)
    const sent = bytes(length)
    const answer = protoDecode(await call(payload(sent)))
    expect(sent.equals(answer.body.value)).toBe(true)
    expect(answer.metadata).toMatchObject({ type: 'Echo', headers: { 城: '杭州' } })

    const stream = client.makeBidiStreamRequest(STREAM, same, same)
    const echoed: Buffer[] = []
    stream.on('data', (message: Buffer) => echoed.push(protoDecode(message).body.value)).on('error', () => {})
    stream.write(payload(sent))
    stream.write(payload(Buffer.from('next')))
    await vi.waitFor(() => expect(echoed).toHaveLength(2), 20_000)
    expect(sent.equals(echoed[0]!)).toBe(true)
    stream.cancel()
  })

  it('answers many calls at once', async () => {
    const { port } = await echo()
    const { call } = grpcJs(port)
    const answers = await Promise.all(Array.from({ length: 500 }, (_, at) => call(payload(Buffer.from(`${at}`)))))
    expect(answers.map((answer) => Number(protoDecode(answer).body.value.toString()))).toEqual([...answers.keys()])
  })

  it('ends a stream with status 0 once the client has ended it', async () => {
    const { port, seen } = await echo()
    const stream = grpcJs(port).client.makeBidiStreamRequest(STREAM, same, same)
    const said = once(stream, 'status') as Promise<[{ code: number }]>
    stream.resume()
    stream.write(payload(Buffer.from('x')))
    stream.end()
    expect((await said)[0].code).toBe(status.OK)
    expect(seen.gone).toBeGreaterThan(0)
  })

  it('notices a stream that is cancelled', async () => {
    const { port, seen } = await echo()
    const stream = grpcJs(port).client.makeBidiStreamRequest(STREAM, same, same)
    stream.on('error', () => {})
    stream.write(payload(Buffer.from('x')))
    await once(stream, 'data')
    expect(seen.gone).toBe(0)
    stream.cancel()
    await vi.waitFor(() => expect(seen.gone).toBeGreaterThan(0))
  })

  it.each([
    ['an unknown method', {}, payload(Buffer.from('x')), '/Request/other', status.UNIMPLEMENTED, /no method .*other/],
    ['a message that is no payload', {}, Buffer.from([0x0f]), UNARY, status.INTERNAL, /wire type 7/],
    ['a message above the cap', {}, Buffer.alloc(10 * 1024 * 1024 + 1), UNARY, status.RESOURCE_EXHAUSTED, /the limit/],
    [
      'a compressed message',
      { 'grpc.default_compression_algorithm': compressionAlgorithms.gzip },
      payload(Buffer.alloc(2_000)),
      UNARY,
      status.UNIMPLEMENTED,
      /Compressed/,
    ],
  ])('refuses %s, and stays', async (_what, options, message, path, code, details) => {
    const { port } = await echo()
    const { call } = grpcJs(port, options)
    await expect(call(message, path)).rejects.toMatchObject({ code, details: expect.stringMatching(details) as string })
    expect(protoDecode(await grpcJs(port).call(payload(Buffer.from('ok')))).body.value.toString()).toBe('ok')
  })

  it('refuses on a stream what it cannot read', async () => {
    const { port } = await echo()
    const stream = grpcJs(port).client.makeBidiStreamRequest(STREAM, same, same)
    const failed = once(stream, 'error') as Promise<[ServiceError]>
    stream.write(Buffer.from([0x0f]))
    stream.resume()
    expect((await failed.catch((error: unknown) => [error as ServiceError]))[0]).toMatchObject({
      code: status.INTERNAL,
    })
  })

  it('ends the streams of a registry that stops in good order', async () => {
    const registry = await startDevServer({ port: 0 })
    const client = await rawClient(registry).connect()
    await registry.stop()
    await vi.waitFor(() => expect(client.ended).toBe('end'))
  })
})

describe('with something else', () => {
  /** What comes back for these headers and bytes. */
  async function ask(port: number, headers: Record<string, string>, body: Buffer) {
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    onTestFinished(() => session.destroy())
    const stream: ClientHttp2Stream = session.request({
      ':method': 'POST',
      'content-type': 'application/grpc',
      ...headers,
    })
    stream.resume().on('error', () => {})
    const answered = once(stream, 'response') as Promise<[IncomingHttpHeaders]>
    if (!stream.writableEnded) stream.end(body)
    const [answer] = await answered
    return answer
  }

  it.each([
    ['no message', Buffer.alloc(0), /no message/i],
    ['a message that is cut short', Buffer.from([0, 0, 0, 0, 9, 1]), /cut short/],
    ['a length that is cut short', Buffer.from([0, 0]), /cut short/],
  ])('refuses %s', async (_what, body, why) => {
    const { port } = await echo()
    const headers = await ask(port, { ':path': UNARY }, body)
    expect(headers['grpc-status']).toBe('13')
    expect(decodeURIComponent(String(headers['grpc-message']))).toMatch(why)
  })

  it.each([
    ['a page', { ':method': 'GET', ':path': '/' }],
    ['another content type', { ':path': UNARY, 'content-type': 'application/json' }],
  ])('answers 415 to a request for %s', async (_what, headers) => {
    const { port } = await echo()
    expect((await ask(port, headers, Buffer.alloc(0)))[':status']).toBe(415)
  })

  it('outlives bytes that are no HTTP/2, and a client that resets', async () => {
    const { port } = await echo()
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(socket.resume(), 'close')
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    const stream = session.request({ ':method': 'POST', ':path': UNARY, 'content-type': 'application/grpc' })
    stream.on('error', () => {})
    stream.write(Buffer.from([0, 0, 1, 0, 0, 1]))
    await new Promise((resolve) => setImmediate(resolve))
    stream.close(constants.NGHTTP2_CANCEL)
    await once(stream, 'close')
    session.destroy()
    expect(protoDecode(await grpcJs(port).call(payload(Buffer.from('ok')))).body.value.toString()).toBe('ok')
  })
})
