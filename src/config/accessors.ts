import { createLogger, type Logger } from '../logger.js'
import { loadSettings } from '../settings/load.js'
import { processSlot } from '../process-state.js'
import type { PropertyScope, PropertyStore } from '../properties/store.js'
import { convertTo, type Widen } from './typed.js'

/** The store that the functions below read, and where they warn. */
export interface ActiveStore {
  store: PropertyStore | undefined
  logger: Logger
  warned: boolean
}

const active = processSlot('store', () => ({ store: undefined, logger: createLogger(), warned: false }))

/** Makes `store` the one that `config`, `configLocal` and `configRemote` look at; `undefined` takes it away. */
export function setActiveStore(store: PropertyStore | undefined, logger?: Logger): void {
  active.store = store
  active.warned = false
  if (logger) active.logger = logger
}

/**
 * One property, looked up in the environment, then in Nacos, then in bootstrap.yml. The type comes from the default,
 * which also converts: `'9202'` → 9202, `on`/`yes`/`true` → true, `a,b` → `['a', 'b']`; `{}` reads a whole subtree.
 *
 * @throws SidecarError SIDECAR_CONFIG_TYPE
 * @example
 * const url = config('db.url')              // string | undefined
 * const size = config('db.pool.size', 10)   // number
 */
export function config(key: string): string | undefined
export function config<T>(key: string, fallback: T): Widen<T>
export function config(key: string, fallback?: unknown): unknown {
  return read(key, fallback, 'all')
}

/**
 * One property of bootstrap.yml, the environment being stronger; Nacos is not asked, so it works before the first pull.
 *
 * @throws SidecarError SIDECAR_CONFIG_TYPE
 * @example
 * app.listen(configLocal('server.port', 9202))
 */
export function configLocal(key: string): string | undefined
export function configLocal<T>(key: string, fallback: T): Widen<T>
export function configLocal(key: string, fallback?: unknown): unknown {
  return read(key, fallback, 'local')
}

/**
 * One property as Nacos has it. Before the first pull (`await initSidecar(app)`, or `sidecar.ready`) it is the default,
 * with one warning, SIDECAR_CONFIG_NOT_READY.
 *
 * @throws SidecarError SIDECAR_CONFIG_TYPE
 * @example
 * const greeting = configRemote('greeting', 'hello')
 */
export function configRemote(key: string): string | undefined
export function configRemote<T>(key: string, fallback: T): Widen<T>
export function configRemote(key: string, fallback?: unknown): unknown {
  const store = requireStore()
  if (!store.remoteReady && !active.warned) {
    active.warned = true
    active.logger.warn(
      `SIDECAR_CONFIG_NOT_READY: configRemote('${key}') was called before the configuration of Nacos was loaded and returns the ` +
        'default: await initSidecar(app) or sidecar.ready first',
    )
  }
  return read(key, fallback, 'remote')
}

function read(key: string, fallback: unknown, scope: PropertyScope): unknown {
  return readProperty(requireStore(), key, fallback, scope)
}

/** The same for a store of one's own: `sidecar.config.get`. */
export function readProperty<T>(
  store: PropertyStore,
  key: string,
  fallback: T,
  scope: PropertyScope = 'all',
): Widen<T> {
  // Text keeps the characters it was written in: `1.10`, `007`.
  const asText = fallback === undefined || fallback === null || typeof fallback === 'string'
  const raw = (asText ? store.text(key, scope) : undefined) ?? store.get(key, scope)
  return convertTo(key, raw, fallback, {
    place: () => store.placeOf(key, scope),
    java: (name) => store.javaValue(name, scope),
  })
}

function requireStore(): PropertyStore {
  if (active.store) return active.store
  const { store, warnings } = loadSettings({ required: false })
  for (const warning of warnings) active.logger.warn(warning)
  return (active.store = store)
}
