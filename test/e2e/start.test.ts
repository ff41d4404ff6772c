import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startTestRegistry } from 'nacos-sidecar/testing'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { killChildren } from '../support/child.js'
import { startScriptedRegistry } from '../support/scripted-registry.js'
import { startScript } from '../support/script.js'
import { tempFolder } from '../support/temp-folder.js'

afterEach(killChildren)

const CLOSED = '127.0.0.1:1'
const bootstrap = (server: string, more = '') => `
application: { name: orders }
cloud.nacos: { server-addr: "${server}", discovery: { ip: 127.0.0.1 } }
sidecar.drain: 0
${more}
`
const LISTEN = `
process.on('unhandledRejection', (error) => say('unhandledRejection', { message: error.message }))
app.get('/', (_request, response) => response.end('ok'))
app.listen(0, function () { say('listening', { port: this.address().port }) })`

describe('initSidecar, called twice', () => {
  test('with the same app it is the same sidecar, with another one an error', async () => {
    const child = startScript(
      `import express from 'express'
       import { createSidecar, initSidecar } from 'nacos-sidecar'
       const app = express()
       const first = initSidecar(app)
       const [a, b] = await Promise.all([first, initSidecar(app)])
       say('same', { same: a === b && a === (await initSidecar(app)) })
       for (const other of [express(), undefined])
         try { initSidecar(other); say('other', {}) } catch ({ code, message }) { say('other', { code, message }) }
       const own = createSidecar({ app: express() })
       say('own', { own: own !== a })
       await Promise.all([a.stop(), own.stop()])
       const again = await initSidecar(express())
       say('again', { again: again !== a })
       await again.stop()`,
      { bootstrap: bootstrap(CLOSED, 'cloud.nacos.config.enabled: false') },
    )
    expect(await child.exited, child.stderr).toEqual({ code: 0, signal: null })
    const refused = {
      type: 'other',
      code: 'SIDECAR_ALREADY_STARTED',
      message: expect.stringContaining('createSidecar({ app'),
    }
    expect(child.messages).toEqual([
      { type: 'same', same: true },
      refused,
      refused,
      { type: 'own', own: true },
      { type: 'again', again: true },
    ])
  })

  test('two copies of the package, ESM and CommonJS, share sidecar, settings, context, clients and RPC of Nameko', async () => {
    await using registry = await startTestRegistry()
    await registry.stub('users', (request, response) => response.end(JSON.stringify(request.headers.authorization)))
    const child = startScript(
      `import { createRequire } from 'node:module'
       import express from 'express'
       import * as esm from 'nacos-sidecar'
       import { namekoRpc } from 'nacos-sidecar/nameko'
       const require = createRequire(process.cwd() + '/')
       const cjs = require('nacos-sidecar')
       const app = express()
       const sidecar = await esm.initSidecar(app)
       const url = 'memory:copies'
       const users = cjs.defineClient('users', { me: cjs.GET('/me') })
       say('shared', {
         copies: cjs.initSidecar !== esm.initSidecar,
         sidecar: (await cjs.initSidecar(app)) === sidecar,
         local: cjs.configLocal('application.name'),
         remote: cjs.configRemote('greeting'),
         context: esm.runWithContext({ token: 'abc' }, () => cjs.currentContext().token),
         nameko: require('nacos-sidecar/nameko').namekoRpc(sidecar, { url }) === namekoRpc(sidecar, { url }),
         me: await esm.runWithContext({ token: 'abc' }, () => users.me()),
       })
       await sidecar.stop()`,
      { bootstrap: bootstrap(registry.address) },
    )
    registry.configs.publish({ dataId: 'orders.yml', content: 'greeting: hello' })
    expect(await child.exited, child.stderr).toEqual({ code: 0, signal: null })
    expect(child.messages).toEqual([
      {
        type: 'shared',
        copies: true,
        sidecar: true,
        local: 'orders',
        remote: 'hello',
        context: 'abc',
        nameko: true,
        me: 'Bearer abc',
      },
    ])
  })
})

