import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { currentContext } from 'nacos-sidecar'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { findAdapter } from '../../../src/adapters/find-adapter.js'
import { OPEN, REFUSED } from '../../../src/auth/decision.js'
import { wrapServer } from '../../../src/lifecycle/graceful-server.js'
import { frameworks, nodeHttp, type Running } from '../../support/frameworks.js'
import { bearer, testHooks } from './hooks.js'

describe.each([...frameworks, nodeHttp])('adapter for $name', ({ kind, create }) => {
  let running: Running | undefined
  afterEach(async () => {
    await running?.close()
    running = undefined
  })

  it('is found by the shape of the app', () => {
    expect(findAdapter(create().app).framework).toBe(kind)
  })

  it('guards routes added before and after the mount, and what has no route', async () => {
    const app = create()
    const ran = vi.fn(() => ({ ok: true }))
    app.route('GET', '/before', ran)
    findAdapter(app.app).mount(app.app, testHooks())
    app.route('GET', '/after', ran)
    running = await app.listen()

    for (const path of ['/before', '/after', '/nowhere']) {
      const refused = await fetch(running.url + path)
      expect(refused.status, path).toBe(401)
      expect(refused.headers.get('www-authenticate')).toBe('Bearer')
      expect(refused.headers.get('content-type')).toMatch(/^application\/json/)
      expect(await refused.json()).toEqual({ code: 401, message: expect.stringContaining('token') as string })
    }
    expect(ran).not.toHaveBeenCalled()

    for (const path of ['/before', '/after']) {
      const allowed = await fetch(running.url + path, { headers: bearer })
      expect(allowed.status, path).toBe(200)
      expect(await allowed.json()).toEqual({ ok: true })
    }
    expect((await fetch(`${running.url}/nowhere`, { headers: bearer })).status).toBe(404)
    expect(ran).toHaveBeenCalledTimes(2)
  })

  it('waits for a decision that takes time, and keeps the body for the handler', async () => {
    const app = create()
    app.route('POST', '/echo', (_request, body) => body)
    const guard = vi.fn(async (request: IncomingMessage) => {
      await new Promise((resolve) => setImmediate(resolve))
      return request.headers.authorization ? OPEN : REFUSED
    })
    findAdapter(app.app).mount(app.app, testHooks({ guard }))
    running = await app.listen()

    const post = (headers: Record<string, string>) =>
      fetch(`${running!.url}/echo`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: '{"a":[1,2]}',
      })
    expect(await (await post(bearer)).json()).toEqual({ a: [1, 2] })
    expect((await post({})).status).toBe(403)
    expect(guard).toHaveBeenCalledTimes(2)
  })

  it('refuses with 503 where the guard itself fails, at once or later', async () => {
    const app = create()
    const ran = vi.fn()
    app.route('GET', '/a', ran)
    const guard = (request: IncomingMessage) => {
      if (request.headers['x-how'] === 'later') return Promise.reject(new Error('broken'))
      throw new Error('broken')
    }
    findAdapter(app.app).mount(app.app, testHooks({ guard }))
    running = await app.listen()
    expect((await fetch(`${running.url}/a`)).status).toBe(503)
    expect((await fetch(`${running.url}/a`, { headers: { 'x-how': 'later' } })).status).toBe(503)
    expect(ran).not.toHaveBeenCalled()
  })

  it('without a guard lets everything through', async () => {
    const app = create()
    app.route('GET', '/a', () => 1)
    findAdapter(app.app).mount(app.app, testHooks({ guard: undefined }))
    running = await app.listen()
    expect((await fetch(`${running.url}/a`)).status).toBe(200)
  })

  it('runs handlers in the context of their request, also after the body has come in', async () => {
    const app = create()
    app.route('POST', '/who', async () => {
      await new Promise((resolve) => setTimeout(resolve, 1))
      return { token: currentContext()?.token ?? null }
    })
    app.route('GET', '/who', () => ({ token: currentContext()?.token ?? null }))
    findAdapter(app.app).mount(app.app, testHooks({ guard: undefined }))
    running = await app.listen()

    const who = async (token: string | undefined, method: string) => {
      const response = await fetch(`${running!.url}/who`, {
        method,
        headers: { ...(token ? { authorization: `Bearer ${token}` } : {}), 'content-type': 'application/json' },
        body: method === 'POST' ? JSON.stringify({ filler: 'x'.repeat(70_000) }) : undefined,
      })
      return ((await response.json()) as { token: string | null }).token
    }
    const tokens = Array.from({ length: 10 }, (_, index) => (index % 3 ? `t${index}` : undefined))
    for (const method of ['GET', 'POST']) {
      expect(await Promise.all(tokens.map((token) => who(token, method)))).toEqual(tokens.map((token) => token ?? null))
    }
  })

  it('keeps the context for what a body parser calls, however late the body comes', async () => {
    const app = create()
    let headersSeen!: () => void
    const atHandler = new Promise<void>((resolve) => (headersSeen = resolve))
    let atData: string | undefined
    app.route('POST', '/who', () => ({ token: currentContext()?.token ?? 'nobody' }))
    const guard = (request: IncomingMessage) => {
      setImmediate(headersSeen)
      return request.headers.authorization ? OPEN : REFUSED
    }
    const context = (request: IncomingMessage) => {
      // As a parser that knows nothing of async contexts listens: multer, busboy.
      setImmediate(() => request.on('data', () => (atData = currentContext()?.token)))
      return { token: 'mine' }
    }
    findAdapter(app.app).mount(app.app, testHooks({ guard, context }))
    running = await app.listen()

    const socket = connect(running.port, '127.0.0.1')
    const answer = text(socket)
    const head = `POST /who HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer mine\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n`
    socket.write(head)
    await atHandler
    socket.write('{"a":')
    await new Promise((resolve) => setTimeout(resolve, 20))
    socket.write('"b"}')
    expect(await answer).toContain('"token":"mine"')
    expect(atData).toBe('mine')
  })

  it('answers the health pages where the app has no route, GET and HEAD', async () => {
    const app = create()
    const lastBeat = new Date(1_700_000_000_000)
    findAdapter(app.app).mount(
      app.app,
      testHooks({ guard: undefined, status: { phase: 'serving', registered: true, lastBeat } }),
    )
    running = await app.listen()

    for (const path of ['/health', '/actuator/health', '/actuator/health/liveness', '/actuator/health/readiness']) {
      const page = await fetch(`${running.url}${path}?probe=1`)
      expect(page.status, path).toBe(200)
      expect(page.headers.get('content-type')).toMatch(/^application\/json/)
      expect(await page.json()).toMatchObject({ status: 'UP' })
      const head = await fetch(running.url + path, { method: 'HEAD' })
      expect(head.status, path).toBe(200)
      expect(await head.text()).toBe('')
      expect((await fetch(running.url + path, { method: 'POST' })).status).toBe(404)
    }
    expect(await (await fetch(`${running.url}/health`)).json()).toMatchObject({
      registered: true,
      lastBeat: lastBeat.toISOString(),
    })
    expect((await fetch(`${running.url}/health/deeper`)).status).toBe(404)
  })

  it('answers the health pages in front of a handler for whatever has no route', async () => {
    const app = create()
    findAdapter(app.app).mount(app.app, testHooks({ guard: undefined }))
    app.route('GET', '/a', () => 1)
    app.fallback(() => 'mine')
    running = await app.listen()
    for (const method of ['GET', 'HEAD']) {
      const page = await fetch(`${running.url}/actuator/health/liveness`, { method })
      expect(page.status).toBe(200)
      expect(await page.text()).toBe(method === 'HEAD' ? '' : '{"status":"UP"}')
    }
    const miss = await fetch(`${running.url}/nowhere`)
    expect([miss.status, await miss.text()]).toEqual([404, expect.stringContaining('mine')])
    expect((await fetch(`${running.url}/health`, { method: 'POST' })).status).toBe(404)
  })

  it("leaves a health page to the app's own route, before or after the mount", async () => {
    const app = create()
    app.route('GET', '/health', () => 'mine, before')
    findAdapter(app.app).mount(app.app, testHooks({ guard: undefined }))
    app.route('GET', '/actuator/health', () => 'mine, after')
    running = await app.listen()
    expect(await (await fetch(`${running.url}/health`)).text()).toContain('mine, before')
    expect(await (await fetch(`${running.url}/actuator/health`)).text()).toContain('mine, after')
  })

  it("leaves an error of the app's own health route to the framework", async () => {
    const app = create()
    app.route('GET', '/health', () => {
      throw new Error('database gone')
    })
    findAdapter(app.app).mount(app.app, testHooks({ guard: undefined }))
    running = await app.listen()
    const page = await fetch(`${running.url}/health`)
    expect(page.status).toBe(500)
    expect(await page.text()).not.toContain('"UP"')
  })

  it('says Connection: close while the instance leaves', async () => {
    const app = create()
    app.route('GET', '/a', () => 1)
    findAdapter(app.app).mount(app.app, testHooks())
    running = await app.listen()
    const held = wrapServer(running.server, { leaving: () => false, mayClose: async () => {} })
    const connection = async (headers: Record<string, string>) =>
      (await fetch(`${running!.url}/a`, { headers })).headers.get('connection')
    expect(await connection(bearer)).not.toBe('close')
    held.disableKeepAlive()
    expect(await connection(bearer)).toBe('close')
    expect(await connection({})).toBe('close')
    held.unwrap()
  })

  it('knows the server that serves the app from another one', async () => {
    const app = create()
    const mounted = findAdapter(app.app).mount(app.app, testHooks())
    running = await app.listen()
    const other = await create().listen()
    try {
      expect(mounted.owns(running.server)).toBe(true)
      expect(mounted.owns(other.server)).toBe(false)
    } finally {
      await other.close()
    }
  })
})

describe('findAdapter', () => {
  it.each([
    [undefined, 'undefined is not'],
    [{}, 'an object (Object)'],
    [() => {}, 'a function'],
    [Promise.resolve(), 'await it first'],
    [{ getHttpAdapter: () => {} }, 'NestJS is supported on Express and Fastify'],
  ])('refuses what is no app: %s', (app, message) => {
    expect(() => findAdapter(app)).toThrow(
      expect.objectContaining({ code: 'SIDECAR_APP_UNSUPPORTED', message: expect.stringContaining(message) as string }),
    )
  })
})
