import type { RegistryTransport } from '../nacos/transport.js'
import type { ServiceKey } from '../types.js'
import type { Recorder } from './recorder.js'
import { recorded } from './recorded.js'

/** How services are looked up. */
type Lookup = Pick<RegistryTransport, 'list' | 'watchService' | 'describe'>
/** How documents are read and written. */
type Documents = Pick<RegistryTransport, 'getConfig' | 'watchConfig' | 'publishConfig' | 'deleteConfig' | 'describe'>

/**
 * The same look-ups with figures: `resolve user-service`. What the registry pushes, and an instance that is picked from a
 * known list, is none.
 *
 * @param group whose services go by their bare name
 */
export function observeLookup(transport: RegistryTransport, group: string, recorder: Recorder): Lookup {
  const nameOf = (key: ServiceKey) => `resolve ${key.group === group ? '' : `${key.group}@@`}${key.service}`
  return {
    list: (key, signal) =>
      recorded(
        recorder,
        'resolve',
        nameOf(key),
        () => transport.list(key, signal),
        (list) => (list.length === 0 ? 'SIDECAR_NO_INSTANCE' : undefined),
      ),
    watchService: (...args) => transport.watchService(...args),
    describe: () => transport.describe(),
  }
}

/** The same documents with figures: `pull application.yml`, `publish`, `delete`. What the registry pushes is none. */
export function observeDocuments(transport: RegistryTransport, recorder: Recorder): Documents {
  const { publishConfig, deleteConfig } = transport
  return {
    getConfig: (key, signal) =>
      recorded(recorder, 'config', `pull ${key.dataId}`, () => transport.getConfig(key, signal)),
    watchConfig: (...args) => transport.watchConfig(...args),
    // Any data id may be written: it is no part of the name.
    ...(publishConfig && {
      publishConfig: (...args) => recorded(recorder, 'config', 'publish', () => publishConfig.apply(transport, args)),
    }),
    ...(deleteConfig && {
      deleteConfig: (...args) => recorded(recorder, 'config', 'delete', () => deleteConfig.apply(transport, args)),
    }),
    describe: () => transport.describe(),
  }
}
