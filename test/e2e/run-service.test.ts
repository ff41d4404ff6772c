import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { killChildren, startChild } from '../support/child.js'
import { testRegistry } from '../support/registry.js'
import { tempFolder } from '../support/temp-folder.js'

const CLI = new URL('../../dist/cli/main.js', import.meta.url)
const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url))

afterAll(killChildren)

const SERVICE = `
import { defineService } from 'nacos-sidecar/service'

const answer: string = 'hello'
export default defineService({
  backend: 'fastify',
  setup(app, sidecar) {
    app.get('/', async () => ({ [answer]: sidecar.config.get('greeting') }))
    sidecar.onStop(() => console.log(JSON.stringify({ type: 'closed' })))
    sidecar.on('registered', ({ instance }) => console.log(JSON.stringify({ type: 'registered', port: instance.port })))
  },
})
export const broken = defineService({
  name: 'broken',
  setup() {
    throw new Error('no database')
  },
})
`

/** A project that has installed the package, with tsx or without. */
function project(files: Record<string, string>, packages: readonly string[] = ['tsx']): string {
  const folder = tempFolder(files)
  const modules = join(folder, 'node_modules')
  mkdirSync(modules)
  symlinkSync(REPOSITORY, join(modules, 'nacos-sidecar'))
  for (const name of packages) symlinkSync(join(REPOSITORY, 'node_modules', name), join(modules, name))
  return folder
}

const manifest = '{ "name": "@shop/orders", "version": "3.2.1", "description": "Takes orders", "type": "module" }'

test('nacos-sidecar run service.ts: serves, is registered, and leaves on a signal', async () => {
  const registry = await testRegistry()
  registry.configs.publish({ dataId: 'orders.yml', content: 'greeting: hi' })
  const bootstrap = `
    server: { port: 0, address: 127.0.0.1 }
    cloud.nacos: { server-addr: '${registry.address}', discovery.ip: 127.0.0.1 }
    sidecar: { drain: 0, push: 'off', snapshot-dir: 'off' }
    management.endpoints.web.exposure.include: info`
  const cwd = project({ 'service.ts': SERVICE, 'package.json': manifest, 'bootstrap.yml': bootstrap })
  const child = startChild(CLI, { args: ['run', '--metadata', 'zone=a', 'service.ts'], cwd })
  const { port } = await child.message<{ port: number }>('registered')
  const url = `http://127.0.0.1:${port}`
  expect(await (await fetch(url)).json()).toEqual({ hello: 'hi' })
  expect(await (await fetch(`${url}/actuator/info`)).json()).toMatchObject({
    app: { name: 'orders', version: '3.2.1', description: 'Takes orders' },
  })
  const instances = () => registry.server.services().find(({ service }) => service === 'orders')?.instances ?? []
  expect(instances()).toMatchObject([{ port, metadata: { version: '3.2.1', zone: 'a' } }])
  child.signal('SIGTERM')
  expect(await child.exited).toEqual({ code: null, signal: 'SIGTERM' })
  expect(child.messages.map(({ type }) => type)).toEqual(['registered', 'closed'])
  expect(instances()).toEqual([])
})

test('run service.ts#export: another export, through a file that only hands it on; what fails is said', async () => {
  const flags = ['--nacos-server', '127.0.0.1:1']
  const cwd = project({
    'service.ts': SERVICE,
    'main.ts': "export { broken as orders } from './service.ts'",
    'package.json': manifest,
    'bootstrap.yml': 'cloud.nacos.config.enabled: false',
  })
  const [failing, missing] = ['main.ts#orders', 'service.ts#other'].map((script) =>
    startChild(CLI, { args: ['run', ...flags, script], cwd }),
  )
  expect(await failing!.exited).toEqual({ code: 1, signal: null })
  expect(failing!.stderr).toContain('nacos-sidecar: start hook "setup" failed: no database. The start ends here')
  expect(failing!.stderr).toContain('service.ts:')
  expect(await missing!.exited).toEqual({ code: 1, signal: null })
  expect(missing!.stderr).toContain(
    'nacos-sidecar: the script exports no service other: its services are broken, default',
  )
})

test('a script that runs several itself: SIGTERM stops them in reverse, then the process ends by it', async () => {
  const registry = await testRegistry()
  const settings = registry.settings({ 'server.address': '127.0.0.1', 'sidecar.push': 'off' })
  const source = `
    import { defineService, runServices } from 'nacos-sidecar/service'
    const say = (type) => console.log(JSON.stringify({ type }))
    const named = (name) => defineService({ name, setup: (_app, sidecar) => void sidecar.onStop(() => say(name + ' stops')) })
    await runServices([named('stock'), named('orders')], { configPath: false, settings: ${JSON.stringify(settings)} })
    say('running')`
  const cwd = project({ 'all.mjs': source, 'package.json': manifest })
  const child = startChild(CLI, { args: ['run', 'all.mjs'], cwd })
  await child.message('running')
  child.signal('SIGTERM')
  expect(await child.exited).toEqual({ code: null, signal: 'SIGTERM' })
  expect(child.messages.map(({ type }) => type)).toEqual(['running', 'orders stops', 'stock stops'])
  expect(registry.server.services().flatMap(({ instances }) => instances)).toEqual([])
})

test('a script of TypeScript without tsx says what to install, on a Node that reads none', async () => {
  const cwd = project({ 'service.ts': SERVICE, 'package.json': manifest, 'bootstrap.yml': '{}' }, [])
  const { typescript } = process.features as { typescript?: unknown }
  const script = typescript ? 'service.ts#other' : 'service.ts'
  const child = startChild(CLI, { args: ['run', '--nacos-server', '127.0.0.1:1', script], cwd })
  expect(await child.exited).toEqual({ code: 1, signal: null })
  expect(child.stderr).toContain(
    typescript ? 'exports no service other' : 'service.ts is TypeScript: install tsx beside it',
  )
})
