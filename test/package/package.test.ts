import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createConsumer, REPOSITORY, tool, type Consumer } from './consumer.js'
import { describeFirstUse } from './first-use.js'
import { nodeVersions } from './node-versions.js'

/** What a process may load only if the app brings it. */
const OPTIONAL = ['express', 'fastify', 'koa', '@nestjs/common', '@nestjs/core', 'nacos']
/** Loaded later, or part of the built package. */
const LATER = ['axios', 'undici', 'zod']
/** Installed beside the package, so that loading one would succeed. */
const LINKED = ['express', 'fastify', 'koa', '@nestjs/common', '@nestjs/core', 'nacos', '@types/node', 'undici-types']

let consumer: Consumer
/** Every way in that holds code: `nacos-sidecar`, `nacos-sidecar/express`, … */
let entries: string[]

beforeAll(async () => {
  consumer = await createConsumer()
  for (const name of LINKED) consumer.link(name)
  entries = Object.keys(consumer.manifest.exports)
    .filter((path) => !path.endsWith('.json'))
    .map((path) => `nacos-sidecar${path.slice(1)}`)
}, 900_000)
afterAll(() => consumer?.remove())

describe('the tarball', () => {
  it('holds what it needs and nothing else', () => {
    for (const file of [
      'package.json',
      'README.md',
      'LICENSE',
      'CHANGELOG.md',
      'bootstrap.schema.json',
      'nacos.schema.json',
    ]) {
      expect(consumer.files).toContain(file)
    }
    // The README links to them.
    expect(consumer.files).toEqual(expect.arrayContaining(['docs/settings.md', 'README.zh-CN.md']))
    const strays = consumer.files.filter(
      (file) =>
        !/^(dist\/|docs\/|README\.zh-CN\.md$|[A-Z]+(\.md)?$|package\.json$|(bootstrap|nacos)\.schema\.json$)/.test(
          file,
        ),
    )
    expect(strays).toEqual([])
  })

  it('names no path of the machine it was built on', () => {
    for (const file of consumer.files.filter((one) => /\.(js|cjs|ts|cts|json|map)$/.test(one))) {
      const text = readFileSync(join(consumer.folder, 'node_modules', 'nacos-sidecar', file), 'utf8')
      expect(text.includes(process.cwd()), file).toBe(false)
    }
  })

  it('has every file its package.json points to', () => {
    const targets = (node: unknown): string[] =>
      typeof node === 'string' ? [node] : Object.values(node as Record<string, unknown>).flatMap(targets)
    for (const path of targets(consumer.manifest.exports)) {
      expect(existsSync(join(consumer.folder, 'node_modules', 'nacos-sidecar', path)), path).toBe(true)
    }
  })

  it('passes publint --strict', async () => {
    const { messages } = await publint({
      pkgDir: join(consumer.folder, 'node_modules', 'nacos-sidecar'),
      strict: true,
      pack: false,
    })
    expect(messages.map((message) => formatMessage(message, consumer.manifest))).toEqual([])
  })

  it('passes are-the-types-wrong in every mode of resolution', async () => {
    await expect(consumer.run(tool('attw'), [consumer.tarball, '--no-color'])).resolves.toContain('No problems found')
  })
})

