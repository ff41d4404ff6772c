import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DataClient, NacosNamingClient } from 'nacos'
import { keyOf, type Contender, type OpenOptions } from './contender.js'

const silent = { ...console, debug() {}, info() {}, log() {}, warn() {}, error() {} }
const GROUP = 'DEFAULT_GROUP'

/**
 * The official SDK as its README shows it. `DataClient` stands for `NacosConfigClient`, which is that one behind an
 * election on a fixed port: several registries on one machine would get in each other's way.
 */
export async function openNpmNacos({ server, documents, joinAs }: OpenOptions): Promise<Contender> {
  const naming = new NacosNamingClient({ logger: silent, serverList: server, namespace: 'public' })
  const config = new DataClient({ serverAddr: server, cacheDir: join(tmpdir(), randomUUID()) })
  config.on('error', () => {})
  await naming.ready()

  const register = async (serviceName: string, port: number) => {
    const instance = { instanceId: '', ip: '127.0.0.1', port, healthy: true, enabled: true }
    await naming.registerInstance(serviceName, instance)
  }
  const listeners = new Map<string, (value: string) => void>()
  for (const dataId of documents) {
    config.subscribe({ dataId, group: GROUP }, (content: string | null) => {
      const value = content?.slice(content.indexOf(':') + 1).trim()
      if (value !== undefined) listeners.get(dataId)?.(value)
    })
  }
  if (joinAs !== undefined) await register(joinAs, 9).catch(() => {})
  return {
    register,
    follow(serviceName, listener) {
      naming.subscribe({ serviceName }, (hosts) => listener(hosts.map(({ port }) => port)))
    },
    publish: async (dataId, value) =>
      void (await config.publishSingle(dataId, GROUP, `${keyOf(dataId)}: ${value}\n`, undefined)),
    listen: (dataId, listener) => void listeners.set(dataId, listener),
    lacking: () => undefined,
  }
}
