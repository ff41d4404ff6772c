import { readFileSync } from 'node:fs'
import { Agent, get, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { spawnSync } from 'node:child_process'
import { afterEach, expect, test } from 'vitest'
import { shutDownOnSignals } from '../../../src/lifecycle/signals.js'
import { killChildren, startChild, type Child, type ChildOptions } from '../../support/child.js'
import { bound } from '../../support/scale.js'

const APP = new URL('../../fixtures/apps/lifecycle-app.ts', import.meta.url)
const DRAIN = 500
afterEach(killChildren)

interface Event {
  readonly type: string
  readonly at: number
}

async function start(env: Record<string, string> = {}, options: ChildOptions = {}) {
  const app = startChild(APP, { ...options, env: { DRAIN: String(DRAIN), ...env } })
  const { port } = await app.message<{ port: number }>('listening')
  return { app, port }
}

async function call(port: number, path = '/', agent = new Agent()): Promise<IncomingMessage> {
  const [response] = (await once(get({ port, path, agent }), 'response')) as [IncomingMessage]
  response.resume()
  await once(response, 'end')
  return response
}

const told = (app: Child) => app.messages.map((message) => message['type'])
const at = (app: Child, type: string) => app.messages.find((message) => message['type'] === type)!['at'] as number
const ended = async (app: Child) => {
  const exit = await app.exited
  return { ...exit, at: Date.now() }
}

test('SIGTERM, no handler of the app: deregister, serve, close, end by the signal', async () => {
  const { app, port } = await start()
  const agent = new Agent({ keepAlive: true })
  expect((await call(port, '/', agent)).headers.connection).toBe('keep-alive')
  const slow = call(port, '/slow/100')
  await app.message('slow')
  app.signal('SIGTERM')
  await app.message<Event>('deregistered')
  // Still served, on connections old and new, and told to go.
  expect((await call(port, '/', agent)).headers.connection).toBe('close')
  expect((await call(port)).headers.connection).toBe('close')
  expect((await slow).statusCode).toBe(200)
  const exit = await ended(app)
  expect(exit).toMatchObject({ code: null, signal: 'SIGTERM' })
  expect(told(app).slice(3)).toEqual(['deregistered', 'draining', 'closing', 'clientsClosed', 'stopped'])
  expect(at(app, 'clientsClosed') - at(app, 'deregistered')).toBeGreaterThanOrEqual(DRAIN - 5)
  expect(exit.at - at(app, 'stopped')).toBeLessThan(bound(300))
})

test.each(['close', 'once'])(
  "SIGTERM beside the app's own server.close(() => process.exit()), added with %s",
  async (HANDLER) => {
    const { app, port } = await start({ HANDLER })
    app.signal('SIGTERM')
    await app.message('draining')
    const slow = call(port, `/slow/${DRAIN + 300}`)
    expect((await call(port)).statusCode).toBe(200)
    expect((await slow).statusCode).toBe(200)
    // 99 would say that close had an error.
    expect(await app.exited).toEqual({ code: 0, signal: null })
    expect(told(app)).toContain('deregistered')
  },
)

test('SIGTERM, an app that only logs it and stays: 143, half a second after the leave', async () => {
  const { app } = await start({ HANDLER: 'log', STAYS: '1' })
  app.signal('SIGTERM')
  const exit = await ended(app)
  expect(exit).toMatchObject({ code: 143, signal: null })
  expect(told(app).filter((type) => type === 'heard')).toHaveLength(1)
  expect(exit.at - at(app, 'stopped')).toBeGreaterThan(400)
  expect(exit.at - at(app, 'stopped')).toBeLessThan(bound(1200))
})

test('SIGTERM, an app that only logs it: once nothing is left, the process ends by itself', async () => {
  const { app } = await start({ HANDLER: 'log' })
  app.signal('SIGTERM')
  expect(await app.exited).toEqual({ code: 0, signal: null })
  expect(told(app)).toContain('clientsClosed')
})

test('SIGTERM, an app that exits on the spot: deregistered all the same', async () => {
  const { app } = await start({ HANDLER: 'exit' })
  app.signal('SIGTERM')
  expect(await app.exited).toEqual({ code: 7, signal: null })
  expect(told(app)).toContain('deregisteredSync')
})

test('SIGINT: no drain, requests in flight finish', async () => {
  const { app, port } = await start({ DRAIN: '20000' })
  const slow = call(port, '/slow/300', new Agent({ keepAlive: true }))
  const { at: began } = await app.message<Event>('slow')
  app.signal('SIGINT')
  expect((await slow).statusCode).toBe(200)
  const exit = await ended(app)
  expect(exit).toMatchObject({ code: null, signal: 'SIGINT' })
  expect(told(app)).not.toContain('draining')
  expect(at(app, 'deregistered') - began).toBeLessThan(bound(1000))
  expect(exit.at - began).toBeLessThan(bound(1500))
})

test.each(['SIGHUP', 'SIGQUIT'] as const)(
  'K34: %s deregisters as SIGINT does, and ends the process as Node would',
  async (signal) => {
    const { app } = await start({ DRAIN: '20000' })
    app.signal(signal)
    expect(await app.exited).toEqual({ code: null, signal })
    expect(told(app).slice(2)).toEqual(['deregistered', 'closing', 'clientsClosed', 'stopped'])
  },
)

test('K34: an app that listens to SIGHUP itself means something else by it, and goes on', async () => {
  const { app, port } = await start({ ON_HANGUP: 'reload' })
  app.signal('SIGHUP')
  await app.message('reloaded')
  expect((await call(port, '/', new Agent({ keepAlive: true }))).headers.connection).toBe('keep-alive')
  expect(told(app)).not.toContain('deregistered')
})

test('K34: SIGHUP with npm signal-exit in the process, which listens for tools: deregistered all the same', async () => {
  const { app } = await start({ ON_HANGUP: 'signal-exit' })
  app.signal('SIGHUP')
  expect(await app.exited).toEqual({ code: null, signal: 'SIGHUP' })
  expect(told(app)).toContain('deregistered')
})

test('K34: SIGUSR2 is left to the app', async () => {
  const { app } = await start()
  app.signal('SIGUSR2')
  expect(await app.exited).toEqual({ code: null, signal: 'SIGUSR2' })
  expect(told(app)).not.toContain('deregistered')
})

test('K33: a process that something else ends in the middle of a drain says so', async () => {
  const { app } = await start({ DRAIN: '20000', HANDLER: 'late' })
  app.signal('SIGTERM')
  await app.line(
    /WARN .*the process ends \d+ ms after the shutdown began, during drain: other code called process\.exit/,
  )
  expect(await app.exited).toEqual({ code: 1, signal: null })
})

test('K33: a crash in the middle of a drain is called a crash', async () => {
  const { app, port } = await start({ DRAIN: '20000', ON: 'throw' })
  app.signal('SIGTERM')
  await app.message('draining')
  call(port, '/do').catch(() => {})
  await app.line(/WARN .*the process ends \d+ ms after the shutdown began, during drain: an uncaught exception/)
  expect(await app.exited).toEqual({ code: 1, signal: null })
})

test('a second signal ends at once', async () => {
  const { app } = await start({ DRAIN: '20000', HANDLER: 'close' })
  app.signal('SIGTERM')
  await app.message('draining')
  const second = Date.now()
  app.signal('SIGINT')
  const exit = await ended(app)
  expect(exit).toMatchObject({ code: 130, signal: null })
  expect(exit.at - second).toBeLessThan(5_000)
})

test('a second signal, so early that nothing is done yet', async () => {
  const { app } = await start({ DEREGISTER_TAKES: '2000', HANDLER: 'close' })
  app.signal('SIGINT')
  await app.line('SIGINT: leaving')
  app.signal('SIGINT')
  expect(await app.exited).toEqual({ code: 130, signal: null })
  expect(told(app)).not.toContain('deregisteredSync')
})

test('under node --watch there is no drain', async () => {
  const { app } = await start({ DRAIN: '20000', WATCH_REPORT_DEPENDENCIES: '1' })
  app.signal('SIGTERM')
  expect(await app.exited).toEqual({ code: null, signal: 'SIGTERM' })
  expect(told(app)).not.toContain('draining')
})

const namespaces = spawnSync('unshare', ['-r', '-p', '-f', 'true']).status === 0

test.skipIf(!namespaces).each(['none', 'log'])(
  'as PID 1, which default actions spare (handler: %s): 143',
  async (HANDLER) => {
    const { app } = await start(
      { HANDLER, STAYS: '1' },
      { wrapper: ['unshare', '-r', '-p', '-f', '--mount-proc', '--kill-child'] },
    )
    const node = Number(readFileSync(`/proc/${app.pid}/task/${app.pid}/children`, 'utf8'))
    process.kill(node, 'SIGTERM')
    const exit = await ended(app)
    expect(exit.code).toBe(143)
    expect(exit.at - at(app, 'stopped')).toBeLessThan(bound(1500))
  },
)

test('stop(): the whole leave, once, and the process can end by itself', async () => {
  const { app, port } = await start({ ON: 'stop' })
  await call(port, '/do')
  const { phase } = await app.message<{ phase: string }>('stopReturned')
  expect(phase).toBe('left')
  expect(await app.exited).toEqual({ code: 0, signal: null })
  expect(told(app).slice(2)).toEqual([
    'deregistered',
    'draining',
    'closing',
    'clientsClosed',
    'stopped',
    'stopReturned',
  ])
})

test('a signal during stop() skips nothing and ends by the signal; SIGINT ends the drain', async () => {
  const { app, port } = await start({ ON: 'stop', DRAIN: '20000' })
  await call(port, '/do')
  await app.message('draining')
  app.signal('SIGINT')
  expect(await app.exited).toEqual({ code: null, signal: 'SIGINT' })
  expect(told(app)).toContain('clientsClosed')
})

test('an app that closes its server by itself is deregistered first', async () => {
  const { app, port } = await start({ ON: 'close' })
  await call(port, '/do')
  await app.message('appClosed')
  expect(told(app).slice(2)).toEqual(['deregistered', 'appClosed'])
  expect(await app.exited).toEqual({ code: 0, signal: null })
})

test('several sidecars share one listener, and take it away with the last', () => {
  const count = () => process.listenerCount('SIGTERM')
  const before = count()
  const shutDown = async () => {}
  const [a, b] = [shutDownOnSignals({ shutDown }), shutDownOnSignals({ shutDown })]
  expect(count()).toBe(before + 1)
  a()
  expect(count()).toBe(before + 1)
  b()
  b()
  expect(count()).toBe(before)
})

test('SIGTERM passed on by a parent to a group that has had it already is one wish', async () => {
  const { app, port } = await start({ DEREGISTER_TAKES: '300', ON: 'twice' })
  await call(port, '/do')
  expect(await app.exited).toEqual({ code: null, signal: 'SIGTERM' })
  expect(told(app)).toContain('deregistered')
})
