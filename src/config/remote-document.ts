import { SidecarError, codeOf, messageOf } from '../errors.js'
import type { Emit } from '../events.js'
import type { Logger } from '../logger.js'
import type { NacosTransport } from '../nacos/transport.js'
import type { ConfigSettings } from '../settings/schema.js'
import type { ConfigItem } from '../types.js'
import { runInSlices, type Sliced } from '../util/slices.js'
import { unlessAborted } from '../util/unless-aborted.js'
import type { ConfigSnapshots } from './config-snapshots.js'
import type { PropertyDocument } from '../properties/document.js'
import { readRemoteDocument } from './read-remote-document.js'
import type { RemoteReference } from './remote-plan.js'

/** One document that Nacos was asked for, and what came of it. */
export interface RemoteDocumentStatus {
  readonly dataId: string
  readonly group: string
  readonly refresh: boolean
  /**
   * `deleted`: it is gone in Nacos and kept here. `failed`: the registry did not answer, or its answer is unusable.
   * `snapshot`: the registry has not answered yet, and its answer of an earlier run is in use.
   */
  readonly state: 'pending' | 'loaded' | 'absent' | 'deleted' | 'failed' | 'snapshot'
  readonly md5: string | undefined
}

export interface RemoteDocumentOptions {
  readonly transport: Pick<NacosTransport, 'getConfig'>
  readonly settings: ConfigSettings
  /** The active profiles: a `---` document may be for some alone. */
  readonly profiles: readonly string[]
  readonly snapshots: ConfigSnapshots | undefined
  readonly logger: Logger
  readonly emit: Emit
}

/** What a document has at one time. */
export type Held = Pick<RemoteDocument, 'state' | 'md5' | 'parts'>

/** One document: its last usable content from Nacos. */
export class RemoteDocument {
  /** `dataId`, and the group where it is another than the usual one. */
  readonly name: string
  state: RemoteDocumentStatus['state'] = 'pending'
  md5 = ''
  /** A YAML document of several `---` parts is several, lowest first. */
  parts: readonly PropertyDocument[] = []
  /** The unusable content that the log has a warning of already, until Nacos holds another. */
  private badMd5: string | undefined
  /** `configRejected` was the last that was said of it. */
  private rejected = false

  constructor(
    readonly reference: RemoteReference,
    private readonly options: RemoteDocumentOptions,
  ) {
    const { dataId, group } = reference
    this.name = group === 'DEFAULT_GROUP' ? dataId : `${dataId} (${group})`
  }

  /** The registry has answered, and the content could be used. */
  get heard(): boolean {
    return this.state === 'loaded' || this.state === 'absent' || this.state === 'deleted'
  }

  get status(): RemoteDocumentStatus {
    const { dataId, group, refresh } = this.reference
    return { dataId, group, refresh, state: this.state, md5: this.md5 || undefined }
  }

  /** What a watch starts from: the content that was judged last, used or not. `undefined` where there was none. */
  get knownMd5(): string | undefined {
    return this.heard ? this.md5 : this.badMd5
  }

  /** @throws SidecarError where it is missing but required, is unusable, or the registry does not answer in time. */
  async pull(deadline: AbortSignal): Promise<void> {
    const { reference } = this
    const item = await this.ask(deadline)
    if (!item) {
      this.state = 'absent'
      this.options.snapshots?.remove(reference)
      if (reference.required) throw new SidecarError('SIDECAR_CONFIG_NOT_FOUND', notFound(this))
      return
    }
    try {
      await runInSlices(this.take(item))
    } catch (error) {
      this.state = 'failed'
      this.badMd5 = item.md5
      throw error
    }
  }

  /** Loads what an earlier run left on disk. @returns when it was saved, if there is a usable one. */
  async restore(): Promise<Date | undefined> {
    try {
      const saved = await this.options.snapshots?.load(this.reference)
      if (!saved) return undefined
      this.parts = await runInSlices(this.read(saved.item))
      this.md5 = saved.item.md5
      this.state = 'snapshot'
      return saved.savedAt
    } catch (error) {
      this.options.logger.warn(`The snapshot of ${messageOf(error)}`)
      return undefined
    }
  }

