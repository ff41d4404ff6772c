import { createSidecar, type Logger, type Sidecar } from 'nacos-sidecar'
import type { DevServer } from 'nacos-sidecar/testing'
import { onTestFinished } from 'vitest'
import { collectLog } from '../../support/collect.js'

/** A sidecar of no app, `shop`, which follows `shop.yml`; it stops with the test. */
export function followingSidecar(registry: DevServer, logger: Logger = collectLog()): Sidecar {
  const sidecar = createSidecar({
    ...{ configPath: false, signals: false, logger },
    settings: {
      application: { name: 'shop' },
      cloud: {
        nacos: {
          serverAddr: registry.address,
          discovery: { registerEnabled: false },
          config: { sharedConfigs: ['shop.yml'] },
        },
      },
      sidecar: { refreshAll: true, snapshotDir: 'off' },
    },
  })
  onTestFinished(() => sidecar.stop({ drain: false }))
  return sidecar
}
