import { importPackage, silent } from '../support/package.js'
import { median } from '../support/statistics.js'
import type { Handlers } from '../support/worker.js'

const BATCH = 10_000

/** Chooses instances as a call does: pick, then say how it went. */
export async function picker({ registry }: { registry: string }): Promise<Handlers> {
  const { createSidecar } = await importPackage()
  const sidecar = createSidecar({
    ...{ configPath: false, signals: false, logger: silent },
    settings: {
      application: { name: 'bench-picker' },
      cloud: { nacos: { serverAddr: registry, discovery: { registerEnabled: false } } },
    },
  })

  function pick(service: string, times: number): void {
    const route = sidecar.runtime.routes.to(service)
    for (let n = 0; n < times; n++) route.done(route.pick(undefined, true)!, 'ok')
  }

  return {
    async follow(service: string) {
      return (await sidecar.discovery.instances(service)).length
    },
    perSecond({ service, ms }: { service: string; ms: number }) {
      const since = performance.now()
      let picks = 0
      while (performance.now() - since < ms) {
        pick(service, BATCH)
        picks += BATCH
      }
      return (picks / (performance.now() - since)) * 1000
    },
    bytes(service: string) {
      const measured = Array.from({ length: 15 }, () => {
        globalThis.gc?.()
        const before = process.memoryUsage().heapUsed
        pick(service, BATCH)
        return (process.memoryUsage().heapUsed - before) / BATCH
      })
      return median(measured)
    },
  }
}
