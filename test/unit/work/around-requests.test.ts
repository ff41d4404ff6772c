import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http'
import express, { type NextFunction, type Request, type Response } from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import { describe, expect, onTestFinished, test } from 'vitest'
import { currentContext, currentWork, type AroundOptions, type RequestWork, type Work } from 'nacos-sidecar'
import { express4, frameworks, serve, type TestApp, type TestHandler } from '../../support/frameworks.js'
import { member } from './serving.js'

/** Node 20 has no `Promise.withResolvers`. */
function deferred<T>() {
  let resolve = (_value: T) => {}
  const promise = new Promise<T>((settle) => (resolve = settle))
  return { promise, resolve }
}

/** Plain `node:http`, with the shape of the others. */
function nodeApp(isApp = false): TestApp {
  const routes = new Map<string, TestHandler>()
  const listener = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const handler = routes.get(`${request.method} ${request.url!.split('?')[0]}`)
    const body = chunks.length > 0 ? (JSON.parse(Buffer.concat(chunks).toString()) as unknown) : undefined
    try {
      response.end(JSON.stringify((await handler?.(request, body)) ?? null))
    } catch {
      response.writeHead(500).end('{}')
    }
  }
  const server = createServer((request, response) => void listener(request, response))
  return {
    app: isApp ? server : undefined,
    route: (method, path, handler) => void routes.set(`${method} ${path}`, handler),
    fallback() {},
    listen: () => serve(server),
  }
}

const PATTERN = /express|koa|fastify/
const CONTEXT = /express|koa|fastify|guard|as the app/
const ways = [
  ...frameworks.map(({ name, create }) => ({ name, create: () => create(), auth: false })),
  { name: 'fastify 5 behind the guard', create: () => frameworks[4]!.create(), auth: true },
  { name: 'node:http', create: () => nodeApp(), auth: false },
  { name: 'node:http behind the guard', create: () => nodeApp(), auth: true },
  { name: 'a server as the app', create: () => nodeApp(true), auth: false },
]