describe('a start that fails', () => {
  test('settings that will not do: throws at once, awaited or not, and nothing listens', async () => {
    const child = startScript(
      `import express from 'express'
       import { initSidecar } from 'nacos-sidecar'
       const app = express()
       process.on('uncaughtExceptionMonitor', ({ code }) => say('uncaught', { code }))
       for (const configPath of ['/nowhere', ...JSON.parse(process.env.FOLDERS)])
         try { void initSidecar(app, { configPath }); say('started') } catch ({ code }) { say('thrown', { code }) }
       void initSidecar(app)
       ${LISTEN}`,
      {
        bootstrap: bootstrap(CLOSED, 'auth.enabled: true'),
        env: {
          FOLDERS: JSON.stringify(
            [bootstrap(CLOSED, 'server.port: 80a'), 'application.name: ""', 'a: ['].map((text) =>
              tempFolder({ 'bootstrap.yml': text }),
            ),
          ),
        },
      },
    )
    expect(await child.exited).toEqual({ code: 1, signal: null })
    expect(child.messages).toEqual([
      { type: 'thrown', code: 'SIDECAR_SETTINGS_NOT_FOUND' },
      { type: 'thrown', code: 'SIDECAR_SETTINGS_INVALID' },
      { type: 'thrown', code: 'SIDECAR_SETTINGS_INVALID' },
      { type: 'thrown', code: 'SIDECAR_SETTINGS_SYNTAX' },
      { type: 'uncaught', code: 'SIDECAR_AUTH_SETTINGS' },
    ])
  })

  test('not awaited: logged, no unhandled rejection, the server closes, exit code 1', async () => {
    await using registry = await startTestRegistry()
    const child = startScript(
      `import express from 'express'
       import { initSidecar } from 'nacos-sidecar'
       const app = express()
       void initSidecar(app)
       ${LISTEN}`,
      { bootstrap: bootstrap(registry.address, 'config.import: nacos:must-be-there.yml') },
    )
    expect(await child.exited).toEqual({ code: 1, signal: null })
    expect(child.messages.map(({ type }) => type)).toEqual(['listening'])
    expect(child.stderr.match(/ERROR nacos-sidecar config must-be-there\.yml is not in Nacos/g)).toHaveLength(1)
    expect(registry.server.services()).toEqual([])
  })

  test("awaited: the error is the caller's", async () => {
    await using registry = await startTestRegistry()
    const child = startScript(
      `import express from 'express'
       import { initSidecar } from 'nacos-sidecar'
       try { await initSidecar(express()) } catch ({ code }) { say('failed', { code }) }`,
      { bootstrap: bootstrap(registry.address, 'config.import: nacos:must-be-there.yml') },
    )
    expect(await child.exited).toEqual({ code: 1, signal: null })
    expect(child.messages).toEqual([{ type: 'failed', code: 'SIDECAR_CONFIG_NOT_FOUND' }])
  })

  test('a stop in the middle of a start is no failure', async () => {
    const registry = await startScriptedRegistry()
    registry.on('/nacos', () => 'never')
    const child = startScript(
      `import express from 'express'
       import { initSidecar, createSidecar } from 'nacos-sidecar'
       const sidecar = createSidecar({ app: express() })
       process.on('message', () => sidecar.stop().then(() => { say('stopped', sidecar.status()); process.disconnect() }))
       say('starting')`,
      { bootstrap: bootstrap(registry.address) },
    )
    await child.message('starting')
    await vi.waitFor(() => expect(registry.requests.length).toBeGreaterThan(0))
    child.send({})
    expect(await child.exited).toEqual({ code: 0, signal: null })
    expect(await child.message('stopped')).toMatchObject({ phase: 'left', registered: false })
    expect(child.stderr).not.toContain('ERROR')
    await registry.close()
  })
})

describe('a script without a server, and a registry that is down', () => {
  test('what it awaits is an error, not the end of the process; then it ends by itself', async () => {
    const child = startScript(
      `import { createSidecar, defineClient, GET } from 'nacos-sidecar'
       const { ready, discovery, config } = createSidecar()
       await ready
       const code = (error) => error.code
       // One after the other: those after the first wait for their turn.
       const codes = []
       for (const name of ['a', 'b']) codes.push(await discovery.instances(name).catch(code))
       codes.push(await defineClient({ name: 'c' }, { hello: GET('/') }).hello().catch(code))
       codes.push(await config.publish({ dataId: 'a.yml', content: 'a: 1' }).catch(code))
       codes.push(await config.delete({ dataId: 'a.yml' }).catch(code))
       say('done', { codes })`,
      { bootstrap: `${bootstrap(CLOSED)}\ncloud.nacos.username: u\ncloud.nacos.password: p` },
    )
    expect(await child.exited).toEqual({ code: 0, signal: null })
    const down = 'SIDECAR_REGISTRY_UNAVAILABLE'
    expect(child.messages).toEqual([{ type: 'done', codes: Array(5).fill(down) }])
  })
})

