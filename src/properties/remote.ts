import { SidecarError, messageOf } from '../errors.js'
import type { Emit } from '../events.js'
import type { Logger } from '../logger.js'
import type { NacosTransport } from '../nacos/transport.js'
import type { Settings } from '../settings/schema.js'
import type { ConfigItem, Unsubscribe } from '../types.js'
import type { ConfigSnapshots } from './config-snapshots.js'
import { DocumentError } from './document-error.js'
import type { PropertyDocument } from './document.js'
import { followConfig } from './follow-config.js'
import { formatOf, readDocument } from './formats.js'
import { planDocuments, type RemoteReference } from './remote-plan.js'
import type { PropertyStore } from './store.js'

export interface RemoteConfig {
  /**
   * Pulls every document at once, within `cloud.nacos.config.timeout`, and goes on to follow them. A registry that
   * does not answer is logged; what it last said is taken from the snapshot on disk, and what it holds arrives when it
   * is back. With `fail-fast` it is an error.
   *
   * @throws SidecarError SIDECAR_CONFIG_NOT_FOUND, SIDECAR_CONFIG_INVALID, SIDECAR_CONFIG_TOO_LARGE; with `fail-fast`
   * SIDECAR_REGISTRY_*
   */
  load(signal?: AbortSignal): Promise<void>
  /** Ends every watch. */
  close(): void
  /** For `status()`: what was asked for, lowest first, and what came of it. */
  documents(): readonly RemoteDocumentStatus[]
}

export interface RemoteDocumentStatus {
  readonly dataId: string
  readonly group: string
  readonly refresh: boolean
  /**
   * `deleted`: it is gone in Nacos and kept here. `failed`: the registry did not answer, or what it said is unusable.
   * `snapshot`: the registry has not answered yet, and what it said in an earlier run is in use.
   */
  readonly state: 'pending' | 'loaded' | 'absent' | 'deleted' | 'failed' | 'snapshot'
  readonly md5: string | undefined
}

export interface RemoteConfigOptions {
  readonly transport: Pick<NacosTransport, 'getConfig' | 'watchConfig'>
  readonly settings: Settings
  readonly store: PropertyStore
  readonly logger: Logger
  readonly emit: Emit
  /** @default none: memory only */
  readonly snapshots?: ConfigSnapshots | undefined
}

/** The MD5 of nothing and of no document: whatever the registry says then is news, "there is none" too. */
const UNCONFIRMED_MD5 = '0'.repeat(32)

/** Keeps the remote layer of a store equal to its documents in Nacos. */
export function createRemoteConfig(options: RemoteConfigOptions): RemoteConfig {
  return new RemoteConfigFollower(options)
}

interface Held {
  readonly reference: RemoteReference
  state: RemoteDocumentStatus['state']
  md5: string
  /** A YAML document of several `---` parts is several, lowest first. */
  parts: readonly PropertyDocument[]
  /** The unusable content that was complained of already. */
  badMd5: string | undefined
}

class RemoteConfigFollower implements RemoteConfig {
  private readonly held: Held[]
  private readonly watches: Unsubscribe[] = []
  private readonly said = new Set<string>()
  private readonly closing = new AbortController()

  constructor(private readonly options: RemoteConfigOptions) {
    const { references, warnings } = options.settings.cloud.nacos.config.enabled
      ? planDocuments(options.settings)
      : { references: [], warnings: [] }
    for (const warning of warnings) options.logger.warn(warning)
    this.held = references.map((reference) => ({
      reference,
      state: 'pending',
      md5: '',
      parts: [],
      badMd5: undefined,
    }))
  }

