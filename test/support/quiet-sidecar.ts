import { onTestFinished } from 'vitest'
import { createSidecar } from '../../src/process-sidecar.js'
import type { Sidecar } from '../../src/sidecar.js'
import { collectLog } from './collect.js'

export type QuietSidecar = Sidecar & { readonly lines: string[] }

/** A sidecar that registers nothing and reads no bootstrap.yml; stops with the test. */
export function quietSidecar(server: string, settings: Record<string, unknown> = {}): QuietSidecar {
  const logger = collectLog()
  const sidecar = createSidecar({
    configPath: false,
    signals: false,
    logger,
    settings: {
      'cloud.nacos.server-addr': server,
      'cloud.nacos.api-version': 'v1',
      'cloud.nacos.discovery.register-enabled': false,
      'cloud.nacos.config.timeout': 2_000,
      ...settings,
    },
  })
  onTestFinished(() => sidecar.stop({ drain: false }))
  return Object.assign(sidecar, { lines: logger.lines })
}

/** The log lines of these levels. */
export function alerts({ lines }: { lines: readonly string[] }): string[] {
  return lines.filter((line) => /^(warn|error) /.test(line))
}
