import type { IncomingMessage } from 'node:http'
import fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { fastify as adapter } from '../../../src/adapters/fastify.js'
import { NO_TOKEN, OPEN } from '../../../src/auth/decision.js'
import { fastify4 } from '../../support/frameworks.js'
import { bearer, testHooks } from './hooks.js'

describe.each([
  ['5', fastify],
  ['4', fastify4],
])('fastify %s', (_major, create) => {
  let app: FastifyInstance
  afterEach(() => app.close())
  const inject = async (url: string, headers = {}) => (await app.inject({ url, headers })).statusCode
  const handler = () => Promise.resolve({ ok: true })

  it('guards routes in plugins, with prefixes, loaded before and after, and the handlers of 404', async () => {
    app = create()
    const ran = vi.fn(handler)
    const plugin = async (child: FastifyInstance) => {
      child.get('/x', ran)
      child.setNotFoundHandler(ran)
      await child.register(async (grandchild) => void grandchild.get('/y', ran), { prefix: '/deep' })
    }
    app.get('/before', ran)
    void app.register(plugin, { prefix: '/queued' })
    // Awaiting a registration loads the plugin and all before it: its instance exists when the sidecar comes.
    await app.register(plugin, { prefix: '/loaded' })
    adapter.mount(app, testHooks())
    await app.register(plugin, { prefix: '/late' })
    app.get('/after', ran)
    app.setNotFoundHandler(ran)

    const paths = [
      '/before',
      '/after',
      '/nowhere',
      '/queued/x',
      '/loaded/x',
      '/late/x',
      '/queued/deep/y',
      '/loaded/deep/y',
      '/late/deep/y',
      '/loaded/nowhere',
      '/late/nowhere',
    ]
    for (const path of paths) expect(await inject(path), path).toBe(401)
    expect(ran).not.toHaveBeenCalled()
    for (const path of paths) expect(await inject(path, bearer), path).toBe(200)
    expect((await app.inject({ method: 'HEAD', url: '/loaded/x' })).statusCode).toBe(401)
  })

  it('asks once per request, and before hooks that were there first', async () => {
    app = create()
    const served = vi.fn((_request, reply) => void reply.send('served by a hook'))
    app.addHook('onRequest', served)
    await app.register(async (child) => void child.addHook('onRequest', served).get('/x', handler))
    const guard = vi.fn((request: IncomingMessage) => (request.headers.authorization ? OPEN : NO_TOKEN))
    adapter.mount(app, testHooks({ guard }))
    expect(await inject('/x')).toBe(401)
    expect(served).not.toHaveBeenCalled()
    expect(guard).toHaveBeenCalledTimes(1)
    expect(await inject('/x', bearer)).toBe(200)
    expect(served).toHaveBeenCalledTimes(1)
  })

  it('guards the whole app where it was given the instance of a plugin', async () => {
    app = create()
    app.get('/root', handler)
    void app.register(async (child) => {
      adapter.mount(child, testHooks())
      child.get('/x', handler)
    })
    expect(await inject('/root')).toBe(401)
    expect(await inject('/x')).toBe(401)
    expect(await inject('/x', bearer)).toBe(200)
  })

  it('sees the target that rewriteUrl has made', async () => {
    app = create({ rewriteUrl: (request) => request.url!.replace('/old', '/new') })
    app.get('/new', handler)
    const seen: (string | undefined)[] = []
    adapter.mount(app, testHooks({ guard: (request) => (seen.push(request.url), OPEN) }))
    expect(await inject('/old')).toBe(200)
    expect(seen).toEqual(['/new'])
  })

  it.each(['ready', 'onReady'])('refuses to be mounted too late: %s', async (when) => {
    app = create()
    app.get('/x', handler)
    const tooLate = {
      code: 'SIDECAR_APP_UNSUPPORTED',
      message: expect.stringContaining('before app.ready()') as string,
    }
    const mount = vi.fn(() => expect(() => adapter.mount(app, testHooks())).toThrow(expect.objectContaining(tooLate)))
    if (when === 'onReady') app.addHook('onReady', async () => void mount())
    await app.ready()
    if (when === 'ready') mount()
    expect(mount).toHaveBeenCalledTimes(1)
  })

  it('says when it listens, and knows its servers', async () => {
    app = create()
    const mounted = adapter.mount(app, testHooks())
    const listening = vi.fn()
    mounted.onListening!(listening)
    await app.listen({ port: 0, host: '127.0.0.1' })
    expect(listening).toHaveBeenCalledExactlyOnceWith(app.server)
    expect(mounted.owns(app.server)).toBe(true)
    const late = vi.fn()
    mounted.onListening!(late)
    expect(late).toHaveBeenCalledExactlyOnceWith(app.server)
  })

  it.each(['promise', 'callback'])('serves until the drain is over, then closes (%s)', async (style) => {
    app = create()
    app.get('/x', handler)
    const mounted = adapter.mount(app, testHooks())
    let drained!: () => void
    mounted.holdClose!(() => new Promise((resolve) => (drained = resolve)))
    await app.listen({ port: 0, host: '127.0.0.1' })
    const url = app.listeningOrigin
    const closed = vi.fn()
    if (style === 'promise') void app.close().then(closed)
    else app.close(closed)
    expect((await fetch(`${url}/x`, { headers: bearer })).status).toBe(200)
    expect(closed).not.toHaveBeenCalled()
    drained()
    await vi.waitFor(() => expect(closed).toHaveBeenCalledTimes(1))
    await expect(fetch(`${url}/x`)).rejects.toThrow()
  })

  it('has a hook for use by hand, for a route or a plugin', async () => {
    app = create()
    const guard = adapter.middleware((request) => (request.headers.authorization ? OPEN : NO_TOKEN))
    app.get('/open', handler)
    app.get('/one', { onRequest: guard }, handler)
    await app.register(async (child) => void child.addHook('onRequest', guard).get('/many', handler))
    expect(await inject('/open')).toBe(200)
    for (const path of ['/one', '/many']) {
      expect(await inject(path)).toBe(401)
      expect(await inject(path, bearer)).toBe(200)
    }
  })
})
