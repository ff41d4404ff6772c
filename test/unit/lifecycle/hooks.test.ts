import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createSidecar, type SidecarOptions } from 'nacos-sidecar'
import fastify from 'fastify'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { collectLog } from '../../support/collect.js'
import { testRegistry } from '../../support/registry.js'

afterEach(() => {
  process.exitCode = undefined // a start that failed has set it
})

/** A plain server with a sidecar, on a registry of its own; `listen()` registers it. */
async function service(options: SidecarOptions & { settings?: object } = {}) {
  const registry = await testRegistry()
  registry.configs.publish({ dataId: 'hooks.yml', content: 'greeting: hello' })
  const server = createServer((_request, response) => void response.end('ok'))
  const logger = collectLog()
  const said: string[] = []
  const say = (text: string) => void said.push(text)
  const settings = { application: { name: 'hooks' }, 'cloud.nacos.config.shared-configs': ['hooks.yml'] }
  const sidecar = createSidecar({
    ...{ configPath: false, signals: false, logger },
    ...options,
    settings: registry.settings({ ...settings, ...options.settings }),
  })
  onTestFinished(async () => {
    await sidecar.stop({ drain: false })
    server.closeAllConnections()
  })
  registry.server.on('register', () => say('registered'))
  registry.server.on('deregister', () => say('deregistered'))
  const listen = async () => {
    sidecar.listening(server)
    await once(server.listen(0, '127.0.0.1'), 'listening')
  }
  return { registry, sidecar, server, listen, said, say, lines: logger.lines }
}

const urlOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
const hang = () => new Promise<never>(() => {})
const later = () => new Promise((resolve) => setImmediate(resolve))

describe('K2: start hooks', () => {
  test('K2: run one after the other, after the remote configuration and before the registration', async () => {
    const { sidecar, listen, said, say } = await service()
    sidecar.onStart(async () => {
      say(`first: ${String(sidecar.config.get('greeting'))}`)
      await later()
      say('first is done')
    })
    sidecar.onStart(() => say('second'))
    const registered = once(sidecar, 'registered')
    await listen()
    expect(sidecar.status().phase).toBe('starting')
    await registered
    expect(said).toEqual(['first: hello', 'first is done', 'second', 'registered'])
    expect(sidecar.status()).toMatchObject({ phase: 'serving', hooks: [{ state: 'done' }, { state: 'done' }] })
  })

  test('K2: one that fails ends the start: no further one, no registration, the stop hooks all the same', async () => {
    const { sidecar, listen, said, say, lines } = await service()
    sidecar.onStop(() => say('close a'), { name: 'a' })
    sidecar.onStart(() => Promise.reject(new Error('connect postgres://app:hunter2@db refused')), { name: 'open b' })
    sidecar.onStop(() => say('close b'), { name: 'b' })
    sidecar.onStart(() => say('c'))
    const stopped = once(sidecar, 'stopped')
    await listen()
    await expect(sidecar.ready).rejects.toMatchObject({
      code: 'SIDECAR_START_FAILED',
      message: expect.stringMatching(
        /^start hook "open b" failed: connect postgres:\/\/app:\*\*\*@db refused/,
      ) as string,
      cause: expect.objectContaining({ message: expect.stringContaining('hunter2') as string }) as Error,
    })
    await stopped
    expect(said).toEqual(['close b', 'close a'])
    expect(process.exitCode).toBe(1)
    expect(sidecar.status().phase).toBe('left')
    expect(JSON.stringify([lines, sidecar.status()])).not.toContain('hunter2')
  })

  test('K2: one that is not done in time ends the start, and its signal aborts', async () => {
    const { sidecar } = await service()
    let signal: AbortSignal | undefined
    sidecar.onStart((context) => ((signal = context.signal), hang()), { name: 'slow', timeout: '50ms' })
    await expect(sidecar.ready).rejects.toThrow('start hook "slow" failed: not done within 50 ms')
    expect(signal!.aborted).toBe(true)
  })

  test('K2: one added after `ready` runs at once; the registration waits for it, and later ones are refused', async () => {
    const { sidecar, listen, said, say } = await service()
    await sidecar.ready
    let open = () => {}
    sidecar.onStart(() => new Promise<void>((resolve) => (open = resolve)).then(() => say('late')), { name: 'late' })
    const registered = once(sidecar, 'registered')
    await listen()
    const { hooks, phase } = sidecar.status()
    expect({ hooks, phase }).toEqual({
      hooks: [{ name: 'late', at: 'start', state: 'running', error: undefined }],
      phase: 'starting',
    })
    open()
    await registered
    expect(said).toEqual(['late', 'registered'])
    expect(() => sidecar.onStart(() => {})).toThrow(expect.objectContaining({ code: 'SIDECAR_HOOK_INVALID' }))
  })

  test('K2: a late one that fails ends the start too', async () => {
    const { sidecar, lines } = await service()
    await sidecar.ready
    const stopped = once(sidecar, 'stopped')
    sidecar.onStart(() => Promise.reject(new Error('no')), { name: 'late' })
    await stopped
    expect(lines.filter((line) => line.startsWith('error'))).toEqual([
      'error start hook "late" failed: no. The start ends here',
    ])
  })

  test('K2: a stop in the middle of a start aborts the hook, waits for it, and runs no further one', async () => {
    const { sidecar, listen, said, say } = await service()
    const begun = new Promise<void>((resolve) => {
      sidecar.onStart(async ({ signal }) => {
        resolve()
        await once(signal, 'abort')
        await later()
        say('given up')
      })
    })
    sidecar.onStart(() => say('never'))
    sidecar.onStop(() => say('stopped'))
    await listen()
    await begun
    await sidecar.stop()
    expect(said).toEqual(['given up', 'stopped'])
    await expect(sidecar.ready).rejects.toMatchObject({ code: 'SIDECAR_STOPPED' })
  })
})

