import { createServer } from 'node:http'
import { createSidecar } from '../../../../src/process-sidecar.js'
import { keyOf, type Contender, type OpenOptions } from './contender.js'

const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** A sidecar with its defaults; only push is switched. */
export async function openOurs(push: 'auto' | 'off', options: OpenOptions): Promise<Contender> {
  const { server, grpcPort, documents, joinAs } = options
  const sidecar = createSidecar({
    configPath: false,
    signals: false,
    logger: silent,
    settings: {
      application: { name: joinAs ?? 'bench' },
      cloud: {
        nacos: {
          serverAddr: server,
          discovery: { registerEnabled: joinAs !== undefined, ip: '127.0.0.1' },
          config: { sharedConfigs: documents.map((dataId) => ({ dataId, refresh: true })) },
        },
      },
      sidecar: { push, ...(grpcPort !== undefined && { grpcPort }) },
    },
  })
  if (joinAs !== undefined) createServer().listen(0, '127.0.0.1')
  await sidecar.ready

  const listeners = new Map<string, (value: string) => void>()
  sidecar.on('configChanged', ({ keys }) => {
    for (const key of keys) listeners.get(key)?.(String(sidecar.config.get(key)))
  })
  return {
    register: (service, port) =>
      sidecar.nacos.register({
        ...{ namespace: '', group: 'DEFAULT_GROUP', service, ip: '127.0.0.1', port, weight: 1, cluster: 'DEFAULT' },
        ...{ healthy: true, enabled: true, ephemeral: true, metadata: {} },
      }),
    follow(service, listener) {
      sidecar.discovery.watch(service, ({ instances }) => listener(instances.map(({ port }) => port)))
    },
    async publish(dataId, value) {
      const document = { namespace: '', group: 'DEFAULT_GROUP', dataId, content: `${keyOf(dataId)}: ${value}\n` }
      await sidecar.nacos.publishConfig!({ ...document, type: 'yaml' })
    },
    listen: (dataId, listener) => void listeners.set(keyOf(dataId), listener),
    lacking() {
      if (push === 'off') return undefined
      const { updates } = sidecar.status().registry as { readonly updates?: string }
      return /^grpc/.test(updates ?? '') ? undefined : (updates ?? 'push is not part of this version')
    },
  }
}
