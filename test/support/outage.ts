import { createHash } from 'node:crypto'
import { onTestFinished } from 'vitest'
import { startDevServer } from '../../src/dev-server/index.js'
import type { DevServer } from '../../src/dev-server/index.js'
import { form } from './dev-registry.js'
import { ownPort } from './own-port.js'
import { quietSidecar, type QuietSidecar } from './quiet-sidecar.js'
import { tempFolder } from './temp-folder.js'

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
  sidecar(settings?: Record<string, unknown>): QuietSidecar
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
