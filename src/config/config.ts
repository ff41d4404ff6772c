import type { Emit } from '../events.js'
import type { Logger } from '../logger.js'
import type { NacosTransport } from '../nacos/transport.js'
import type { Subscription } from '../util/subscription.js'
import type { StandardSchema } from '../util/standard-schema.js'
import { readProperty } from './accessors.js'
import { ConfigBindings, type BindOptions, type ConfigView } from './bind.js'
import type { PropertyExplanation } from '../properties/explain.js'
import { ConfigListeners, type PropertyListener } from './listeners.js'
import { createPublisher, type DocumentName, type NewDocument, type PublishOptions } from './publish.js'
import type { PropertyStore } from '../properties/store.js'
import type { Widen } from './typed.js'

/** Look-ups over environment > Nacos > bootstrap.yml, live. */
export interface Config {
  /** The value in any spelling of the key; a frozen list or map for a subtree, `undefined` where there is none. */
  get(key: string): unknown
  /**
   * With the type of the default, which also converts, as `config(key, default)` does.
   * @throws SidecarError `SIDECAR_CONFIG_TYPE`
   */
  get<T>(key: string, fallback: T): Widen<T>
  /** The value, the document it came from and what it hides; secrets masked. */
  explain(key: string): PropertyExplanation
  /**
   * Calls back when the value of `get(key)` has changed, in any spelling of the key, with the new and the old value. A
   * key with others below it is reported once for all of them (`db`, with the whole map; `''` is everything), one with
   * `.*` behind it once for each of them. What the environment overrides does not change. A listener that throws, or
   * whose promise rejects, is logged and harms no other.
   *
   * @example
   * sidecar.config.on('db.pool-size', ({ value, previous }) => pool.resize(Number(value)))
   * sidecar.config.on('feature.*', ({ key, value }) => flags.set(key, value))
   */
  on(key: string, listener: PropertyListener): Subscription
  /**
   * A typed, frozen view of everything, or of what lies below `prefix`, checked by any Standard Schema (zod, valibot,
   * arktype). It follows every change as a whole; a new value that the schema refuses keeps the old one, with one
   * alert (a log line and `configRejected`). Names are relaxed: `poolSize` in the schema reads `pool-size`.
   *
   * @throws SidecarError `SIDECAR_CONFIG_INVALID` where it is refused at once
   * @example
   * const db = sidecar.config.bind(z.object({ url: z.url(), poolSize: z.number().default(10) }), { prefix: 'db' })
   * connect(db.current.url)
   * db.on('change', ({ value, previous }) => reconnect(value))
   */
  bind<T>(schema: StandardSchema<T>, options?: BindOptions): ConfigView<T>
  /**
   * Writes a document. With `casMd5` only if the stored one still has this MD5: `false` where it has another. One that
   * was deleted meanwhile is written again: Nacos compares with what is there.
   *
   * Nacos from 2.5 on compares and writes in one step. Older ones and r-nacos write whatever `casMd5` says, so the
   * first `casMd5` tries a short-lived document of our own, and where the registry ignores it nothing of yours is
   * written.
   *
   * @throws SidecarError `SIDECAR_REGISTRY_*`; `SIDECAR_REGISTRY_UNSUPPORTED` where the registry ignores `casMd5`;
   * `SIDECAR_CONFIG_INVALID` for a wrong option
   * @example
   * await sidecar.config.publish({ dataId: 'application-dev.yml', content: 'greeting: Hello' })
   */
  publish(document: NewDocument, options?: PublishOptions): Promise<boolean>
  /** Deletes a document; one that is not there is fine. No Nacos can make that depend on an MD5. */
  delete(document: DocumentName, options?: { readonly signal?: AbortSignal }): Promise<boolean>
}

export interface ConfigOptions {
  readonly store: PropertyStore
  readonly transport: Pick<NacosTransport, 'getConfig' | 'publishConfig' | 'deleteConfig' | 'describe'>
  readonly namespace: string
  /** Where a document names none. */
  readonly group: string
  readonly logger: Logger
  readonly emit: Emit
}

export function createConfig({ store, logger, emit, ...registry }: ConfigOptions): Config {
  const bindings = new ConfigBindings(store, logger, emit)
  const listeners = new ConfigListeners(store, logger)
  store.watch(function* (change) {
    // Listeners find every view up to date.
    const news = bindings.update()
    yield* listeners.notify(change)
    for (const announce of news) announce()
  })
  return {
    get: (key: string, ...fallback: [unknown?]) =>
      fallback.length > 0 ? readProperty(store, key, fallback[0]) : store.get(key),
    explain: (key) => store.explain(key),
    on: (key, listener) => listeners.add(key, listener),
    bind: (schema, options) => bindings.add(schema, options),
    ...createPublisher(registry),
  }
}