describe('K2: stop hooks', () => {
  test('K2: run in reverse order, before the deregistration or after the last request', async () => {
    const { sidecar, server, listen, said, say } = await service({ settings: { 'sidecar.drain': 30 } })
    await sidecar.ready
    const registered = once(sidecar, 'registered')
    await listen()
    await registered
    sidecar.on('draining', () => say('draining'))
    sidecar.onStop(async () => {
      await later()
      say(`pool: server ${server.listening ? 'open' : 'closed'}`)
    })
    sidecar.onStop(() => say('cache'))
    sidecar.onStop(() => say('first'), { when: 'before-deregister' })
    sidecar.onStop(() => say('never'))()
    await sidecar.stop()
    expect(said).toEqual(['registered', 'first', 'deregistered', 'draining', 'cache', 'pool: server closed'])
  })

  test('K2: may still call other services', async () => {
    const { registry, sidecar } = await service()
    await registry.stub('audit', (_request, response) => response.end('noted'))
    let answer = ''
    sidecar.onStop(async () => {
      answer = await (await sidecar.fetch('http://audit/bye')).text()
    })
    await sidecar.ready
    await sidecar.stop()
    expect(answer).toBe('noted')
  })

  test('K2: one that throws or hangs is named and stops nothing; its signal aborts', async () => {
    const { sidecar, said, say, lines } = await service()
    let signal: AbortSignal | undefined
    sidecar.onStop(() => say('last'))
    sidecar.onStop((context) => ((signal = context.signal), hang()), { name: 'hangs', timeout: 40 })
    sidecar.onStop(
      () => {
        throw new Error('password=hunter2 is wrong')
      },
      { name: 'throws' },
    )
    await sidecar.ready
    await sidecar.stop()
    expect(said).toEqual(['last'])
    expect(signal!.aborted).toBe(true)
    expect(lines.filter((line) => line.startsWith('warn'))).toEqual([
      'warn leaving: stop hook "throws" failed: password=*** is wrong',
      'warn leaving: stop hook "hangs" failed: not done within 40 ms',
    ])
    expect(sidecar.status().hooks.map(({ state }) => state)).toEqual(['done', 'running', 'failed'])
  })

  test('K2: one added while leaving is the next; once they have run, it is refused', async () => {
    const { sidecar, said, say } = await service()
    sidecar.onStop(() => say('first added'))
    sidecar.onStop(() => {
      say('adds')
      sidecar.onStop(() => say('added'))
    })
    const refused = expect.objectContaining({ code: 'SIDECAR_STOPPED' }) as Error
    sidecar.onStop(() => {
      expect(() => sidecar.onStop(() => {}, { when: 'before-deregister' })).toThrow(refused)
      expect(() => sidecar.onStart(() => {})).toThrow(refused)
      say('refused')
    })
    await sidecar.ready
    await sidecar.stop()
    expect(said).toEqual(['refused', 'adds', 'added', 'first added'])
    expect(() => sidecar.onStop(() => {})).toThrow(refused)
  })

  test('K2: sidecar.leave-timeout caps the whole leave, and one warning names what is open', async () => {
    const { sidecar, said, say, lines } = await service({ settings: { 'sidecar.leave-timeout': 500 } })
    sidecar.onStop(({ killed }) => say(`not begun, killed: ${killed}`), { name: 'pool' })
    sidecar.onStop(hang, { name: 'queue', timeout: '1h' })
    await sidecar.ready
    await sidecar.stop()
    expect(said).toEqual(['not begun, killed: true'])
    expect(lines.filter((line) => line.includes('leave-timeout'))).toEqual([
      expect.stringMatching(
        /^warn sidecar\.leave-timeout \(500 ms\) is over, still open: stop hook "queue"(?!.*pool)/,
      ) as string,
    ])
  })

  test('K2: hooks that add a further one for ever end with the limit of the leave', async () => {
    const { sidecar } = await service({ settings: { 'sidecar.leave-timeout': 200 } })
    let refused: unknown
    const addAnother = () => {
      try {
        sidecar.onStop(addAnother)
      } catch (error) {
        refused ??= error
      }
    }
    sidecar.onStop(addAnother)
    await sidecar.ready
    await sidecar.stop({ drain: false })
    expect(refused).toMatchObject({ code: 'SIDECAR_STOPPED' })
  })

  test('K2: sidecar.leave-timeout cuts requests that do not end', async () => {
    // The backlog of a busy machine may take 1.5 s of it.
    const { sidecar, server, listen, lines } = await service({ settings: { 'sidecar.leave-timeout': 2_500 } })
    server.removeAllListeners('request')
    const asked = once(server, 'request')
    const registered = once(sidecar, 'registered')
    await listen()
    await registered
    const answer = fetch(urlOf(server)).catch((error: unknown) => error)
    await asked
    await sidecar.stop()
    expect(await answer).toBeInstanceOf(TypeError)
    expect(lines.join('\n')).toMatch(/leave-timeout \(2500 ms\) is over, still open: closing the server/)
  })

  test("K2: what the app does after its server's close waits for the hooks; a hook may close the server", async () => {
    const { sidecar, server, listen, said, say } = await service()
    const registered = once(sidecar, 'registered')
    await listen()
    await registered
    sidecar.onStop(async () => {
      await later()
      say('pool')
    })
    sidecar.onStop(() => new Promise<void>((resolve) => server.close(() => resolve())))
    const stopped = sidecar.stop()
    const closed = new Promise<void>((resolve) => server.close(() => (say('closed'), resolve())))
    await Promise.all([stopped, closed])
    expect(said).toEqual(['registered', 'deregistered', 'pool', 'closed'])
  })
})

