import { createHash } from 'node:crypto'
import type { ServiceInstance } from 'nacos-sidecar'
import { type DevService, startDevServer } from 'nacos-sidecar/dev-server'
import { type DevServer, type DevServerOptions, startTestRegistry, type TestRegistry } from 'nacos-sidecar/testing'
import { onTestFinished } from 'vitest'
import type { Child } from './child.js'
import { ownPort } from './own-port.js'
import { quietSidecar, type LoggedSidecar } from './member.js'
import { startScript } from './script.js'
import { tempFolder } from './temp-folder.js'

/**
 * An embedded registry that ends with the test.
 *
 * @param finished that of the test's own context where tests run at the same time.
 */
export async function devRegistry(
  options: DevServerOptions = {},
  finished: (cleanUp: () => Promise<void>) => void = onTestFinished,
): Promise<DevServer> {
  const registry = await startDevServer(options)
  finished(() => registry.stop())
  return registry
}

/** A form request to a registry, as a plain HTTP client sends it. */
export async function form(
  registry: DevServer,
  method: string,
  path: string,
  fields: Record<string, string | number> = {},
  headers: Record<string, string> = {},
) {
  const body = new URLSearchParams(
    Object.entries(fields).map(([name, value]): [string, string] => [name, String(value)]),
  )
  const query = method === 'GET' || method === 'DELETE'
  const response = await fetch(`${registry.url}/nacos${path}${query ? `?${body}` : ''}`, {
    method,
    headers,
    ...(!query && { body }),
  })
  return { status: response.status, headers: response.headers, body: await response.text() }
}

/** A test registry that ends with the test. */
export async function testRegistry(options: Parameters<typeof startTestRegistry>[0] = {}): Promise<TestRegistry> {
  const registry = await startTestRegistry(options)
  onTestFinished(() => registry.stop())
  return registry
}

/** An embedded registry in a process of its own, so that it can be killed. */
export interface RegistryProcess {
  /** `host:port` */
  readonly address: string
  readonly port: number
  readonly child: Child
  /** Everything of that name, also what a list over HTTP would hide. */
  instances(service: string): Promise<readonly ServiceInstance[]>
}

const SOURCE = `
import { startDevServer } from 'nacos-sidecar/dev-server'
const registry = await startDevServer(JSON.parse(process.env.OPTIONS))
process.on('message', ({ type }) => process.send({ type, services: registry.services() }))
say('up', { address: registry.address, port: registry.port })`

/** @param options the `port` of one that was killed stands for its restart; without, one of its own. */
export async function startRegistryProcess(
  options: Pick<DevServerOptions, 'port' | 'apis' | 'auth'> = {},
): Promise<RegistryProcess> {
  const own = { port: await ownPort(), ...options }
  const child = startScript(SOURCE, { env: { OPTIONS: JSON.stringify(own) } })
  const { address, port } = await child.message<{ address: string; port: number }>('up')
  let asked = 0
  return {
    address,
    port,
    child,
    async instances(service) {
      const type = `services ${++asked}`
      child.send({ type })
      const { services } = await child.message<{ services: DevService[] }>(type)
      return services.filter((one) => one.service === service).flatMap(({ instances }) => instances)
    },
  }
}

/** A registry that goes down and comes back on the same port, and sidecars that keep snapshots of it. */
export interface Outage {
  /** Where the snapshots are: one folder per registry below it. */
  readonly snapshots: string
  up(): DevServer
  down(): Promise<void>
  /** Back, empty. */
  back(): Promise<DevServer>
  publish(dataId: string, content: string): Promise<void>
  register(service: string, port: number): Promise<void>
  sidecar(settings?: Record<string, unknown>): LoggedSidecar
}

export async function startOutage(): Promise<Outage> {
  const snapshots = tempFolder()
  let registry: DevServer | undefined = await startDevServer({ port: await ownPort() })
  const { port } = registry
  onTestFinished(() => registry?.stop())
  const up = () => {
    if (!registry) throw new Error('the registry is down')
    return registry
  }
  return {
    snapshots,
    up,
    async down() {
      await registry?.stop()
      registry = undefined
    },
    back: async () => (registry = await startDevServer({ port })),
    async publish(dataId, content) {
      await form(up(), 'POST', '/v1/cs/configs', { dataId, group: 'DEFAULT_GROUP', content })
    },
    async register(serviceName, at) {
      await form(up(), 'POST', '/v1/ns/instance', { serviceName, ip: '10.0.0.7', port: at })
    },
    sidecar: (settings = {}) =>
      quietSidecar(`127.0.0.1:${port}`, {
        'sidecar.snapshot-dir': snapshots,
        'sidecar.poll-interval': 100,
        'sidecar.empty-protection': 300,
        ...settings,
      }),
  }
}

export const md5 = (text: string): string => createHash('md5').update(text).digest('hex')
