import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startDevServer, type DevServer } from 'nacos-sidecar/dev-server'
import type { ServiceInstance } from 'nacos-sidecar'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { RUN_SETTINGS, type RunSetting } from '../../src/settings/run/run-settings.js'
import { killChildren, startChild, type Child, type ChildExit } from '../support/child.js'
import { startFaultProxy } from '../support/fault-proxy.js'
import { tempFolder } from '../support/temp-folder.js'

const CLI = new URL('../../dist/cli/main.js', import.meta.url)
const APP = fileURLToPath(new URL('../fixtures/apps/plain-app.mjs', import.meta.url))
const CLOSED = '127.0.0.1:1'

/** The settings of one process, by their fields of nacos.yaml. */
type Said = Readonly<Record<string, string>>
type Source = 'flags' | 'variables' | 'nacos.yaml' | 'nacos.yaml, sections at the top'

const cleanUps: (() => unknown)[] = []
const later = (cleanUp: () => unknown) => void cleanUps.push(cleanUp)
afterAll(async () => {
  await killChildren()
  for (const cleanUp of cleanUps.reverse()) await cleanUp()
})

const rowOf = (field: string): RunSetting => RUN_SETTINGS.find((row) => row.field === field)!

/** One source says all of it; what has no flag is given by its variable. */
function start(source: Source, said: Said, env: Record<string, string> = {}, script = APP, args: string[] = []): Child {
  const flags: string[] = []
  const vars: Record<string, string> = {}
  const document: Record<string, unknown> = {}
  for (const [field, text] of Object.entries(said)) {
    const { flag, env: names, takes } = rowOf(field)
    if (source === 'variables' || (source === 'flags' && flag === undefined)) vars[names[0]!] = text
    else if (source === 'flags') flags.push(...(takes === 'switch' ? [`--${flag}=${text}`] : [`--${flag}`, text]))
    else document[field] = takes === 'pairs' ? Object.fromEntries([text.split('=')]) : text
  }
  // Dotted names are levels.
  const below = source === 'nacos.yaml'
  const yaml = Object.entries(document).map(([field, value]) => {
    const nested = below || !field.includes('.')
    return `${nested ? 'nacos.' : ''}${field}: ${JSON.stringify(value)}`
  })
  const cwd = tempFolder(yaml.length > 0 ? { 'nacos.yaml': yaml.join('\n') } : { 'bootstrap.yml': '{}' }, later)
  return startChild(CLI, {
    args: ['run', ...flags, script, 'first', '--second', ...args],
    cwd,
    env: { ...vars, ...env },
  })
}

const portOf = async (child: Child) => (await child.message<{ port: number }>('listening')).port
const ask = async (port: number, path: string, init?: RequestInit) => {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, init)
  return { status: response.status, body: await response.text() }
}

const BASE: Said = { 'service.ip': '127.0.0.1', 'service.name': 'orders' }
/** What disturbs nothing else. */
const USUAL: Said = {
  ...BASE,
  namespace: 'dev',
  username: 'reader',
  password: 'canary',
  'service.group': 'SHOP',
  'service.cluster': 'HZ',
  'service.weight': '2.5',
  'service.metadata': 'version=1.10',
  'heartbeat.interval': '7',
  'shutdown.graceful': 'false',
}

interface Usual {
  readonly instance: ServiceInstance
  readonly port: number
  readonly child: Child
  readonly exit: ChildExit
  readonly logFile: string
  readonly answer: { status: number; body: string }
}

let registry: DevServer
let closedRegistry: DevServer

async function runUsual(source: Source, framework: string): Promise<Usual> {
  const logFile = join(tempFolder({}, later), 'run.log')
  const name = `orders-${framework}`
  const said = { ...USUAL, 'service.name': name, server: closedRegistry.address, 'logging.file': logFile }
  const child = start(source, said, { FRAMEWORK: framework })
  const port = await portOf(child)
  const instancesOf = () => closedRegistry.services().find(({ service }) => service === name)?.instances ?? []
  await child.line(/INFO {2}nacos-sidecar registered /)
  const [instance] = instancesOf()
  const answer = await ask(port, '/hello')
  child.signal('SIGTERM')
  const exit = await child.exited
  expect(instancesOf()).toEqual([])
  return { instance: instance!, port, child, exit, logFile: readFileSync(logFile, 'utf8'), answer }
}

