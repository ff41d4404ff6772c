import { once } from 'node:events'
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type RequestOptions,
  type Server,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import { createSidecar, type ProxyOptions, type ServiceProxy, type SidecarOptions } from 'nacos-sidecar'
import type { TestRegistry } from 'nacos-sidecar/testing'
import { onTestFinished } from 'vitest'
import { collectLog } from './collect.js'
import { express4, fastify4, Koa2 } from './frameworks.js'
import type { LoggedSidecar } from './member.js'
import { form, testRegistry } from './registry.js'

/** An app that passes `/users` on, in the way its framework's users write it. */
export interface GatewayShape {
  readonly name: string
  create(): GatewayApp
}

export interface GatewayApp {
  /** For `createSidecar`; `undefined` for plain `node:http`. */
  readonly app: unknown
  /** @param proxy makes one, with what this framework needs to be said */
  mount(proxy: (own?: ProxyOptions) => ServiceProxy): void
  /** The server, not listening yet. */
  server(): Promise<Server> | Server
  close?(): Promise<unknown>
}

function expressGateway(factory: typeof express): GatewayApp {
  const app = factory()
  app.set('env', 'test')
  return {
    app,
    mount: (proxy) => void app.use('/users', proxy()),
    server: () => createServer(app),
  }
}

function koaGateway(Factory: typeof Koa): GatewayApp {
  const app = new Factory()
  app.silent = true
  return {
    app,
    mount: (proxy) => void app.use(proxy({ prefix: '/users' })),
    server: () => createServer(app.callback()),
  }
}

function fastifyGateway(factory: typeof fastify): GatewayApp {
  const app = factory()
  return {
    app,
    mount: (proxy) => void app.register(proxy(), { prefix: '/users' }),
    async server() {
      await app.ready()
      return app.server
    },
    close: () => app.close(),
  }
}

function nodeGateway(): GatewayApp {
  let server: Server
  return {
    app: undefined,
    mount: (proxy) => void (server = createServer(proxy({ prefix: '/users' }))),
    server: () => server,
  }
}

export const gatewayShapes: readonly GatewayShape[] = [
  { name: 'express 5', create: () => expressGateway(express) },
  { name: 'express 4', create: () => expressGateway(express4) },
  { name: 'koa 3', create: () => koaGateway(Koa) },
  { name: 'koa 2', create: () => koaGateway(Koa2) },
  { name: 'fastify 5', create: () => fastifyGateway(fastify) },
  { name: 'fastify 4', create: () => fastifyGateway(fastify4) },
  { name: 'node:http', create: nodeGateway },
]

export interface Gateway {
  readonly sidecar: LoggedSidecar
  readonly port: number
  readonly url: string
  readonly server: Server
}

export interface GatewayOptions extends Pick<SidecarOptions, 'verify'> {
  /** @default express 5 */
  readonly shape?: GatewayShape
  /** Of the proxy. */
  readonly options?: ProxyOptions
  readonly settings?: object
  /** The app, before the proxy is mounted. */
  before?(app: never): void
}

/** A gateway of `user-service`, until the test ends. */
export async function startGateway(
  registry: TestRegistry,
  { shape = gatewayShapes[0]!, options = {}, settings = {}, before, verify }: GatewayOptions = {},
): Promise<Gateway> {
  const made = shape.create()
  const logger = collectLog()
  const sidecar = createSidecar({
    ...{ app: made.app, configPath: false, logger, signals: false, verify },
    settings: registry.settings({
      'cloud.nacos.discovery.register-enabled': false,
      'cloud.nacos.config.enabled': false,
      'application.name': 'gateway',
      ...settings,
    }),
  })
  before?.(made.app as never)
  made.mount((own) => sidecar.proxy('user-service', { ...own, ...options }))
  const server = await made.server()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  if (made.app === undefined) sidecar.listening(server)
  const { port } = server.address() as AddressInfo
  onTestFinished(async () => {
    const stopped = sidecar.stop({ drain: false })
    server.closeAllConnections()
    await stopped
    await made.close?.()
    server.close()
  })
  await sidecar.ready
  return { sidecar: Object.assign(sidecar, { lines: logger.lines }), port, url: `http://127.0.0.1:${port}`, server }
}

/** A registry whose instances stay without heartbeats. */
export function quietRegistry(): Promise<TestRegistry> {
  return testRegistry({ beat: { timeoutMs: 600_000, deleteMs: 900_000 } })
}

/** A server of `user-service`, registered by hand: what it sends is the test's own. */
export async function startInstance(
  registry: TestRegistry,
  listener: RequestListener,
  service = 'user-service',
): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  onTestFinished(() => void server.close().closeAllConnections())
  await registerPort(registry, port, service)
  return { server, port }
}

export async function registerPort(registry: TestRegistry, port: number, service = 'user-service'): Promise<void> {
  await form(registry.server, 'POST', '/v1/ns/instance', { serviceName: service, ip: '127.0.0.1', port })
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly rawHeaders: readonly string[]
  readonly text: string
  readonly trailers: IncomingMessage['trailers']
  readonly statusText: string
}

/** One request over a connection of its own; rejects if the response is cut. */
export function ask(port: number, path: string, options: RequestOptions = {}, body?: string | Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ port, host: '127.0.0.1', path, agent: false, ...options }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () =>
        resolve({
          status: response.statusCode!,
          statusText: response.statusMessage!,
          headers: response.headers,
          rawHeaders: response.rawHeaders,
          text: Buffer.concat(chunks).toString(),
          trailers: response.trailers,
        }),
      )
    })
    sent.on('error', reject)
    sent.end(body)
  })
}