describe.each(ways)('sidecar.around with $name', ({ name, create, auth }) => {
  async function start(app: TestApp) {
    const settings = auth ? { 'auth.enabled': true } : {}
    const sidecar = await member(app.app, settings, auth ? { verify: () => true } : {})
    const running = await app.listen()
    onTestFinished(() => running.close())
    const headers = auth ? { authorization: 'Bearer valid' } : undefined
    const call = (path: string, init: RequestInit = {}) =>
      fetch(running.url + path, { ...init, headers: { ...headers, ...(init.headers as object) } })
    return { sidecar, running, call }
  }

  test('set-up, handler, tear-down: with its context, its own storage and its body, until the response is finished', async () => {
    const app = create()
    const own = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    app.route('POST', '/orders', async (_request, body) => {
      await new Promise((resolve) => setImmediate(resolve))
      seen.push([currentWork()?.locals['db'], currentContext()?.traceparent, body])
      return { stored: own.getStore() ?? 'lost in the body' }
    })
    app.route('GET', '/orders/1', () => ({ stored: own.getStore() }))
    const { sidecar, call } = await start(app)
    const works: RequestWork[] = []
    const outcome = deferred<unknown>()
    sidecar.around(async (work, next) => {
      await new Promise((resolve) => setImmediate(resolve))
      work.locals['db'] = 'session'
      works.push(work as RequestWork)
      await own.run('mine', next)
      outcome.resolve([(work as RequestWork).status, work.failed])
    })
    const traceparent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`
    const headers = { 'content-type': 'application/json', traceparent }
    const answer = await call('/orders', { method: 'POST', headers, body: '{"id":7}' })
    expect([answer.status, typeof ((await answer.json()) as { stored: string }).stored]).toEqual([200, 'string'])
    const context = CONTEXT.test(name) ? traceparent : undefined
    expect(seen).toEqual([['session', context, { id: 7 }]])
    expect(await outcome.promise).toEqual([200, false])
    const [work] = works
    expect(work).toMatchObject({ kind: 'request', method: 'POST', url: '/orders' })
    expect(work!.name).toBe(PATTERN.test(name) ? 'POST /orders' : 'POST *')
    expect(await (await call('/orders/1')).json()).toEqual({ stored: 'mine' })
  })

  test('an error of the handler: the framework answers, and the work has failed', async () => {
    const app = create()
    app.route('GET', '/fails', () => Promise.reject(new Error('no')))
    const { sidecar, call } = await start(app)
    const outcome = deferred<unknown>()
    sidecar.around(async (work, next) => {
      await next()
      outcome.resolve([(work as RequestWork).status, work.failed])
    })
    expect((await call('/fails')).status).toBe(500)
    expect(await outcome.promise).toEqual([500, true])
  })

  test('fault 75: what is around a request throws before next(): 500 by the way of the framework', async () => {
    const app = create()
    let ran = false
    app.route('GET', '/orders', () => (ran = true))
    const { sidecar, call } = await start(app)
    const end = sidecar.around(() => Promise.reject(new Error('no connection')))
    expect((await call('/orders')).status).toBe(500)
    expect(ran).toBe(false)
    expect((await call('/health')).status).toBe(/^node:http( behind|$)/.test(name) ? 500 : 200)
    end()
    expect((await call('/orders')).status).toBe(200)
  })

  test('fault 75: what is no error is one, too: nothing, and the words of a router', async () => {
    const app = create()
    let ran = false
    app.route('GET', '/orders', () => (ran = true))
    const { sidecar, call } = await start(app)
    for (const thrown of [undefined, null, 0, '', false, 'route', 'router', Symbol('no')]) {
      using end = sidecar.around(() => {
        throw thrown
      })
      expect([String(thrown), (await call('/orders')).status, typeof end]).toEqual([String(thrown), 500, 'function'])
    }
    expect(ran).toBe(false)
  })

  test('fault 77: what is around a request never calls next(): its own answer, or else 500', async () => {
    const app = create()
    app.route('GET', '/orders', () => 'the handler')
    const { sidecar, call } = await start(app)
    sidecar.around(async (work) => {
      const { response, url } = work as RequestWork
      if (url.startsWith('/orders?full')) response.writeHead(429, { 'content-type': 'text/plain' }).end('full')
    })
    const answered = await call('/orders?full')
    expect([answered.status, await answered.text()]).toEqual([429, 'full'])
    expect((await call('/orders')).status).toBe(500)
  })

  test('at most so many at once: further requests wait where they may, and else get 503', async () => {
    const app = create()
    const ends: (() => void)[] = []
    app.route('GET', '/slow', () => new Promise<string>((resolve) => ends.push(() => resolve('done'))))
    const { sidecar, call } = await start(app)
    const options: AroundOptions = { kinds: ['request'], concurrency: 1, queue: 1 }
    const waits = deferred<void>()
    let came = 0
    sidecar.around((_work, next) => {
      if (++came === 2) waits.resolve()
      return next()
    })
    sidecar.around((_work, next) => next(), options)
    const first = call('/slow')
    await expect.poll(() => ends.length, { interval: 5 }).toBe(1)
    const second = call('/slow')
    await waits.promise
    const third = await call('/slow')
    expect([third.status, third.headers.get('retry-after')]).toEqual([503, '1'])
    ends[0]!()
    expect((await first).status).toBe(200)
    await expect.poll(() => ends.length, { interval: 5 }).toBe(2)
    ends[1]!()
    expect((await second).status).toBe(200)
  })

  test('a caller that goes away while it waits for its turn is no error', async () => {
    const app = create()
    const ends: (() => void)[] = []
    app.route('GET', '/slow', () => new Promise<string>((resolve) => ends.push(() => resolve('done'))))
    const { sidecar, call } = await start(app)
    let entered = 0
    let left = 0
    sidecar.around(async (_work, next) => {
      entered++
      await next().finally(() => left++)
    })
    sidecar.around((_work, next) => next(), { concurrency: 1, queue: 1 })
    const first = call('/slow')
    await expect.poll(() => ends.length).toBe(1)
    const gone = new AbortController()
    const second = call('/slow', { signal: gone.signal })
    await expect.poll(() => entered).toBe(2)
    gone.abort()
    await expect(second).rejects.toThrow()
    await expect.poll(() => left).toBe(1)
    ends[0]!()
    expect((await first).status).toBe(200)
    const third = call('/slow')
    await expect.poll(() => ends.length).toBe(2)
    ends[1]!()
    expect((await third).status).toBe(200)
    expect(sidecar.lines.filter((line) => line.includes('gone away'))).toEqual([])
  })

  test('a caller that goes away: the signal aborts, and the work has failed', async () => {
    const app = create()
    const arrived = deferred<Work | undefined>()
    app.route('GET', '/slow', async (request) => {
      arrived.resolve(currentWork())
      await once(request.socket, 'close')
    })
    const { sidecar, running } = await start(app)
    const outcome = deferred<unknown>()
    sidecar.around(async (work, next) => {
      await next()
      outcome.resolve([work.signal.aborted, work.failed])
    })
    const sent = get(`${running.url}/slow`, { headers: { authorization: 'Bearer valid' } })
    sent.on('error', () => {})
    const work = await arrived.promise
    expect(work?.signal.aborted).toBe(false)
    sent.destroy()
    expect(await outcome.promise).toEqual([true, true])
  })
})

test('an error before next() goes to the error handler of the app, and only once', async () => {
  const seen: string[] = []
  const note = (error: unknown) => seen.push((error as Error).message)
  const [express5, express4App] = [express(), express4()]
  for (const app of [express5, express4App]) {
    app.use((_request, _response, next) => next())
    app.get('/orders', () => {})
    app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
      note(error)
      response.status(418).json('its own')
    })
  }
  const koaApp = new Koa()
  koaApp.use(() => {})
  koaApp.on('error', note)
  const fastifyApp = fastify()
  fastifyApp.setErrorHandler(async (error, _request, reply) => {
    note(error)
    return reply.code(418).send('its own')
  })
  fastifyApp.get('/orders', () => 'never')
  const statuses: number[] = []
  for (const app of [express5, express4App, koaApp, fastifyApp]) {
    const sidecar = await member(app)
    sidecar.around(() => Promise.reject(new Error('no connection')))
    if (app === fastifyApp) await fastifyApp.ready()
    const server = app === fastifyApp ? fastifyApp.server : createServer(app === koaApp ? koaApp.callback() : express5)
    if (app === express4App) server.removeAllListeners('request').on('request', express4App)
    const running = await serve(server)
    onTestFinished(() => running.close())
    statuses.push((await fetch(`${running.url}/orders`)).status)
  }
  expect(statuses).toEqual([418, 418, 500, 418])
  expect(seen).toEqual(Array(4).fill('no connection'))
})

test('a request by which another sidecar of the process looks for its app is no work', async () => {
  const seen: unknown[] = []
  const app = createServer((request, response) => {
    seen.push(request.headers['x-sidecar-probe'])
    response.end()
  })
  const sidecar = await member(app)
  const works: unknown[] = []
  sidecar.around((work, next) => (works.push(work.name), next()))
  await member(express())
  const running = await serve(app)
  onTestFinished(() => running.close())
  await expect.poll(() => seen.filter((nonce) => typeof nonce === 'string').length).toBeGreaterThan(0)
  await fetch(running.url)
  expect(works).toHaveLength(1)
})

test('a response that is streamed arrives as it is written; what is around it ends after it', async () => {
  const order: string[] = []
  const second = deferred<void>()
  const done = deferred<void>()
  const server = createServer((_request, response) => {
    response.write('first')
    void second.promise.then(() => {
      order.push('the handler ends')
      response.end()
    })
  })
  const sidecar = await member(undefined)
  const running = await serve(server)
  onTestFinished(() => running.close())
  sidecar.around(async (_work, next) => {
    await next()
    order.push('torn down')
    done.resolve()
  })
  const answer = await fetch(running.url)
  for await (const chunk of answer.body!) {
    order.push(Buffer.from(chunk as Uint8Array).toString())
    second.resolve()
  }
  await done.promise
  expect(order).toEqual(['first', 'the handler ends', 'torn down'])
})