/** Registered by a request, left in the registry, cut in the middle of a request; its registry hangs meanwhile. */
async function runOnRequest() {
  const own = await startDevServer({ grpcPort: false })
  later(() => own.stop())
  const proxy = await startFaultProxy({ port: own.port })
  later(() => proxy.close())
  const said = {
    ...{ ...BASE, server: `127.0.0.1:${proxy.port}`, 'service.port': '8001', 'heartbeat.interval': '1' },
    ...{ 'registration.register_on_request': 'true', 'heartbeat.timeout': '300ms' },
    ...{ 'shutdown.timeout': '1', 'shutdown.deregister': 'false' },
  }
  const child = start('nacos.yaml, sections at the top', said, { FRAMEWORK: 'nest' })
  const port = await portOf(child)
  const preflight = { origin: 'http://a', 'access-control-request-method': 'GET' }
  await ask(port, '/health')
  await ask(port, '/hello', { method: 'OPTIONS', headers: preflight })
  const before = own.services().length
  const registered = once(own, 'register')
  await ask(port, '/hello')
  const [{ instance }] = (await registered) as [{ instance: ServiceInstance }]
  await child.line('registered')
  await proxy.set('hang')
  await child.line(/heartbeat failed .*300 ms/)
  const cut = ask(port, '/hang').catch(() => 'cut')
  await new Promise((resolve) => setTimeout(resolve, 100))
  child.signal('SIGTERM')
  const exit = await child.exited
  return { before, instance, exit, child, cut: await cut, left: own.services().flatMap(({ instances }) => instances) }
}

/** Never registered: the app would do it itself; and it sees an empty list at once. */
async function runManual() {
  const provider = { serviceName: 'provider', ip: '127.0.0.1', port: '1', groupName: 'DEFAULT_GROUP' }
  const provide = (method: string) =>
    fetch(`${registry.url}/nacos/v1/ns/instance?${new URLSearchParams(provider)}`, { method })
  await provide('POST')
  const folder = tempFolder({}, later)
  const said = {
    ...{ ...BASE, 'service.name': 'manual', server: registry.address, 'logging.level': 'warn' },
    ...{ 'registration.register_on_startup': 'false', 'registration.register_on_request': 'false' },
    'discovery.empty_protection': 'false',
  }
  const script = fileURLToPath(new URL('../fixtures/apps/listing-app.cjs', import.meta.url))
  const child = start('flags', said, { FOLDER: folder }, script)
  const port = await portOf(child)
  expect((await ask(port, '/provider')).body).toBe('1')
  await provide('DELETE')
  await vi.waitFor(async () => expect((await ask(port, '/provider')).body).toBe('0'))
  child.signal('SIGTERM')
  await child.exited
  return { child, registered: registry.services().filter(({ service }) => service === 'manual') }
}

/** A registry that is down. */
async function runRetries() {
  const said = { ...BASE, server: CLOSED, 'registration.retry_times': '1', 'registration.retry_interval': '2.5' }
  const child = start('variables', said)
  const port = await portOf(child)
  await child.line('gave up registering')
  const answer = await ask(port, '/hello')
  child.signal('SIGTERM')
  await child.exited
  return { child, answer }
}

/** Its name is that of its package; nothing is registered, and it ends by itself. */
async function runUnregistered() {
  const files = { 'package.json': '{"name":"@shop/prices"}', 'app.cjs': `import(${JSON.stringify(APP)})` }
  const folder = tempFolder(files, later)
  const said = { server: registry.address, 'registration.auto_register': 'false' }
  const child = start('flags', said, {}, join(folder, 'app.cjs'))
  const port = await portOf(child)
  await ask(port, '/exit').catch(() => {})
  const exit = await child.exited
  return { exit, child, registered: registry.services().filter(({ service }) => service === 'prices') }
}

interface Runs {
  readonly usual: Readonly<Record<string, Usual>>
  readonly onRequest: Awaited<ReturnType<typeof runOnRequest>>
  readonly manual: Awaited<ReturnType<typeof runManual>>
  readonly retries: Awaited<ReturnType<typeof runRetries>>
  readonly unregistered: Awaited<ReturnType<typeof runUnregistered>>
}