  /** The registry sent it again. @returns whether its values may differ now. */
  *update(item: ConfigItem | undefined): Sliced<boolean> {
    const { snapshots } = this.options
    if (item?.md5 !== this.badMd5) this.badMd5 = undefined
    if (!item) {
      if (this.state === 'absent' || this.state === 'deleted') return false
      snapshots?.remove(this.reference)
      if (this.state === 'loaded') this.deleted()
      else this.neverThere()
      return true
    }
    if (this.state === 'loaded' && item.md5 === this.md5) return false
    try {
      yield* this.take(item)
      return true
    } catch (error) {
      if (this.badMd5 !== item.md5) this.reject(item.md5, error)
      return false
    }
  }

  /** The current content, to return to if it cannot be used together with the other documents. */
  hold(): Held {
    const { state, md5, parts } = this
    return { state, md5, parts }
  }

  /** Returns to the content of before: the current one is rejected. */
  rollBack(held: Held, error: unknown): void {
    const refused = this.md5
    Object.assign(this, held)
    this.options.snapshots?.remove(this.reference)
    this.reject(refused, error)
  }

  private reject(md5: string, error: unknown): void {
    this.badMd5 = md5
    const instead = this.parts.length > 0 ? 'The previous values stay in use' : 'It is still left out'
    this.options.logger.error(`${messageOf(error)}. ${instead}`, { dataId: this.name, code: codeOf(error) })
    if (error instanceof SidecarError) this.announceRejected(error)
  }

  announceRejected(error: SidecarError): void {
    this.rejected = true
    this.options.emit('configRejected', { source: this.name, error })
  }

  /** Called when what Nacos holds is in use, or the document is gone. */
  announceAccepted(): void {
    if (!this.rejected || !this.heard || this.badMd5 !== undefined) return
    this.rejected = false
    this.options.emit('configAccepted', { source: this.name })
  }

  private async ask(deadline: AbortSignal): Promise<ConfigItem | undefined> {
    const { transport, settings } = this.options
    const { namespace, group, dataId } = this.reference
    try {
      // A transport that ignores its signal must not block the caller.
      return await unlessAborted(transport.getConfig({ namespace, group, dataId }, deadline), deadline)
    } catch (error) {
      this.state = 'failed'
      const why = deadline.aborted
        ? `no answer within ${settings.timeout} ms (cloud.nacos.config.timeout)`
        : messageOf(error)
      const code = isRegistryFailure(error) ? error.code : 'SIDECAR_REGISTRY_UNAVAILABLE'
      throw new SidecarError(code, `config ${this.name} could not be loaded: ${why}`, { cause: error })
    }
  }

  private *take(item: ConfigItem): Sliced<void> {
    this.parts = yield* this.read(item)
    this.md5 = item.md5
    this.state = 'loaded'
    this.options.snapshots?.save(item)
  }

  private read(item: ConfigItem): Sliced<PropertyDocument[]> {
    const { reference, name, options } = this
    const { maxBytes } = options.settings
    return readRemoteDocument(item, { reference, name, profiles: options.profiles, maxBytes })
  }

  private deleted(): void {
    const { logger, settings, emit } = this.options
    const { dataId, group } = this.reference
    const kept = settings.onDelete === 'keep' && this.parts.length > 0
    logger.warn(
      `config ${this.name} was deleted in Nacos; its values are ${kept ? 'kept' : 'removed'} (cloud.nacos.config.on-delete)`,
    )
    this.empty(kept ? 'deleted' : 'absent', kept)
    emit('configDeleted', { dataId, group, kept })
  }

  /** The first answer of a registry that was down at the start: its "not found" overrides a snapshot. */
  private neverThere(): void {
    const { logger } = this.options
    if (this.reference.required) logger.error(notFound(this))
    if (this.state === 'snapshot')
      logger.warn(`config ${this.name} is no longer in Nacos; the values of its snapshot are removed`)
    this.empty('absent')
  }

  private empty(state: RemoteDocumentStatus['state'], keepValues = false): void {
    this.state = state
    this.md5 = ''
    if (!keepValues) this.parts = []
  }
}

function notFound({ name, reference: { namespace, dataId } }: RemoteDocument): string {
  const where = namespace === '' ? '' : `, namespace ${namespace}`
  return `config ${name} is not in Nacos${where}; publish it, or import it as optional:nacos:${dataId}`
}

/** Failing to ask is one thing, an unusable or missing document another. */
export function isRegistryFailure(error: unknown): error is SidecarError {
  return error instanceof SidecarError && error.code.startsWith('SIDECAR_REGISTRY_')
}