describe('ways in', () => {
  test('register-on: manual waits for sidecar.register()', async () => {
    await using registry = await startTestRegistry()
    const child = startScript(
      `import { createServer } from 'node:http'
       import { initSidecar } from 'nacos-sidecar'
       const sidecar = await initSidecar()
       sidecar.on('registered', () => say('registered'))
       createServer((_request, response) => response.end()).listen(0, () => setTimeout(() => say('warm'), 200))
       process.on('message', () => sidecar.register())`,
      { bootstrap: bootstrap(registry.address, 'sidecar.register-on: manual') },
    )
    await child.message('warm')
    expect(child.messages.map(({ type }) => type)).toEqual(['warm'])
    expect(registry.server.services()).toEqual([])
    child.send({})
    await child.message('registered')
    expect(registry.server.services()).toHaveLength(1)
    child.signal('SIGTERM')
    expect(await child.exited).toEqual({ code: null, signal: 'SIGTERM' })
    expect(registry.server.services().flatMap(({ instances }) => instances)).toEqual([])
  })

  test('sidecar.log-file holds what stderr shows, to the last line', async () => {
    await using registry = await startTestRegistry()
    const file = join(tempFolder(), 'logs', 'sidecar.log')
    const child = startScript(
      `import { createServer } from 'node:http'
       import { initSidecar } from 'nacos-sidecar'
       const sidecar = await initSidecar()
       sidecar.on('registered', () => say('registered'))
       createServer((_request, response) => response.end()).listen(0)`,
      { bootstrap: bootstrap(registry.address, `sidecar.log-file: ${JSON.stringify(file)}`) },
    )
    await child.message('registered')
    child.signal('SIGTERM')
    await child.exited
    const lines = (text: string) => [...text.matchAll(/^\S+Z (.* nacos-sidecar .*)$/gm)].map(([, line]) => line)
    const written = lines(readFileSync(file, 'utf8'))
    expect(written).toEqual(lines(child.stderr))
    expect(written.join('\n')).toContain(`deregistered DEFAULT_GROUP@@orders`)
  })

  test('node --import nacos-sidecar/register: an app without a line about us joins and leaves', async () => {
    await using registry = await startTestRegistry()
    const child = startScript(
      `import { createServer } from 'node:http'
       createServer((_request, response) => response.end('ok')).listen(0, function () { say('listening', this.address()) })`,
      { bootstrap: bootstrap(registry.address), execArgv: ['--import', 'nacos-sidecar/register'] },
    )
    const { port } = await child.message<{ port: number }>('listening')
    await vi.waitFor(() =>
      expect(registry.server.services()).toMatchObject([{ service: 'orders', instances: [{ port, ip: '127.0.0.1' }] }]),
    )
    child.signal('SIGTERM')
    expect(await child.exited).toEqual({ code: null, signal: 'SIGTERM' })
    expect(registry.server.services().flatMap(({ instances }) => instances)).toEqual([])
  })

  test('K5: node --import nacos-sidecar/register without a name registers that of package.json', async () => {
    await using registry = await startTestRegistry()
    const child = startScript(
      `import { createServer } from 'node:http'
       createServer((_request, response) => response.end('ok')).listen(0, '127.0.0.1', () => say('listening'))`,
      {
        bootstrap: `cloud.nacos.server-addr: ${registry.address}\nsidecar.drain: 0`,
        execArgv: ['--import', 'nacos-sidecar/register'],
      },
    )
    await child.message('listening')
    await vi.waitFor(() => expect(registry.server.services()).toMatchObject([{ service: 'nacos-sidecar' }]))
    child.signal('SIGTERM')
    expect(await child.exited).toEqual({ code: null, signal: 'SIGTERM' })
  })

  test.each(['module', 'commonjs'] as const)(
    'a script that only calls needs no initSidecar, and ends by itself: %s',
    async (type) => {
      await using registry = await startTestRegistry()
      await registry.stub('users', (request, response) => response.end(JSON.stringify({ path: request.url })))
      const names = 'configLocal, defineClient, GET, SidecarError'
      const child = startScript(
        `${type === 'module' ? `import { ${names} } from 'nacos-sidecar'` : `const { ${names} } = require('nacos-sidecar')`}
       const users = defineClient('users', { byId: GET('/users/{id}') })
       const nobody = defineClient('nobody', { any: GET('/') })
       ;(async () => {
         say('user', await users.byId({ id: 7 }))
         say('local', { value: configLocal('a.b', 0) })
         await nobody.any().catch((error) => say('nobody', { code: error.code, own: error instanceof SidecarError }))
       })()`,
        { bootstrap: bootstrap(registry.address, 'a.b: 5'), type },
      )
      expect(await child.exited, child.stderr).toEqual({ code: 0, signal: null })
      expect(child.messages).toEqual([
        { type: 'user', path: '/users/7' },
        { type: 'local', value: 5 },
        { type: 'nobody', code: 'SIDECAR_NO_INSTANCE', own: true },
      ])
      // It called; it did not join.
      expect(registry.server.services().map(({ service }) => service)).toEqual(['users'])
    },
  )
})

describe('the built package', () => {
  test('nacos-sidecar/register is loaded from few files', () => {
    const files = new Set<string>()
    const load = (file: string) => {
      if (files.has(file)) return
      files.add(file)
      for (const [, from] of readFileSync(file, 'utf8').matchAll(/^import [^";]*"(\.[^"]+)";$/gm)) {
        load(join(file, '..', from!))
      }
    }
    load(join(process.cwd(), 'dist/register.js'))
    // A file costs the start of each app a millisecond; see scripts/merge-chunks.ts.
    expect(files.size).toBeGreaterThan(3)
    expect(files.size).toBeLessThanOrEqual(12)
  })
})