let runs: Runs

beforeAll(async () => {
  const auth = { username: 'reader', password: 'canary' }
  ;[registry, closedRegistry] = await Promise.all([startDevServer(), startDevServer({ auth })])
  later(() => Promise.all([registry.stop(), closedRegistry.stop()]))
  const [express, fastify, koa, onRequest, manual, retries, unregistered] = await Promise.all([
    runUsual('flags', 'express'),
    runUsual('variables', 'fastify'),
    runUsual('nacos.yaml', 'koa'),
    runOnRequest(),
    runManual(),
    runRetries(),
    runUnregistered(),
  ])
  runs = { usual: { express, fastify, koa }, onRequest, manual, retries, unregistered }
}, 120_000)

const instanceHas = (part: object) => () => {
  for (const { instance } of Object.values(runs.usual)) expect(instance).toMatchObject(part)
}
const isRegistered = instanceHas({ healthy: true })

/** What each row changed, by its field. */
const SHOWN: Readonly<Record<string, () => void>> = {
  server: isRegistered,
  namespace: instanceHas({ namespace: 'dev' }),
  // The registry admits this user only.
  username: isRegistered,
  password: isRegistered,
  'service.name': () =>
    expect(Object.values(runs.usual).map(({ instance }) => instance.service)).toEqual([
      ...['orders-express', 'orders-fastify', 'orders-koa'],
    ]),
  'service.port': () => expect(runs.onRequest.instance.port).toBe(8001),
  'service.ip': instanceHas({ ip: '127.0.0.1' }),
  'service.group': instanceHas({ group: 'SHOP' }),
  'service.cluster': instanceHas({ cluster: 'HZ' }),
  'service.weight': instanceHas({ weight: 2.5 }),
  'service.metadata': instanceHas({ metadata: expect.objectContaining({ version: '1.10' }) }),
  'registration.auto_register': () => expect(runs.unregistered.registered).toEqual([]),
  'registration.register_on_request': () => {
    expect(runs.onRequest.before).toBe(0)
    expect(runs.onRequest.child.stderr).toContain('the first request was answered: registering')
  },
  'registration.register_on_startup': () => expect(runs.manual.registered).toEqual([]),
  'registration.retry_times': () => {
    expect(runs.retries.child.stderr).toMatch(/ERROR nacos-sidecar gave up registering \S+ .* after 2 attempts/)
    expect(runs.retries.answer.status).toBe(200)
  },
  'registration.retry_interval': () => {
    const at = (text: string) => Date.parse(new RegExp(`^(\\S+) .*${text}`, 'm').exec(runs.retries.child.stderr)![1]!)
    // The usual pause is 2 s at most.
    expect(at('gave up registering') - at('cannot register')).toBeGreaterThan(2_400)
  },
  'heartbeat.interval': instanceHas({ metadata: expect.objectContaining({ 'preserved.heart.beat.interval': '7000' }) }),
  'heartbeat.timeout': () => expect(runs.onRequest.child.stderr).toMatch(/heartbeat failed .*300 ms/),
  'shutdown.graceful': () => {
    for (const { child } of Object.values(runs.usual)) {
      expect(child.stderr).toContain('SIGTERM: leaving')
      expect(child.stderr).not.toMatch(/serving for another/)
    }
  },
  'shutdown.timeout': () => {
    expect(runs.onRequest.cut).toBe('cut')
    expect(runs.onRequest.child.stderr).toContain('when sidecar.leave-timeout was over')
  },
  'shutdown.deregister': () => {
    expect(runs.onRequest.left).toEqual([runs.onRequest.instance])
    expect(runs.onRequest.child.stderr).toContain('stays registered (sidecar.deregister-on-exit)')
  },
  // Protected, the list would be held for half a minute.
  'discovery.empty_protection': () => expect(runs.manual.child.stderr).not.toContain('sidecar.empty-protection'),
  'logging.level': () => {
    expect(runs.retries.child.stderr).toContain(' INFO ')
    expect(runs.manual.child.stderr).not.toContain(' INFO ')
  },
  'logging.file': () => {
    for (const { logFile } of Object.values(runs.usual))
      expect(logFile).toMatch(/ registered SHOP@@orders-.*\n[^]* deregistered /)
  },
}

