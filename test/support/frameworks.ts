import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http'
import { createRequire } from 'node:module'
import { connect, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import Router from '@koa/router'
import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'

/** The older majors, under aliases that have no types; in all that the tests use they are like the newer ones. */
const load = createRequire(import.meta.url)
export const express4 = load('express4') as typeof express
export const fastify4 = load('fastify4') as typeof fastify
export const Koa2 = load('koa2') as typeof Koa

/** What a test route does: gets Node's request and its parsed body, returns what is sent as JSON. */
export type TestHandler = (request: IncomingMessage, body: unknown) => unknown

/** One app of one framework, reduced to what the shared tests need. */
export interface TestApp {
  readonly app: unknown
  route(method: 'GET' | 'POST', path: string, handler: TestHandler): void
  /** Handles what no route does. */
  fallback(handler: TestHandler): void
  listen(): Promise<Running>
}

export interface Running {
  readonly server: Server
  readonly port: number
  readonly url: string
  close(): Promise<void>
}

export interface Framework {
  readonly name: string
  readonly kind: 'express' | 'koa' | 'fastify' | 'node:http'
  /** `options` are the framework's own. */
  create(options?: object): TestApp
}

export async function serve(server: Server, close?: () => Promise<unknown>): Promise<Running> {
  if (!server.listening) {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  }
  const { port } = server.address() as AddressInfo
  return {
    server,
    port,
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections()
      if (close) await close()
      else await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Gives the app a route that never answers. @returns calls it, and goes away once the request has arrived */
export function unansweredRoute({ route }: Pick<TestApp, 'route'>, path: string): (port: number) => Promise<void> {
  let arrived = () => {}
  const arrival = new Promise<void>((resolve) => (arrived = resolve))
  route('GET', path, async (request) => {
    arrived()
    await once(request.socket, 'close')
  })
  return async (port) => {
    const sent = httpRequest({ port, host: '127.0.0.1', path })
    sent.on('error', () => {})
    sent.end()
    await arrival
    sent.destroy()
  }
}

function expressApp(factory: typeof express): TestApp {
  const app = factory()
  // Express prints errors of its handlers unless it believes itself to be under test.
  app.set('env', 'test')
  app.use(factory.json())
  return {
    app,
    route: (method, path, handler) =>
      void app[method === 'GET' ? 'get' : 'post'](path, (request, response, next) => {
        Promise.resolve()
          .then(() => handler(request, request.body))
          .then((body) => response.json(body ?? null), next)
      }),
    fallback: (handler) =>
      void app.use((request, response) => void response.status(404).json(handler(request, undefined) ?? null)),
    listen: () => serve(createServer(app)),
  }
}

function koaApp(Factory: typeof Koa): TestApp {
  const app = new Factory()
  app.silent = true
  return {
    app,
    route(method, path, handler) {
      const router = new Router()
      router.register(path, method === 'GET' ? ['GET', 'HEAD'] : [method], async (context) => {
        const chunks: Buffer[] = []
        for await (const chunk of context.req) chunks.push(chunk as Buffer)
        context.body =
          (await handler(context.req, chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : undefined)) ??
          null
      })
      app.use(router.routes())
    },
    fallback: (handler) =>
      void app.use(
        (context) => void Object.assign(context, { status: 404, body: handler(context.req, undefined) ?? null }),
      ),
    listen: () => serve(createServer(app.callback())),
  }
}

function fastifyApp(factory: typeof fastify, options?: object): TestApp {
  const app = factory(options ?? {})
  return {
    app,
    route: (method, url, handler) =>
      void app.route({ method, url, handler: async (request) => (await handler(request.raw, request.body)) ?? null }),
    fallback: (handler) =>
      void app.setNotFoundHandler(async (request, reply) =>
        reply.code(404).send(handler(request.raw, undefined) ?? null),
      ),
    async listen() {
      await app.listen({ port: 0, host: '127.0.0.1' })
      return serve(app.server, () => app.close())
    },
  }
}

/** A server as the app: its listener has routes as a user's own would. */
function serverApp(): TestApp {
  const routes = new Map<string, TestHandler>()
  let missing: TestHandler = () => null
  const server = createServer(async (request, response) => {
    const method = request.method === 'HEAD' ? 'GET' : request.method
    const found = routes.get(`${method} ${(request.url ?? '').split('?')[0]}`)
    response.statusCode = found ? 200 : 404
    try {
      const body = await text(request)
      const answer = await (found ?? missing)(request, body ? JSON.parse(body) : undefined)
      response.setHeader('content-type', 'application/json').end(JSON.stringify(answer ?? null))
    } catch {
      response.writeHead(500).end('failed')
    }
  })
  return {
    app: server,
    route: (method, path, handler) => void routes.set(`${method} ${path}`, handler),
    fallback: (handler) => void (missing = handler),
    listen: () => serve(server),
  }
}

export const nodeHttp: Framework = { name: 'node:http', kind: 'node:http', create: () => serverApp() }

/** Both majors of each. */
export const frameworks: readonly Framework[] = [
  { name: 'express 5', kind: 'express', create: () => expressApp(express) },
  { name: 'express 4', kind: 'express', create: () => expressApp(express4) },
  { name: 'koa 3', kind: 'koa', create: () => koaApp(Koa) },
  { name: 'koa 2', kind: 'koa', create: () => koaApp(Koa2) },
  { name: 'fastify 5', kind: 'fastify', create: (options) => fastifyApp(fastify, options) },
  { name: 'fastify 4', kind: 'fastify', create: (options) => fastifyApp(fastify4, options) },
]

export interface RawAnswer {
  /** 0 where the server closed the connection without an answer. */
  readonly status: number
  readonly text: string
}

/** Sends exactly these bytes: what no HTTP client would send is what an attacker does. */
export async function sendRaw(port: number, head: string): Promise<RawAnswer> {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('error', () => {})
  socket.end(Buffer.from(head, 'latin1'))
  await once(socket, 'close')
  const text = Buffer.concat(chunks).toString('latin1')
  return { status: Number(/^HTTP\/1\.\d (\d{3})/.exec(text)?.[1] ?? 0), text }
}

/** One GET (or another method) of a raw request target. */
export function target(port: number, path: string, { method = 'GET', headers = '' } = {}): Promise<RawAnswer> {
  return sendRaw(port, `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n`)
}
