import { createServer, type IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import express, { type ErrorRequestHandler, type NextFunction, type Response } from 'express'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { express as adapter } from '../../../src/adapters/express.js'
import { NO_TOKEN, OPEN } from '../../../src/auth/decision.js'
import { express4, serve, type Running } from '../../support/frameworks.js'
import { bearer, testHooks } from './hooks.js'

describe.each([
  ['5', express],
  ['4', express4],
])('express %s', (_major, create) => {
  let running: Running | undefined
  afterEach(async () => {
    await running?.close()
    running = undefined
  })
  const status = async (path: string, headers = {}) => (await fetch(running!.url + path, { headers })).status

  it('guards nested routers and sub-apps, whenever they came', async () => {
    const app = create()
    const ran = vi.fn((_request, response) => response.json(1))
    const early = create.Router().use('/deep', create.Router().get('/x', ran))
    const earlyApp = create().get('/x', ran)
    app.use('/early', early).use('/early-app', earlyApp)
    adapter.mount(app, testHooks())
    app.use('/late', create.Router().use('/deep', create.Router().get('/x', ran)))
    const lateApp = create()
    app.use('/late-app', lateApp)
    running = await serve(createServer(app))
    lateApp.get('/x', ran)
    const paths = ['/early/deep/x', '/early-app/x', '/late/deep/x', '/late-app/x']
    for (const path of paths) expect(await status(path), path).toBe(401)
    expect(ran).not.toHaveBeenCalled()
    for (const path of paths) expect(await status(path, bearer), path).toBe(200)
  })

  it('guards an app mounted in a parent, called as a function, or used as a listener made before', async () => {
    const inner = create()
    const ran = vi.fn((_request, response) => response.json(1))
    inner.get('/x', ran)
    const parent = create()
      .use('/api', inner)
      .get('/open', (_request, response) => void response.json(2))
    const server = createServer((request, response) =>
      request.url?.startsWith('/direct') ? inner(asRoot(request), response) : parent(request, response),
    )
    const seen: (string | undefined)[] = []
    const mounted = adapter.mount(
      inner,
      testHooks({ guard: (request, url) => (seen.push(url), request.headers.authorization ? OPEN : NO_TOKEN) }),
    )
    running = await serve(server)

    expect(await status('/api/x?a=1')).toBe(401)
    expect(await status('/direct/x')).toBe(401)
    expect(ran).not.toHaveBeenCalled()
    expect(await status('/api/x', bearer)).toBe(200)
    expect(await status('/open')).toBe(200)
    // What the guard judges is the whole path, not what is left of it inside the parent.
    expect(seen).toEqual(['/api/x?a=1', '/x', '/api/x'])

    expect(mounted.owns(createServer(inner))).toBe(true)
    expect(mounted.owns(createServer(parent))).toBe(true)
    expect(mounted.owns(server)).toBe(false)
  })

  it('passes errors and misses of a mounted app on to its parent, and answers health inside it', async () => {
    const inner = create().get('/boom', (_request, _response, next) => next(new Error('boom')))
    const caught = vi.fn((_error, _request, response, _next) => response.status(418).end())
    const parent = create()
      .use(inner)
      .get('/elsewhere', (_request, response) => void response.json(1))
      .use(caught)
    adapter.mount(inner, testHooks({ guard: undefined }))
    running = await serve(createServer(parent))
    expect(await status('/boom')).toBe(418)
    expect(await status('/elsewhere')).toBe(200)
    expect(await status('/health')).toBe(200)
  })

  it.each<[string, (response: Response, next: NextFunction) => void]>([
    ['an error', (_response, next) => next(Object.assign(new Error('nothing here'), { status: 404 }))],
    ['a head of its own', (response) => void response.writeHead(404, { 'x-own': '1' }).end('nothing here')],
    ['a stream', (response) => void Readable.from(['nothing', ' here']).pipe(response.status(404))],
    [
      'a head first, as compression does',
      (response) => {
        response.status(404).set('content-encoding', 'gzip').writeHead(response.statusCode)
        response.end('nothing here')
      },
    ],
  ])("answers health instead of the app's 404 by %s", async (_, miss) => {
    const app = create()
    adapter.mount(app, testHooks({ guard: undefined }))
    app.use((_request, response, next) => miss(response.set('x-frame-options', 'DENY'), next))
    app.use(
      ((error, _request, response, _next) =>
        void response.status(error.status).send('nothing here')) as ErrorRequestHandler,
    )
    running = await serve(createServer(app))
    expect(await status('/nowhere')).toBe(404)
    const page = await fetch(`${running.url}/actuator/health/liveness`)
    expect([page.status, page.headers.get('x-frame-options'), await page.text()]).toEqual([
      200,
      'DENY',
      '{"status":"UP"}',
    ])
  })

  it('has a middleware for use by hand, behind a prefix too', async () => {
    const seen: (string | undefined)[] = []
    const guard = (request: IncomingMessage, url?: string) => (
      seen.push(url),
      request.headers.authorization ? OPEN : NO_TOKEN
    )
    const app = create()
      .get('/open', (_request, response) => void response.json(1))
      .use('/api', adapter.middleware(guard))
      .get('/api/x', (_request, response) => void response.json(2))
    running = await serve(createServer(app))
    expect(await status('/open')).toBe(200)
    expect(await status('/api/x')).toBe(401)
    expect(await status('/api/x', bearer)).toBe(200)
    expect(seen).toEqual(['/api/x', '/api/x'])
  })

  it('is not taken in by a router or a plain function', () => {
    expect(adapter.matches(create.Router())).toBe(false)
    expect(adapter.matches(() => {})).toBe(false)
  })
})

function asRoot(request: IncomingMessage): IncomingMessage {
  request.url = request.url!.replace('/direct', '')
  return request
}
