import { createServer, type IncomingMessage } from 'node:http'
import Router from '@koa/router'
import Koa from 'koa'
import type { GuardDecision } from 'nacos-sidecar'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { koa as adapter } from '../../../src/adapters/koa.js'
import { NO_TOKEN, OPEN } from '../../../src/auth/decision.js'
import { Koa2, serve, type Running } from '../../support/frameworks.js'
import { bearer, testHooks } from './hooks.js'

describe.each([
  ['3', Koa],
  ['2', Koa2],
])('koa %s', (_major, Factory) => {
  let running: Running | undefined
  afterEach(async () => {
    await running?.close()
    running = undefined
  })
  const create = () => Object.assign(new Factory(), { silent: true })
  const status = async (path: string, headers = {}) => (await fetch(running!.url + path, { headers })).status

  it('guards nested routers, whenever they came', async () => {
    const app = create()
    const ran = vi.fn((context: Koa.Context) => void (context.body = 1))
    const nested = (prefix: string) =>
      new Router({ prefix }).use('/deep', new Router().get('/x', ran).routes()).routes()
    app.use(nested('/early'))
    adapter.mount(app, testHooks())
    app.use(nested('/late'))
    running = await serve(createServer(app.callback()))
    for (const path of ['/early/deep/x', '/late/deep/x']) expect(await status(path), path).toBe(401)
    expect(ran).not.toHaveBeenCalled()
    for (const path of ['/early/deep/x', '/late/deep/x']) expect(await status(path, bearer), path).toBe(200)
  })

  it('stays in front of middleware that is put first later on, or in place of all the others', async () => {
    const app = create()
    const ran = vi.fn((context: Koa.Context) => void (context.body = 1))
    adapter.mount(app, testHooks())
    app.middleware.unshift(ran)
    running = await serve(createServer(app.callback()))
    expect(await status('/x')).toBe(401)
    await running.close()
    app.middleware = [ran]
    running = await serve(createServer(app.callback()))
    expect(await status('/x')).toBe(401)
    expect(ran).not.toHaveBeenCalled()
    expect(await status('/x', bearer)).toBe(200)
  })

  it('guards through a callback that was made before the mount, asking once', async () => {
    const app = create()
    app.use((context) => void (context.body = 1))
    const server = createServer(app.callback())
    const guard = vi.fn((request: IncomingMessage) => (request.headers.authorization ? OPEN : NO_TOKEN))
    adapter.mount(app, testHooks({ guard }))
    running = await serve(server)
    expect(await status('/x')).toBe(401)
    expect(await status('/x', bearer)).toBe(200)
    expect(guard).toHaveBeenCalledTimes(2)
  })

  it('guards an app that is composed into another at a prefix, as koa-mount does it', async () => {
    const inner = create()
    const ran = vi.fn((context: Koa.Context) => void (context.body = 1))
    inner.use(ran)
    const seen: (string | undefined)[] = []
    adapter.mount(
      inner,
      testHooks({ guard: (request, url) => (seen.push(url), request.headers.authorization ? OPEN : NO_TOKEN) }),
    )
    const parent = create()
    const composed = compose(inner.middleware)
    parent.use(async (context, next) => {
      if (!context.path.startsWith('/api/')) return next()
      context['mountPath'] = '/api'
      context.path = context.path.slice(4)
      await composed(context, next)
    })
    running = await serve(createServer(parent.callback()))
    expect(await status('/api/x?a=1')).toBe(401)
    expect(ran).not.toHaveBeenCalled()
    expect(await status('/api/x', bearer)).toBe(200)
    expect(seen).toEqual(['/api/x?a=1', '/api/x'])
  })

  it('admits no request that was refused or is still being checked, however often an app inside another is tried', async () => {
    const inner = create()
    const ran = vi.fn((context: Koa.Context) => void (context.body = 1))
    inner.use(ran)
    let decide = (_: GuardDecision) => {}
    const undecided = new Promise<GuardDecision>((resolve) => (decide = resolve))
    adapter.mount(inner, testHooks({ guard: (request) => (request.url === '/slow' ? undecided : NO_TOKEN) }))
    const parent = create()
    const composed = compose(inner.middleware)
    parent.use(async (context, next) => {
      const first = composed(context, next)
      if (context.path !== '/slow') await first
      const second = composed(context, next)
      decide(NO_TOKEN)
      await Promise.all([first, second])
    })
    running = await serve(createServer(parent.callback()))
    expect(await status('/x')).toBe(401)
    expect(await status('/slow')).toBe(401)
    expect(ran).not.toHaveBeenCalled()
  })

  it('answers health where the app throws 404, and leaves ctx.respond = false alone', async () => {
    const app = create()
    adapter.mount(app, testHooks({ guard: undefined }))
    app.use(async (context, next) => {
      await next()
      if (context.status === 404) context.throw(404, 'mine')
    })
    app.use((context) => {
      if (context.path !== '/actuator/health') return
      context.respond = false
      context.res.writeHead(202).end()
    })
    running = await serve(createServer(app.callback()))
    expect(await status('/health')).toBe(200)
    expect(await status('/x')).toBe(404)
    expect(await status('/actuator/health')).toBe(202)
  })

  it('has a middleware for use by hand', async () => {
    const app = create()
    const guard = (request: IncomingMessage) => (request.headers.authorization ? OPEN : NO_TOKEN)
    app
      .use((context, next) => (context.path === '/open' ? void (context.body = 1) : next()))
      .use(adapter.middleware(guard))
      .use((context) => void (context.body = 2))
    running = await serve(createServer(app.callback()))
    expect(await status('/open')).toBe(200)
    expect(await status('/x')).toBe(401)
    expect(await status('/x', bearer)).toBe(200)
  })
})

/** As koa-compose does it. */
function compose(list: Koa.Middleware[]): Koa.Middleware {
  return (context, next) => {
    const run = (index: number): Promise<unknown> =>
      Promise.resolve(index < list.length ? list[index]!(context, () => run(index + 1)) : next())
    return run(0)
  }
}
