import { onTestFinished } from 'vitest'
import { createServiceDirectory, type ServiceDirectory } from '../../src/discovery/directory.js'
import { createTransport } from '../../src/nacos/connect.js'
import type { RegistryTransport } from '../../src/nacos/transport.js'
import { connectionOf } from '../../src/settings/connection.js'
import type { Settings } from '../../src/settings/schema.js'
import { collectEvents, collectLog } from './collect.js'

type Log = ReturnType<typeof collectLog>

/**
 * A transport as a sidecar opens it, closed when the test ends.
 *
 * @param finished that of the test's own context where tests run at the same time.
 */
export function openNacos(
  settings: Settings,
  logger: Log = collectLog(),
  finished: (cleanUp: () => Promise<void>) => void = onTestFinished,
): RegistryTransport {
  const connection = connectionOf(settings.cloud.nacos, 'discovery')
  const transport = createTransport({ connection, settings, logger })
  finished(() => transport.close())
  return transport
}

export interface OpenDirectory extends Pick<ReturnType<typeof collectEvents>, 'emit' | 'names'> {
  readonly transport: RegistryTransport
  readonly directory: ServiceDirectory
  readonly logger: Log
}

/** A directory over such a transport, and what both say. */
export function openDirectory(settings: Settings): OpenDirectory {
  const logger = collectLog()
  const transport = openNacos(settings, logger)
  const { emit, names } = collectEvents()
  const directory = createServiceDirectory({
    transport,
    namespace: '',
    group: 'DEFAULT_GROUP',
    settings: settings.sidecar,
    logger,
    emit,
  })
  onTestFinished(() => directory.close())
  return { transport, directory, logger, emit, names }
}
