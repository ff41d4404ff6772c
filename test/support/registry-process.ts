import type { DevServerOptions, DevService } from '../../src/dev-server/index.js'
import type { ServiceInstance } from '../../src/types.js'
import type { Child } from './child.js'
import { ownPort } from './own-port.js'
import { startScript } from './script.js'

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