describe('what npm installs with it', () => {
  interface Locked {
    readonly packages: Record<string, { readonly hasInstallScript?: boolean }>
  }
  const installed = () => {
    const lock = JSON.parse(readFileSync(join(consumer.folder, 'package-lock.json'), 'utf8')) as Locked
    return Object.entries(lock.packages).filter(([path]) => path !== '')
  }

  it('is at most 45 packages, itself among them', () => {
    const names = installed().map(([path]) => path.replace(/^.*node_modules\//, ''))
    expect(names).toContain('nacos-sidecar')
    expect(names.length, names.join(' ')).toBeLessThanOrEqual(45)
  })

  it('runs no script when it is installed', () => {
    expect(installed().filter(([, { hasInstallScript }]) => hasInstallScript)).toEqual([])
  })
})

describe.each(nodeVersions())('$label', ({ path: node = '', reason }) => {
  it.skipIf(!!reason)('can be had', () => {})
  const on = (title: string, body: () => Promise<void>) =>
    it(title, async ({ skip }) => {
      if (reason) return skip(reason)
      await body()
    })

  on('imports every way in, as ESM and as CommonJS', async () => {
    const list = JSON.stringify(entries.filter((entry) => entry !== 'nacos-sidecar/register'))
    const esm = consumer.write(
      'every.mjs',
      `for (const entry of ${list}) {
         if (Object.keys(await import(entry)).length === 0) throw new Error(entry + ' exports nothing')
       }
       console.log('ok')`,
    )
    const cjs = consumer.write('every.cjs', `for (const entry of ${list}) require(entry)\nconsole.log('ok')`)
    await expect(consumer.run(node, [esm])).resolves.toContain('ok')
    await expect(consumer.run(node, [cjs])).resolves.toContain('ok')
  })

  on('registers, discovers, calls and leaves, as ESM', async () => {
    const file = consumer.write('story.mjs', `${IMPORTS_ESM}\n${STORY}\nawait story()`)
    await expect(consumer.run(node, [file])).resolves.toContain('hello world')
  })

  on('registers, discovers, calls and leaves, as CommonJS', async () => {
    const file = consumer.write('story.cjs', `${IMPORTS_CJS}\n${STORY}\nstory()`)
    await expect(consumer.run(node, [file])).resolves.toContain('hello world')
  })

  on('joins without a line of code through --import nacos-sidecar/register', async () => {
    const file = consumer.write('registered.mjs', `${IMPORTS_ESM}\n${REGISTERED}`)
    await expect(consumer.run(node, [file])).resolves.toContain('registered as plain-app')
  })

  on('has a command that says its version', async () => {
    const { version } = consumer.manifest as unknown as { version: string }
    const bin = join(consumer.folder, 'node_modules', 'nacos-sidecar', 'dist', 'cli', 'main.js')
    await expect(consumer.run(node, [bin, '--version'])).resolves.toContain(version)
  })
})

describe('importing the package', () => {
  // What ran through `require` stands in the cache; what came in as ESM, the loader saw.
  const LIST_ESM = `
    import { register } from 'node:module'
    import Module from 'node:module'
    import { MessageChannel } from 'node:worker_threads'
    const { port1, port2 } = new MessageChannel()
    const seen = []
    port1.on('message', (url) => seen.push(url))
    port1.unref()
    register('./loader.mjs', { parentURL: import.meta.url, data: { port: port2 }, transferList: [port2] })
    for (const entry of JSON.parse(process.argv[2])) await import(entry)
    await new Promise((resolve) => setTimeout(resolve, 100))
    console.log(JSON.stringify([...seen, ...Object.keys(Module._cache)]))`
  const LOADER = `
    let port
    export const initialize = (data) => void (port = data.port)
    export async function load(url, context, next) { port.postMessage(url); return next(url, context) }`
  const LIST_CJS = `
    for (const entry of JSON.parse(process.argv[2])) require(entry)
    console.log(JSON.stringify(Object.keys(require.cache)))`

  const loaded = async (file: string, wanted: string[]) => {
    const output = await consumer.run(process.execPath, [file, JSON.stringify(wanted)])
    const urls = JSON.parse(output.trim().split('\n').at(-1)!) as string[]
    return [...OPTIONAL, ...LATER].filter((name) => urls.some((url) => url.includes(`/node_modules/${name}/`)))
  }

  it('loads no framework, no SDK, and nothing that is loaded later', async () => {
    consumer.write('loader.mjs', LOADER)
    const esm = consumer.write('list.mjs', LIST_ESM)
    const cjs = consumer.write('list.cjs', LIST_CJS)
    expect(await loaded(esm, ['nacos-sidecar'])).toEqual([])
    expect(await loaded(cjs, ['nacos-sidecar'])).toEqual([])
    // The measure itself sees what is loaded.
    expect(await loaded(esm, ['nacos-sidecar', 'express'])).toEqual(['express'])
    expect(await loaded(cjs, ['nacos-sidecar', 'fastify'])).toEqual(['fastify'])
  })

  it('defineService loads a framework when a service of it runs, from both formats', async () => {
    const file = consumer.write('services.mjs', SERVICES)
    await expect(consumer.run(process.execPath, [file])).resolves.toContain(
      'express,fastify,koa SIDECAR_BACKEND_MISSING',
    )
  })

  it('shares its state between ESM and CommonJS', async () => {
    const file = consumer.write(
      'both.mjs',
      `import { createRequire } from 'node:module'
       import * as esm from 'nacos-sidecar'
       const cjs = createRequire(import.meta.url)('nacos-sidecar')
       const token = esm.runWithContext({ token: 'canary' }, () => cjs.currentContext()?.token)
       console.log(esm.runWithContext === cjs.runWithContext, token)`,
    )
    await expect(consumer.run(process.execPath, [file])).resolves.toContain('false canary')
  })
})

describe('the types compile', () => {
  const compile = async (file: string, source: string, options: readonly string[]) => {
    const path = consumer.write(file, source)
    const strict = [
      '--noEmit',
      '--strict',
      '--target',
      'ES2022',
      '--lib',
      'ES2023,ESNext.Disposable',
      '--types',
      'node',
    ]
    return consumer.run(tool('tsc'), [...strict, ...options, path])
  }
  const MODES = [
    ['ESM, node16', 'types.mts', ['--module', 'node16', '--moduleResolution', 'node16']],
    ['CommonJS, node16', 'types.cts', ['--module', 'node16', '--moduleResolution', 'node16']],
    ['bundler', 'types.ts', ['--module', 'esnext', '--moduleResolution', 'bundler']],
    ['experimentalDecorators', 'legacy.mts', ['--module', 'node16', '--experimentalDecorators']],
  ] as const

  it.each(MODES)('%s', async (_mode, file, options) => {
    await compile(file, TYPED, options)
  })

  it('and say so where a path variable is missing', async () => {
    const wrong = TYPED.replace('getUser!: (p: { id: string', 'getUser!: (p: { name: string')
    await expect(compile('wrong.mts', wrong, MODES[0][2])).rejects.toThrow(/wrong\.mts.*error TS/)
  })
})

const IMPORTS_ESM = `
import { createServer } from 'node:http'
import { once } from 'node:events'
import { defineClient, GET, initSidecar } from 'nacos-sidecar'
import { startDevServer } from 'nacos-sidecar/dev-server'`

const IMPORTS_CJS = `
const { createServer } = require('node:http')
const { once } = require('node:events')
const { defineClient, GET, initSidecar } = require('nacos-sidecar')
const { startDevServer } = require('nacos-sidecar/dev-server')`

const STORY = `
async function story() {
  const registry = await startDevServer()
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify('hello ' + request.url.slice(1)))
  })
  const sidecar = await initSidecar(undefined, {
    configPath: false,
    settings: {
      application: { name: 'greeter' },
      cloud: { nacos: { serverAddr: registry.address, discovery: { ip: '127.0.0.1' } } },
      sidecar: { drain: 0 },
    },
  })
  server.listen(0, '127.0.0.1')
  if (!sidecar.status().registered) await once(sidecar, 'registered')
  const greeter = defineClient({ name: 'greeter' }, { hello: GET('/{name}').as() })
  console.log(await greeter.hello({ name: 'world' }))
  await sidecar.stop()
  server.close()
  await registry.stop()
}`

const SERVICES = `
import { createRequire } from 'node:module'
import { startTestRegistry } from 'nacos-sidecar/testing'
import { defineService } from 'nacos-sidecar/service'
const require = createRequire(import.meta.url)
const cjs = require('nacos-sidecar/service')
const loaded = () => ['express', 'fastify', 'koa'].filter((name) => Object.keys(require.cache).some((file) => file.includes('/node_modules/' + name + '/')))
const services = [
  cjs.defineService({ name: 'a', backend: 'express', setup: (app) => void app.get('/', (_request, response) => void response.end('express')) }),
  defineService({ name: 'b', backend: 'fastify', setup: (app) => void app.get('/', async () => 'fastify') }),
  defineService({ name: 'c', backend: 'koa', setup: (app) => void app.use((context) => void (context.body = 'koa')) }),
]
if (loaded().length > 0) throw new Error('loaded before: ' + loaded())
// Before koa is loaded: Node keeps what it has resolved.
const Module = require('node:module')
const resolve = Module._resolveFilename
Module._resolveFilename = (name, ...rest) => resolve(name === 'koa' ? 'no-such-koa' : name, ...rest)
const missing = await defineService({ name: 'd', backend: 'koa' }).application().catch(({ code }) => code)
Module._resolveFilename = resolve
const registry = await startTestRegistry()
const settings = registry.settings({ 'server.address': '127.0.0.1' })
const all = await cjs.runServices(services, { configPath: false, settings, signals: false })
const answers = await Promise.all(all.services.map(async ({ url }) => (await fetch(url)).text()))
await all.stop()
await registry.stop()
console.log(answers.join(), missing)`

const REGISTERED = `
import { spawn } from 'node:child_process'
const registry = await startDevServer()
const app = "require('node:http').createServer((_, r) => r.end()).listen(0, '127.0.0.1')"
const env = { ...process.env, NACOS_SERVER: registry.address, NACOS_SERVICE_NAME: 'plain-app', NACOS_SERVICE_IP: '127.0.0.1' }
const child = spawn(process.execPath, ['--import', 'nacos-sidecar/register', '-e', app], { env, stdio: 'inherit' })
let service
while (child.exitCode === null && !service) {
  await new Promise((resolve) => setTimeout(resolve, 50))
  service = registry.services().find((one) => one.service === 'plain-app' && one.instances.length > 0)
}
console.log('registered as ' + service?.service)
child.kill('SIGKILL')
await once(child, 'exit')
await registry.stop()`

const TYPED = `
import { configLocal, defineClient, feign, GET, get, initSidecar, post, SidecarError, type Sidecar } from 'nacos-sidecar'
import { startDevServer } from 'nacos-sidecar/dev-server'
import { defineService, runServices } from 'nacos-sidecar/service'

interface User { id: string; name: string }

@feign({ name: 'user-service', path: '/api' })
export class UserClient {
  @get('/users/{id}') getUser!: (p: { id: string; verbose?: boolean }) => Promise<User>
  @post('/users') create!: (p: { body: { name: string } }) => Promise<User>
  @get('/users') async list(_query?: { page?: number }): Promise<User[]> { return undefined as never }
}

const orders = defineClient(
  { name: 'order-service' },
  { byId: GET('/orders/{id}').as<(p: { id: number }) => Promise<{ id: number }>>() },
)

export async function main(): Promise<void> {
  const port: number = configLocal('server.port', 9202)
  const registry = await startDevServer({ port: 0 })
  try {
    const sidecar: Sidecar = await initSidecar()
    const user: User = await new UserClient().getUser({ id: '1' })
    const order: { id: number } = await orders.byId({ id: port })
    console.log(user.name, order.id, sidecar.status().registered)
  } catch (error) {
    if (error instanceof SidecarError) console.log(error.code)
  }
  await registry.stop()
}

// The types of koa are not installed: its app is any.
const shop = defineService({ name: 'shop', backend: 'koa', setup: (app) => void app.use(() => {}) })
const plain = defineService({ setup: (server, sidecar) => void server.on(sidecar.settings.application.name ?? '', () => {}) })
export const all = runServices([shop, plain], { together: true })
`

describeFirstUse(() => consumer.tarball)

describe('NestJS 12, which is ES modules alone', () => {
  // 11 is what the end-to-end tests have.
  const packages = ['common', 'core', 'platform-express', 'platform-fastify'].map((name) => `@nestjs/${name}@12`)
  let app: string

  beforeAll(async () => {
    app = mkdtempSync(join(tmpdir(), 'nacos-sidecar-nest-'))
    writeFileSync(join(app, 'package.json'), '{ "name": "nest-12", "private": true }')
    const wanted = [consumer.tarball, ...packages, 'reflect-metadata@0.2', 'rxjs@7']
    await consumer.run('npm', ['install', ...wanted, '--prefix', app, '--no-audit', '--no-fund', '--prefer-offline'])
    cpSync(join(REPOSITORY, 'test/fixtures/apps/nest-app.mjs'), join(app, 'app.mjs'))
    writeFileSync(join(app, 'bootstrap.yml'), NEST_SETTINGS)
    writeFileSync(join(app, 'main.mjs'), NEST_STORY)
  }, 300_000)
  afterAll(() => rmSync(app, { recursive: true, force: true, maxRetries: 5 }))

  it.each(['express', 'fastify'])('registers, serves and is guarded on %s', async (PLATFORM) => {
    const env = { PLATFORM, SIDECAR_CONFIG: join(app, 'bootstrap.yml') }
    const said = await consumer.run(process.execPath, [join(app, 'main.mjs')], env)
    expect(JSON.parse(said.trim().split('\n').at(-1)!)).toEqual({ hello: 401, health: 200 })
  })
})

const NEST_SETTINGS = `
application.name: nest-service
server.port: 0
sidecar.push: 'off'
cloud.nacos: { server-addr: '\${NACOS}', discovery.ip: 127.0.0.1 }
auth: { enabled: true, service: auth-service }
`

const NEST_STORY = `
import { once } from 'node:events'
import { startDevServer } from 'nacos-sidecar/dev-server'
const registry = await startDevServer({ port: 0, grpcPort: false })
process.env.NACOS = registry.address
const registered = once(registry, 'register')
await import('./app.mjs')
await registered
const { port } = registry.services().find(({ service }) => service === 'nest-service').instances[0]
const status = async (path) => (await fetch('http://127.0.0.1:' + port + path)).status
console.log(JSON.stringify({ hello: await status('/hello'), health: await status('/health') }))
process.exit()
`