  async load(signal?: AbortSignal): Promise<void> {
    const { config } = this.options.settings.cloud.nacos
    const ended = AbortSignal.any([this.closing.signal, ...(signal ? [signal] : [])])
    const deadline = AbortSignal.any([ended, AbortSignal.timeout(config.timeout)])
    const pulled = await Promise.allSettled(this.held.map((held) => this.pull(held, deadline)))
    if (ended.aborted)
      throw new SidecarError('SIDECAR_STOPPED', 'pulling the configuration was cancelled: the sidecar stops')

    for (const [index, result] of pulled.entries()) {
      if (result.status === 'fulfilled') continue
      const reason: unknown = result.reason
      if (config.failFast || !isRegistryFailure(reason)) throw reason as Error
      const savedAt = isOutage(reason) && (await this.restore(this.held[index]!))
      const instead = savedAt ? `Its snapshot of ${savedAt.toISOString()} is in use` : 'Going on without it'
      const why = messageOf(reason).replace(/\.$/, '')
      this.options.logger.error(`${why}. ${instead}; what Nacos holds is applied when the registry is back`)
    }
    this.apply()
    this.report()
    for (const held of this.held) if (held.reference.refresh) this.follow(held)
  }

  close(): void {
    this.closing.abort()
    for (const unsubscribe of this.watches.splice(0)) unsubscribe()
  }

  documents(): readonly RemoteDocumentStatus[] {
    return this.held.map(({ reference: { dataId, group, refresh }, state, md5 }) => ({
      dataId,
      group,
      refresh,
      state,
      md5: md5 || undefined,
    }))
  }

  private async pull(held: Held, deadline: AbortSignal): Promise<void> {
    const { reference } = held
    const { timeout } = this.options.settings.cloud.nacos.config
    let item: ConfigItem | undefined
    try {
      item = await orAborted(this.options.transport.getConfig(keyOf(reference), deadline), deadline)
    } catch (error) {
      held.state = 'failed'
      const why = deadline.aborted ? `no answer within ${timeout} ms (cloud.nacos.config.timeout)` : messageOf(error)
      const code =
        error instanceof SidecarError && isRegistryFailure(error) ? error.code : 'SIDECAR_REGISTRY_UNAVAILABLE'
      throw new SidecarError(code, `config ${nameOf(reference)} could not be pulled: ${why}`, { cause: error })
    }
    if (!item) {
      held.state = 'absent'
      this.options.snapshots?.remove(keyOf(reference))
      if (!reference.required) return
      throw new SidecarError('SIDECAR_CONFIG_NOT_FOUND', notFound(reference))
    }
    try {
      held.parts = this.read(reference, item)
    } catch (error) {
      held.state = 'failed'
      throw error
    }
    held.md5 = item.md5
    held.state = 'loaded'
    this.options.snapshots?.save(item)
  }

  /** Takes a document from the last run. @returns when it was saved, if there is a usable one. */
  private async restore(held: Held): Promise<Date | undefined> {
    const saved = await this.options.snapshots?.load(keyOf(held.reference))
    if (!saved) return undefined
    try {
      held.parts = this.read(held.reference, saved.item)
    } catch (error) {
      this.options.logger.warn(`The snapshot of ${messageOf(error)}`)
      return undefined
    }
    held.md5 = saved.item.md5
    held.state = 'snapshot'
    return saved.savedAt
  }

  /** All or nothing: a document with an error in it has no values. */
  private read(reference: RemoteReference, item: ConfigItem): PropertyDocument[] {
    const { maxBytes } = this.options.settings.cloud.nacos.config
    const bytes = Buffer.byteLength(item.content)
    const name = nameOf(reference)
    if (bytes > maxBytes) {
      throw new SidecarError(
        'SIDECAR_CONFIG_TOO_LARGE',
        `config ${name} has ${bytes} bytes, more than cloud.nacos.config.max-bytes (${maxBytes})`,
      )
    }
    const format = reference.format ?? formatOf(item.type) ?? reference.fallbackFormat
    try {
      return readDocument(item.content, format, name, reference.dataId).map((entries) => ({
        name,
        layer: 'remote',
        entries,
      }))
    } catch (error) {
      if (!(error instanceof DocumentError)) throw error
      throw new SidecarError('SIDECAR_CONFIG_INVALID', `config ${error.message}`)
    }
  }

  private follow(held: Held): void {
    const { transport, settings } = this.options
    const known = held.state === 'loaded' || held.state === 'absent' ? held.md5 : UNCONFIRMED_MD5
    const stop = followConfig(transport, keyOf(held.reference), known, settings.sidecar.pollInterval, (item) => {
      if (!this.closing.signal.aborted) this.changed(held, item)
    })
    this.watches.push(stop)
  }

