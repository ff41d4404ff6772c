import { messageOf } from '../../errors.js'
import { configKeyText } from '../../instance.js'
import type { Logger } from '../../logger.js'
import type { ConfigItem, ConfigKey, Unsubscribe } from '../../types.js'
import { aboutMs, backOffMs } from '../../util/backoff.js'
import { pause } from '../../util/deadline.js'
import { createLimiter } from '../../util/limiter.js'
import { sharedBy } from '../../util/shared-by.js'
import { ConfigFollowers } from '../followers.js'
import { createPolling } from '../polling.js'
import type { ConfigSource } from '../transport.js'
import { RegistryError, type FailureKind } from './failure.js'
import type { ListenedConfig } from './listener.js'

export interface ConfigWatchOptions {
  /**
   * Waits until one of these may have changed and says which; `undefined` where the server cannot hold a request back:
   * then each is polled.
   */
  readonly listen: (configs: readonly ListenedConfig[], signal: AbortSignal) => Promise<ConfigKey[] | undefined>
  readonly read: (key: ConfigKey, signal: AbortSignal) => Promise<ConfigItem | undefined>
  readonly pollIntervalMs: number
  readonly logger: Logger
}

export interface ConfigWatch {
  readonly watch: ConfigSource
  /** The registry answers again: no need to wait out the pause. */
  wake(): void
  close(): void
}

interface Watched {
  readonly key: ConfigKey
  readonly followers: ConfigFollowers
  /** Ends its polling, where the server has no long poll. */
  stopPolling: Unsubscribe | undefined
}

/** The spread is that of every pause here. */
const PAUSE = { firstMs: 200, lastMs: 10_000, spread: 0 }
/** An empty answer sooner than this was not held back. */
const SHORTEST_HOLD_MS = 1000
const PARALLEL_READS = 8
/** After so many answers in a row without a change, given too soon, the documents are read all the same. */
const MOST_EMPTY_ANSWERS = 2
/** Failures after which a read would fail as well. */
const NOT_REACHED: readonly FailureKind[] = ['connect', 'tls', 'aborted']

/** Follows any number of configs with one request at a time. */
export function createConfigWatch({ listen, read, pollIntervalMs, logger }: ConfigWatchOptions): ConfigWatch {
  const watched = new Map<string, Watched>()
  const polling = createPolling({ ask: read, intervalMs: pollIntervalMs })
  /** Polled documents whose last question failed. */
  const failing = new Set<Watched>()
  const limit = createLimiter(PARALLEL_READS)
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
  let emptyAnswers = 0
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
        if (useful !== 'polled') succeeded()
        idle = useful ? 0 : idle + 1
      } catch (error) {
        if (round.signal.aborted) continue
        idle += 1
        failed(error)
        // What refuses to listen may well let us read.
        if (!(error instanceof RegistryError && NOT_REACHED.includes(error.kind)))
          await readAll(round.signal).catch(() => {})
      }
      if (idle > 0) await rest(backOffMs(idle, PAUSE))
    }
    running = false
  }

  function succeeded(): void {
    if (said) logger.info('Watching configs works again')
    said = false
    failures = 0
    worked = true
  }

  function failed(error: unknown): void {
    failures += 1
    if (failures > 1) return
    said = worked
    logger[worked ? 'warn' : 'debug'](`${messageOf(error)} The last documents stay in use.`)
  }

  /** True if it was worth asking: a change, or a request that was held back. */
  async function once(signal: AbortSignal): Promise<boolean | 'polled'> {
    const unsettled = [...watched.values()].filter(({ followers }) => !followers.agree)
    if (unsettled.length > 0) await refresh(unsettled, signal)

    const askedAtMs = performance.now()
    const changed = await listen([...watched.values()].map(listened), signal)
    if (!changed) {
      for (const entry of watched.values()) poll(entry)
      await rest(pollIntervalMs)
      return 'polled'
    }
    for (const entry of watched.values()) stopPolling(entry)
    const entries = changed.map((key) => watched.get(configKeyText(key))).filter((entry) => entry !== undefined)
    const useful =
      changed.length === 0 ? performance.now() - askedAtMs >= SHORTEST_HOLD_MS : await refresh(entries, signal)
    emptyAnswers = useful ? 0 : emptyAnswers + 1
    return emptyAnswers < MOST_EMPTY_ANSWERS ? useful : readAll(signal)
  }

  /** Every document, one after the other, at most once in `pollIntervalMs`. True if any listener was called. */
  async function readAll(signal: AbortSignal): Promise<boolean> {
    if (performance.now() - readAllAtMs < pollIntervalMs) return false
    readAllAtMs = performance.now()
    let changed = false
    for (const entry of watched.values()) changed = (await refresh([entry], signal)) || changed
    return changed
  }

  /** Reads these and calls the listeners that hold another version. True if any was called. */
  async function refresh(entries: readonly Watched[], signal: AbortSignal): Promise<boolean> {
    const reads = entries.map(({ key, followers }) =>
      limit(async () => {
        signal.throwIfAborted()
        return followers.emit(await read(key, signal))
      }),
    )
    return (await Promise.all(reads)).includes(true)
  }

  function poll(entry: Watched): void {
    entry.stopPolling ??= polling.follow(
      entry.key,
      (item) => {
        failing.delete(entry)
        if (failing.size === 0) succeeded()
        entry.followers.emit(item)
      },
      (error) => {
        failing.add(entry)
        failed(error)
      },
    )
  }

  function stopPolling(entry: Watched): void {
    entry.stopPolling?.()
    entry.stopPolling = undefined
    failing.delete(entry)
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

  function create(key: ConfigKey, id: string): Watched {
    const followers = new ConfigFollowers(key, logger, () => {
      stopPolling(entry)
      watched.delete(id)
      startOver()
    })
    const entry: Watched = { key, followers, stopPolling: undefined }
    return entry
  }

  return {
    watch(key, knownMd5, listener) {
      if (closed.signal.aborted) return () => {}
      const id = configKeyText(key)
      const { followers } = sharedBy(watched, id, () => create(key, id))
      const end = followers.add(knownMd5, listener)
      if (running) startOver()
      else void run()
      return end
    },
    wake() {
      if (failures === 0) return
      alarm.abort()
      polling.askNow()
    },
    close() {
      closed.abort()
      for (const entry of watched.values()) stopPolling(entry)
      watched.clear()
      startOver()
    },
  }
}

const listened = ({ key, followers }: Watched): ListenedConfig => ({ ...key, md5: followers.md5 })
