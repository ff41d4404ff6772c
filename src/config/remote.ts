import { SidecarError, messageOf } from '../errors.js'
import type { Emit } from '../events.js'
import type { Logger } from '../logger.js'
import type { RegistryTransport } from '../nacos/transport.js'
import type { Settings } from '../settings/schema.js'
import type { SnapshotFolder } from '../snapshot/folder.js'
import type { ConfigItem, Unsubscribe } from '../types.js'
import { startDeadline } from '../util/deadline.js'
import { holdProcess } from '../util/hold-process.js'
import { runInSlices, type Sliced } from '../util/slices.js'
import { createConfigSnapshots } from './config-snapshots.js'
import { DocumentError } from '../properties/document-error.js'
import { createMissedDocuments } from './missed-documents.js'
import { isRegistryFailure, RemoteDocument, type Held, type RemoteDocumentStatus } from './remote-document.js'
import { planDocuments } from './remote-plan.js'
import type { PropertyStore } from '../properties/store.js'

export interface RemoteConfig {
  /**
   * Pulls every document at once, within `cloud.nacos.config.timeout`, and goes on to follow them. A registry that
   * does not answer, and a document that cannot be used, is logged; its last content is read from the snapshot on
   * disk, and what Nacos holds arrives when the registry is back, the document usable. With `fail-fast` it is an error.
   *
   * @throws SidecarError SIDECAR_CONFIG_NOT_FOUND; with `fail-fast` SIDECAR_CONFIG_INVALID, SIDECAR_CONFIG_TOO_LARGE,
   * SIDECAR_REGISTRY_*
   */
  load(signal?: AbortSignal): Promise<void>
  /** True once `load` has succeeded. */
  readonly loaded: boolean
  /** Ends every watch. */
  close(): void
  /** For `status()`: what was asked for, lowest first, and what came of it. */
  documents(): readonly RemoteDocumentStatus[]
}

export interface RemoteConfigOptions {
  readonly transport: Pick<RegistryTransport, 'getConfig' | 'watchConfig'>
  readonly namespace: string
  readonly settings: Settings
  readonly store: PropertyStore
  readonly logger: Logger
  readonly emit: Emit
  /** @default none: memory only */
  readonly snapshots?: SnapshotFolder | undefined
}

/** The MD5 of nothing and of no document: any answer of the registry is a change then, "not found" too. */
const UNCONFIRMED_MD5 = '0'.repeat(32)

/** So many placeholders without a value are named at once. */
const MAX_WARNINGS = 20

