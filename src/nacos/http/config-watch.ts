import { messageOf } from '../../errors.js'
import type { Logger } from '../../logger.js'
import type { ConfigItem, ConfigKey, Unsubscribe } from '../../types.js'
import { aboutMs, backOffMs } from '../../util/backoff.js'
import { pause } from '../../util/deadline.js'
import { callListener } from '../../util/call-listener.js'
import type { ConfigListener } from '../transport.js'
import { failureKindOf } from './failure.js'
import type { ListenedConfig } from './listener.js'

export interface ConfigWatchOptions {
  /**
   * Waits until one of these may have changed and returns which; `undefined` where the server cannot hold a request
   * back, so that all of them are read every `pollIntervalMs`.
   */
  readonly listen: (configs: readonly ListenedConfig[], signal: AbortSignal) => Promise<ConfigKey[] | undefined>
  readonly read: (key: ConfigKey, signal: AbortSignal) => Promise<ConfigItem | undefined>
  readonly pollIntervalMs: number
  readonly logger: Logger
}

export interface ConfigWatch {
  add(key: ConfigKey, knownMd5: string, listener: ConfigListener): Unsubscribe
  /** The registry answers again: no need to wait out the pause. */
  wake(): void
  close(): void
}

interface Watcher {
  md5: string
  readonly listener: ConfigListener
}

interface Watched {
  readonly key: ConfigKey
  readonly watchers: Set<Watcher>
  /** Not read or listened for yet. */
  fresh: boolean
}

/** The spread is that of every pause here. */
const PAUSE = { firstMs: 200, lastMs: 10_000, spread: 0 }
/** An empty answer sooner than this was not held back. */
const SHORTEST_HOLD_MS = 1000
const PARALLEL_READS = 8
/** So many answers that were worth nothing, and the documents are read all the same. */
const MOST_HOLLOW = 2
/** Failures after which a read would fail as well. */
const NOT_REACHED: readonly string[] = ['connect', 'tls', 'aborted']

/** Follows any number of configs with one request at a time. */
export function createConfigWatch({ listen, read, pollIntervalMs, logger }: ConfigWatchOptions): ConfigWatch {
  const watched = new Map<string, Watched>()
  const closed = new AbortController()
  /** Ends the request in flight, for the set of configs has changed. */
  let round = new AbortController()
  /** Ends a pause. */
  let alarm = new AbortController()
  let running = false
  /** Rounds in a row that brought nothing: failures, answers not held back, changes that were none. */
  let idle = 0
  let failures = 0
  /** Answers in a row that were neither held back nor true: something in front of the listener gives them. */
  let hollow = 0
  let readAllAtMs = -Infinity
  /** The failed read was reported already: only a failure after success is logged. */
  let worked = false
  /** The log holds a failure that is not over. */
  let said = false

  async function run(): Promise<void> {
    running = true
    while (watched.size > 0 && !closed.signal.aborted) {
      round = new AbortController()
      // Several added at once share one request.
      await new Promise((resolve) => setImmediate(resolve))
      try {
        const useful = await once(round.signal)
        if (said) logger.info('Watching configs works again')
        said = false
        failures = 0
        worked = true
        idle = useful ? 0 : idle + 1
      } catch (error) {
        if (round.signal.aborted) continue
        failures += 1
        idle += 1
        if (failures === 1) said = worked
        if (failures === 1) logger[worked ? 'warn' : 'debug'](`${messageOf(error)} The last documents stay in use.`)
        // What refuses to listen may well let us read.
        if (!NOT_REACHED.includes(failureKindOf(error) ?? '')) await readAll(round.signal).catch(() => {})
      }
      if (idle > 0) await rest(backOffMs(idle, PAUSE))
    }
    running = false
  }

  /** True if it was worth asking: a change, or a request that was held back. */
  async function once(signal: AbortSignal): Promise<boolean> {
    const unsettled = [...watched.values()].filter(({ watchers }) => new Set([...watchers].map((w) => w.md5)).size > 1)
    if (unsettled.length > 0) await refresh(unsettled, signal)

    const askedAtMs = performance.now()
    const changed = await listen([...watched.values()].map(listened), signal)
    if (!changed) {
      await refresh(
        [...watched.values()].filter((entry) => entry.fresh),
        signal,
      )
      await rest(pollIntervalMs)
      if (!signal.aborted) await refresh([...watched.values()], signal)
      return true
    }
    const entries = changed.map((key) => watched.get(keyText(key))).filter((entry) => entry !== undefined)
    const useful =
      changed.length === 0 ? performance.now() - askedAtMs >= SHORTEST_HOLD_MS : await refresh(entries, signal)
    hollow = useful ? 0 : hollow + 1
    return hollow < MOST_HOLLOW ? useful : readAll(signal)
  }

  /** Every document, one after the other, at most once in `pollIntervalMs`. True if any listener was called. */
  async function readAll(signal: AbortSignal): Promise<boolean> {
    if (performance.now() - readAllAtMs < pollIntervalMs) return false
    readAllAtMs = performance.now()
    let told = false
    for (const entry of watched.values()) told = (await refresh([entry], signal)) || told
    return told
  }

  /** Reads these and calls the listeners that hold another version. True if any was called. */
  async function refresh(entries: readonly Watched[], signal: AbortSignal): Promise<boolean> {
    const queue = [...entries]
    let told = false
    const worker = async () => {
      for (let entry = queue.shift(); entry; entry = queue.shift()) {
        const item = await read(entry.key, signal)
        entry.fresh = false
        told = inform(entry, item) || told
      }
    }
    await Promise.all(Array.from({ length: Math.min(PARALLEL_READS, queue.length) }, worker))
    return told
  }

  function inform({ key, watchers }: Watched, item: ConfigItem | undefined): boolean {
    const md5 = item?.md5 ?? ''
    const behind = [...watchers].filter((watcher) => watcher.md5 !== md5)
    for (const watcher of behind) {
      if (!watchers.has(watcher)) continue // ended by the listener before it
      watcher.md5 = md5
      callListener(watcher.listener, item, (error) =>
        logger.error(`A listener of config ${key.dataId} (${key.group}) threw: ${messageOf(error)}`),
      )
    }
    return behind.length > 0
  }

  async function rest(ms: number): Promise<void> {
    if (round.signal.aborted) return
    alarm = new AbortController()
    await pause(aboutMs(ms), alarm.signal)
  }

  function startOver(): void {
    round.abort()
    alarm.abort()
  }

  return {
    add(key, knownMd5, listener) {
      if (closed.signal.aborted) return () => {}
      const text = keyText(key)
      const entry = watched.get(text) ?? { key, watchers: new Set<Watcher>(), fresh: true }
      watched.set(text, entry)
      const watcher: Watcher = { md5: knownMd5, listener }
      entry.watchers.add(watcher)
      if (running) startOver()
      else void run()
      return () => {
        if (!entry.watchers.delete(watcher) || entry.watchers.size > 0) return
        watched.delete(text)
        startOver()
      }
    },
    wake() {
      if (failures > 0) alarm.abort()
    },
    close() {
      closed.abort()
      watched.clear()
      startOver()
    },
  }
}

const keyText = ({ namespace, group, dataId }: ConfigKey) => `${namespace}\n${group}\n${dataId}`

const listened = ({ key, watchers }: Watched): ListenedConfig => ({ ...key, md5: [...watchers][0]?.md5 ?? '' })