test.each(RUN_SETTINGS)('nacos-sidecar run: $field', ({ field }) => {
  expect(SHOWN).toHaveProperty([field])
  SHOWN[field]!()
})

describe('nacos-sidecar run', () => {
  test.each(['express', 'fastify', 'koa'])('%s: the real port, its own output, arguments and end', (framework) => {
    const { instance, port, child, exit, answer } = runs.usual[framework]!
    expect(instance.port).toBe(port)
    expect(answer).toEqual({ status: 200, body: JSON.stringify({ hello: framework }) })
    expect(child.messages).toEqual([{ type: 'listening', port, argv: [APP, 'first', '--second'] }])
    expect(child.stdout.trim().split('\n')).toHaveLength(1)
    expect(exit).toEqual({ code: null, signal: 'SIGTERM' })
    expect(child.stderr + child.stdout).not.toContain('canary')
  })

  test('the exit code is the app’s; without a name the service has that of its package', () => {
    expect(runs.unregistered.exit).toEqual({ code: 3, signal: null })
    expect(runs.onRequest.exit).toEqual({ code: null, signal: 'SIGTERM' })
  })
})

describe('nacos-sidecar run, further ways', () => {
  test('TypeScript by the app’s tsx; the workers of a cluster register with the same flags; the end is the app’s', async () => {
    const script = fileURLToPath(new URL('../fixtures/apps/typed-cluster.ts', import.meta.url))
    const said = { ...BASE, 'service.name': 'typed', server: registry.address, 'shutdown.graceful': 'false' }
    const child = start('flags', said, {}, script)
    const { port, argv } = await child.message<{ port: number; argv: string[] }>('worker')
    expect(argv).toEqual(['first', '--second'])
    expect(await child.message('primary')).toMatchObject({ argv, execArgv: [] })
    await child.line(/ registered /)
    const instances = () => registry.services().find(({ service }) => service === 'typed')?.instances
    expect(instances()).toEqual([expect.objectContaining({ port, ip: '127.0.0.1' })])
    child.signal('SIGTERM')
    expect(await child.exited).toEqual({ code: 7, signal: null })
    expect(instances() ?? []).toEqual([])
  })

  test('--import nacos-sidecar/register: the same with variables and nacos.yaml', async () => {
    const cwd = tempFolder({
      'nacos.yaml': `nacos: { server: "${registry.address}", service: { group: SHOP, ip: 127.0.0.1 } }`,
    })
    const register = new URL('../../dist/register.js', import.meta.url).href
    const env = { NACOS_SERVICE_NAME: 'imported', NACOS_GRACEFUL_SHUTDOWN: 'false' }
    const child = startChild(APP, { execArgv: ['--import', register], cwd, env })
    const port = await portOf(child)
    await child.line(/ registered /)
    expect(registry.services().find(({ service }) => service === 'imported')).toMatchObject({
      group: 'SHOP',
      instances: [expect.objectContaining({ port, ip: '127.0.0.1' })],
    })
    child.signal('SIGTERM')
    expect(await child.exited).toEqual({ code: null, signal: 'SIGTERM' })
  })

  test.each([
    ['what the app throws', "throw new Error('own')", ['Error: own', 'app.cjs:1']],
    [
      'a setting that is wrong',
      'console.log("started")',
      ['nacos-sidecar: command line: --service-port', 'expected an integer'],
    ],
  ])('%s ends it with code 1, and is said as it is', async (what, source, said) => {
    const folder = tempFolder({ 'app.cjs': source, 'package.json': '{"name":"a"}' })
    const flags = what.includes('setting') ? ['--service-port', '80a'] : ['--nacos-server', CLOSED]
    const child = startChild(CLI, { args: ['run', ...flags, 'app.cjs'], cwd: folder })
    expect(await child.exited).toEqual({ code: 1, signal: null })
    for (const text of said) expect(child.stderr).toContain(text)
    expect(child.stdout).toBe('')
  })
})