/** Keeps the remote layer of a store equal to its documents in Nacos. */
export function createRemoteConfig(options: RemoteConfigOptions): RemoteConfig {
  const { transport, namespace, settings, store, logger, emit } = options
  const { config } = settings.cloud.nacos
  const plan = config.enabled ? planDocuments(settings, namespace, store) : { references: [], warnings: [], notes: [] }
  for (const warning of plan.warnings) logger.warn(warning)
  for (const note of plan.notes) logger.info(note)

  const snapshots = options.snapshots && createConfigSnapshots(options.snapshots)
  const { profiles } = store
  const documents = plan.references.map(
    (reference) => new RemoteDocument(reference, { transport, settings: config, profiles, snapshots, logger, emit }),
  )
  const closing = new AbortController()
  let loaded = false
  const watches = new Map<RemoteDocument, Unsubscribe>()
  let said: ReadonlySet<string> = new Set()
  /** The changes under way: one after the other. */
  let queue: Promise<unknown> | undefined
  const missed = createMissedDocuments(logger)

  async function pullAll(signal: AbortSignal | undefined): Promise<void> {
    const deadline = startDeadline(config.timeout, [closing.signal, signal], config.timeout)
    const pulled = await Promise.allSettled(documents.map((document) => document.pull(deadline.signal)))
    deadline.dispose()
    if (closing.signal.aborted || signal?.aborted)
      throw new SidecarError('SIDECAR_STOPPED', 'loading the configuration was cancelled: the sidecar is stopping')

    for (const [index, result] of pulled.entries()) {
      if (result.status === 'rejected') await goOnWithout(documents[index]!, result.reason)
    }
    missed.report()
  }

  /**
   * Without `fail-fast` a start is no stricter than a change: the last content is used, or the document is left out.
   */
  async function goOnWithout(document: RemoteDocument, reason: unknown): Promise<void> {
    if (config.failFast || !(reason instanceof SidecarError) || reason.code === 'SIDECAR_CONFIG_NOT_FOUND') throw reason
    const unusable = !isRegistryFailure(reason)
    const savedAt = (unusable || isOutage(reason)) && (await document.restore())
    const instead = savedAt ? `Its snapshot of ${savedAt.toISOString()} is in use` : 'It is left out'
    const until = unusable
      ? 'a valid version is applied when it is published'
      : 'the documents of Nacos are applied when the registry is back'
    const message = `${messageOf(reason).replace(/\.$/, '')}. ${instead}; ${until}`
    if (!unusable) return missed.add(document, { cause: causeOf(reason, document.name), instead, message })
    logger.error(message)
    document.announceRejected(reason)
  }

  /** @param news what changed, and what it held before; at a start every document, and nothing. */
  function* apply(news: ReadonlyMap<RemoteDocument, Held>): Sliced<readonly string[]> {
    const remaining = new Map(news)
    for (;;) {
      let keys: readonly string[]
      try {
        keys = yield* store.swap(documents.flatMap((document) => document.parts))
      } catch (error) {
        if (!(error instanceof DocumentError)) throw error
        // The one that is named made it too much, unless that is one that was fine until now.
        const named = [...remaining].find(([{ name }]) => name === error.document) ?? [...remaining].at(-1)
        if (!named) throw error
        remaining.delete(named[0])
        named[0].rollBack(named[1], new SidecarError('SIDECAR_CONFIG_INVALID', `config ${error.message}`))
        continue
      }
      warn(store.unresolved())
      return keys
    }
  }

  /** Each is logged once as long as it is there. */
  function warn(problems: readonly string[]): void {
    const news = problems.filter((problem) => !said.has(problem))
    for (const problem of news.slice(0, MAX_WARNINGS)) logger.warn(problem)
    if (news.length > MAX_WARNINGS) logger.warn(`… and ${news.length - MAX_WARNINGS} more placeholders like these`)
    said = new Set(problems)
  }

  function report(): void {
    const named = (state: RemoteDocumentStatus['state']) =>
      documents
        .filter((document) => document.state === state)
        .map((document) => document.name)
        .join(', ')
    const loaded = named('loaded')
    const absent = named('absent')
    if (loaded) logger.info(`config loaded, later ones win: ${loaded}`)
    if (absent) logger.debug(`config not in Nacos: ${absent}`)
  }

  /** One that is not refreshed is followed only where the start had to go on without it: until it can be used. */
  function follow(document: RemoteDocument): void {
    const { group, dataId, refresh } = document.reference
    if (document.heard && !refresh) return
    const key = { namespace, group, dataId }
    const known = document.knownMd5 ?? UNCONFIRMED_MD5
    const stop = transport.watchConfig(key, known, (item) => {
      changed(document, item)
      missed.loaded(document)
    })
    watches.set(document, stop)
  }

  function unfollow(document: RemoteDocument): void {
    watches.get(document)?.()
    watches.delete(document)
  }

  /** At once where it is short and nothing is under way, else behind what is. */
  function changed(document: RemoteDocument, item: ConfigItem | undefined): void {
    const work = () => (closing.signal.aborted ? undefined : runInSlices(change(document, item)))
    const done = queue ? queue.then(work) : work()
    if (!(done instanceof Promise)) return
    const settled = done.catch((error: unknown) => {
      logger.error(`config ${document.name} could not be applied: ${messageOf(error)}`)
    })
    queue = settled
    void settled.then(() => {
      if (queue === settled) queue = undefined
    })
  }

  function* change(document: RemoteDocument, item: ConfigItem | undefined): Sliced<void> {
    const held = document.hold()
    const news = yield* document.update(item)
    if (closing.signal.aborted) return
    const keys = news ? yield* apply(new Map([[document, held]])) : []
    if (document.heard && !document.reference.refresh) unfollow(document)
    document.announceAccepted()
    if (keys.length === 0) return
    const more = keys.length > 20 ? `, and ${keys.length - 20} more` : ''
    logger.info(`config ${document.name} changed: ${keys.slice(0, 20).join(', ')}${more}`, {
      ...{ dataId: document.name, keys: keys.length },
    })
    emit('configChanged', { keys })
  }

  return {
    async load(signal) {
      const nothing: Held = { state: 'failed', md5: '', parts: [] }
      await holdProcess(
        pullAll(signal).then(() => runInSlices(apply(new Map(documents.map((document) => [document, nothing]))))),
      )
      report()
      for (const document of documents) follow(document)
      loaded = true
    },
    get loaded() {
      return loaded
    },
    close() {
      closing.abort()
      for (const unsubscribe of watches.values()) unsubscribe()
      watches.clear()
    },
    documents: () => documents.map((document) => document.status),
  }
}

/** A registry that refuses has answered: a document that it refuses is not read from the disk either. */
function isOutage({ code }: SidecarError): boolean {
  return /_(UNAVAILABLE|ANSWER)$/.test(code)
}

/**
 * The text of a failure without the name of the document, so that documents with the same cause are reported together.
 */
function causeOf(reason: SidecarError, name: string): string {
  const message = messageOf(reason).replace(/\.$/, '')
  const [, cause] = / failed: (.*)$/s.exec(message) ?? []
  return cause ?? message.replaceAll(name, '…')
}
