import { createServer, ServerResponse, type Server } from 'node:http'
import express from 'express'
import { createSidecar } from 'nacos-sidecar'
import { describe, expect, it, onTestFinished } from 'vitest'
import { DRAIN_HEADER, formatDrainHeader } from '../../src/drain-header.js'
import { wrapServer } from '../../src/lifecycle/graceful-server.js'
import { frameworks, serve } from '../support/frameworks.js'
import { instance, startMesh } from '../support/mesh.js'
import { createFetch } from '../../src/http/fetch.js'

/** Each is how some handler passes on an answer with all of its headers. */
const WAYS: Record<string, (response: ServerResponse, value: string) => unknown> = {
  setHeader: (response, value) => response.setHeader(DRAIN_HEADER, value).end('ok'),
  'setHeader in capitals': (response, value) => response.setHeader('X-Sidecar-Leaving', value).end('ok'),
  appendHeader: (response, value) => response.appendHeader(DRAIN_HEADER, value).end('ok'),
  setHeaders: (response, value) => response.setHeaders(new Headers({ [DRAIN_HEADER]: value })).end('ok'),
  'writeHead with an object': (response, value) => response.writeHead(200, { 'X-Sidecar-Leaving': value }).end('ok'),
  'writeHead with a list': (response, value) => response.writeHead(200, 'OK', ['X-Sidecar-Leaving', value]).end('ok'),
  'writeHead without a reason': (response, value) =>
    Reflect.apply(response.writeHead, response, [200, undefined, { [DRAIN_HEADER]: value }]).end('ok'),
  'a first write': (response, value) => {
    response.setHeader(DRAIN_HEADER, value)
    response.write('o')
    response.end('k')
  },
  flushHeaders: (response, value) => {
    response.setHeader(DRAIN_HEADER, value)
    response.flushHeaders()
    response.end('ok')
  },
}

/** A third party that knows where the instance is, and wants it out of its callers' lists. */
async function hostile(port: () => number): Promise<string> {
  const upstream = await serve(
    createServer((_request, response) => {
      response
        .writeHead(200, { [DRAIN_HEADER]: formatDrainHeader({ ip: '127.0.0.1', port: port() }, 30_000) })
        .end('ok')
    }),
  )
  onTestFinished(() => upstream.close())
  return upstream.url
}

/** How many of 10 calls go to `port` after the first that was answered by it. */
async function turnsOf(port: number): Promise<number> {
  const { registry, runtime } = startMesh()
  const other = await serve(createServer((_request, response) => void response.end('ok')))
  onTestFinished(() => other.close())
  registry.set('demo', instance('demo', port), instance('demo', other.port))
  const fetch = createFetch(() => runtime)
  const call = async () => (await fetch('http://demo/')).text()
  await call()
  await call()
  const { route } = runtime.target('demo') as { route: { pick(): { instance: { port: number } } } }
  return Array.from({ length: 10 }, () => route.pick().instance.port).filter((picked) => picked === port).length
}

describe('attack: a drain header that a handler forwards', () => {
  it.each(Object.entries(WAYS))('G7: takes the instance out of no list: %s', async (_way, pass) => {
    let port = 0
    const upstream = await hostile(() => port)
    const server: Server = createServer((_request, response) => {
      void fetch(upstream).then(({ headers }) => pass(response, headers.get(DRAIN_HEADER)!))
    })
    const held = wrapServer(server, { leaving: () => false, mayClose: async () => {} })
    const running = await serve(server)
    onTestFinished(() => {
      held.unwrap()
      return running.close()
    })
    port = running.port
    expect((await fetch(running.url)).headers.has(DRAIN_HEADER)).toBe(false)
    expect(await turnsOf(port)).toBe(5)

    // Its own goes through, whatever the handler sets.
    held.disableKeepAlive()
    held.advertiseDrain(() => '5;own')
    expect((await fetch(running.url)).headers.get(DRAIN_HEADER)).toBe('5;own')
  })

  it.each(frameworks)('G7: from an app behind a sidecar: $name', async ({ create }) => {
    let port = 0
    const upstream = await hostile(() => port)
    const made = create()
    made.route('GET', '/', async (request) => {
      const { headers } = await fetch(upstream)
      const { _httpMessage: response } = request.socket as unknown as { _httpMessage: ServerResponse }
      headers.forEach((value, name) => name.startsWith('x-') && response.setHeader(name, value))
      return 'ok'
    })
    const sidecar = createSidecar({
      app: made.app,
      configPath: false,
      signals: false,
      logger: { debug() {}, info() {}, warn() {}, error() {} },
      settings: { 'cloud.nacos.discovery.enabled': false, 'cloud.nacos.config.enabled': false },
    })
    const running = await made.listen()
    onTestFinished(async () => {
      await sidecar.stop({ drain: false })
      await running.close()
    })
    port = running.port
    while (sidecar.status().phase !== 'serving') await new Promise(setImmediate)
    expect((await fetch(running.url)).headers.has(DRAIN_HEADER)).toBe(false)
    expect(await turnsOf(port)).toBe(5)
  })

  it('G7: answers of other servers in the process keep what they have, and all do once it is over', async () => {
    const value = '30;another'
    const answer = async () => {
      const running = await serve(
        createServer((_request, response) => void response.setHeader(DRAIN_HEADER, value).end()),
      )
      onTestFinished(() => running.close())
      return (await fetch(running.url)).headers.get(DRAIN_HEADER)
    }
    const { writeHead } = ServerResponse.prototype
    const held = wrapServer(createServer(), { leaving: () => false, mayClose: async () => {} })
    expect(await answer()).toBe(value)
    held.unwrap()
    expect(ServerResponse.prototype.writeHead).toBe(writeHead)
    expect(await answer()).toBe(value)
  })

  it('G7: without a sidecar in front, the same answer would do it: the test can fail', async () => {
    let port = 0
    const upstream = await hostile(() => port)
    const app = express()
    app.get('/', async (_request, response) => {
      response.set(DRAIN_HEADER, (await fetch(upstream)).headers.get(DRAIN_HEADER)!).send('ok')
    })
    const running = await serve(createServer(app))
    onTestFinished(() => running.close())
    port = running.port
    expect(await turnsOf(port)).toBe(0)
  })
})
