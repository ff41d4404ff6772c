import { createSidecar, type SidecarOptions } from 'nacos-sidecar'
import { onTestFinished } from 'vitest'
import { collectLog } from '../../support/collect.js'
import { testRegistry } from '../../support/registry.js'

/** A sidecar in front of this app that is not registered, until the test ends. */
export async function member(app: unknown, settings: object = {}, options: Partial<SidecarOptions> = {}) {
  const registry = await testRegistry()
  const logger = collectLog()
  const sidecar = createSidecar({
    ...{ configPath: false, signals: false, logger, app, ...options },
    settings: registry.settings({ 'cloud.nacos.discovery.register-enabled': false, ...settings }),
  })
  onTestFinished(() => sidecar.stop({ drain: false }))
  await sidecar.ready
  return Object.assign(sidecar, { lines: logger.lines })
}