  private changed(held: Held, item: ConfigItem | undefined): void {
    const { logger, emit, snapshots } = this.options
    const { reference } = held
    const name = nameOf(reference)
    if (!item) {
      if (held.state === 'absent' || held.state === 'deleted') return
      snapshots?.remove(keyOf(reference))
      if (held.state === 'loaded') this.deleted(held)
      else this.neverThere(held)
    } else {
      if (held.state === 'loaded' && item.md5 === held.md5) return
      let parts: PropertyDocument[]
      try {
        parts = this.read(reference, item)
      } catch (error) {
        if (held.badMd5 === item.md5) return
        held.badMd5 = item.md5
        logger.error(`${messageOf(error)}. The values before it stay in use`)
        if (error instanceof SidecarError) emit('configRejected', { source: name, error })
        return
      }
      held.badMd5 = undefined
      held.parts = parts
      held.md5 = item.md5
      held.state = 'loaded'
      snapshots?.save(item)
    }
    const keys = this.apply()
    if (keys.length === 0) return
    logger.info(
      `config ${name} changed: ${keys.slice(0, 20).join(', ')}${keys.length > 20 ? `, and ${keys.length - 20} more` : ''}`,
    )
    emit('configChanged', { keys })
  }

  private deleted(held: Held): void {
    const { logger, settings, emit } = this.options
    const { dataId, group } = held.reference
    const kept = settings.cloud.nacos.config.onDelete === 'keep' && held.parts.length > 0
    logger.warn(
      `config ${nameOf(held.reference)} was deleted in Nacos; its values are ${kept ? 'kept' : 'gone'} (cloud.nacos.config.on-delete)`,
    )
    held.state = kept ? 'deleted' : 'absent'
    held.md5 = ''
    if (!kept) held.parts = []
    emit('configDeleted', { dataId, group, kept })
  }

  /** The first word of a registry that was down at the start: its own "not found" beats a snapshot. */
  private neverThere(held: Held): void {
    const { logger } = this.options
    if (held.reference.required) logger.error(notFound(held.reference))
    if (held.state === 'snapshot')
      logger.warn(`config ${nameOf(held.reference)} is not in Nacos any more; the values of its snapshot are gone`)
    held.state = 'absent'
    held.md5 = ''
    held.parts = []
  }

  private apply(): readonly string[] {
    const { store, logger } = this.options
    const keys = store.setRemote(this.held.flatMap((held) => held.parts))
    for (const problem of store.unresolved()) {
      if (this.said.has(problem)) continue
      this.said.add(problem)
      logger.warn(problem)
    }
    return keys
  }

  private report(): void {
    const named = (state: Held['state']) =>
      this.held
        .filter((held) => held.state === state)
        .map((held) => nameOf(held.reference))
        .join(', ')
    const loaded = named('loaded')
    const absent = named('absent')
    if (loaded) this.options.logger.info(`config loaded, later ones win: ${loaded}`)
    if (absent) this.options.logger.debug(`config not in Nacos: ${absent}`)
  }
}

function keyOf({ namespace, group, dataId }: RemoteReference) {
  return { namespace, group, dataId }
}

function nameOf({ dataId, group }: RemoteReference): string {
  return group === 'DEFAULT_GROUP' ? dataId : `${dataId} (${group})`
}

function notFound(reference: RemoteReference): string {
  return `config ${nameOf(reference)} is not in Nacos${inNamespace(reference)}; publish it, or import it as optional:nacos:${reference.dataId}`
}

function inNamespace({ namespace }: RemoteReference): string {
  return namespace === '' ? '' : `, namespace ${namespace}`
}

/** Failing to ask is one thing, an unusable or missing document another. */
function isRegistryFailure(error: unknown): boolean {
  return error instanceof SidecarError && error.code.startsWith('SIDECAR_REGISTRY_')
}

/** A registry that refuses has answered: what it would not tell now does not come from the disk either. */
function isOutage(error: unknown): boolean {
  return error instanceof SidecarError && /_(UNAVAILABLE|ANSWER)$/.test(error.code)
}

/** A transport that is deaf to its signal holds nobody up. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const abort = () => reject(signal.reason as Error)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