test.each([
  ["what follows Fastify's own close waits for the hooks", false],
  ['a hook may close a Fastify app', true],
])('K2: %s', async (_, byHook) => {
  const registry = await testRegistry()
  const app = fastify()
  const logger = collectLog()
  const sidecar = createSidecar({
    ...{ app, configPath: false, signals: false, logger },
    settings: registry.settings({ 'application.name': 'hooks' }),
  })
  const said: string[] = []
  const registered = once(sidecar, 'registered')
  await app.listen({ port: 0, host: '127.0.0.1' })
  await registered
  sidecar.onStop(async () => {
    await later()
    said.push('pool')
  })
  if (byHook) sidecar.onStop(() => app.close().then(() => void said.push('closed')), { timeout: '1m' })
  const stopped = sidecar.stop()
  if (!byHook) await app.close().then(() => void said.push('closed'))
  await stopped
  expect(said).toEqual(byHook ? ['closed', 'pool'] : ['pool', 'closed'])
  expect(logger.lines.filter((line) => line.includes('failed'))).toEqual([])
})

test('K2: hooks among the options of a sidecar', async () => {
  const said: string[] = []
  const { sidecar } = await service({
    onStart: ({ sidecar }) => {
      said.push(String(sidecar.config.get('greeting')))
      sidecar.provide('db', { start: () => 1, stop: () => void said.push('db stopped') })
    },
    onStop: [
      function closePool({ killed, sidecar }) {
        said.push(`${sidecar.status().phase} ${killed}`)
      },
    ],
  })
  await sidecar.ready
  expect(sidecar.status().hooks.map(({ name }) => name)).toEqual(['onStart', 'closePool'])
  expect(sidecar.status().resources).toMatchObject([{ name: 'db', status: 'UP' }])
  await sidecar.stop()
  expect(said).toEqual(['hello', 'db stopped', 'leaving false'])
})

test.each<[string, (sidecar: ReturnType<typeof createSidecar>) => unknown]>([
  ['no function', (sidecar) => sidecar.onStart('close' as never)],
  ['a timeout that is none', (sidecar) => sidecar.onStop(() => {}, { timeout: 'soon' })],
  ['a timeout of 0', (sidecar) => sidecar.onStart(() => {}, { timeout: 0 })],
  ['a name that is no text', (sidecar) => sidecar.onStart(() => {}, { name: Symbol('a') as never })],
  ['options that are none', (sidecar) => sidecar.onStop(() => {}, null as never)],
  ['another moment', (sidecar) => sidecar.onStop(() => {}, { when: 'later' as never })],
])('K2: %s is refused at once', async (_, add) => {
  const { sidecar } = await service()
  expect(() => add(sidecar)).toThrow(expect.objectContaining({ code: 'SIDECAR_HOOK_INVALID' }))
})

test.each([
  ['onStop', 'close'],
  ['statsReporter', {}],
])('K2: an option that has no function is refused before anything starts: %s', (option, given) => {
  expect(() => createSidecar({ configPath: false, [option]: given })).toThrow(
    expect.objectContaining({ code: 'SIDECAR_HOOK_INVALID', message: expect.stringContaining(option) as string }),
  )
})
