import { messageOf } from '../../errors.js'
import type { Logger } from '../../logger.js'
import { aboutMs, backOffMs } from '../../util/backoff.js'

/** Something that is to hold on the registry for as long as we want it: a subscription, a registration. */
export interface Desired<S> {
  /** How logs name it. */
  readonly label: string
  /** Makes it so on this session; safe to repeat. */
  establish(session: S): Promise<void>
  /** Undoes it on the session it was established on. */
  release(session: S): Promise<void>
  /** Looks whether it still holds, and makes it so again. @default establish */
  verify?(session: S): Promise<void>
}

/**
 * Brings what holds in line with what is wanted, and goes on until the two are equal: after a reconnect, after a
 * failure, and, one entry at a time, every now and then for good measure.
 */
export interface Reconciler<S> {
  ensure(id: string, desired: Desired<S>): void
  release(id: string): void
  /** It may be lost on the server: establishes it again soon. */
  recheck(id: string): void
  /** A new session, on which nothing holds yet; or none. */
  attach(session: S | undefined): void
  /** Resolves once everything wanted has been tried on the present session. */
  settled(): Promise<void>
  close(): void
}

export interface ReconcilerOptions {
  /** Requests in flight at once. */
  readonly concurrency: number
  /** Every entry is verified about this often. */
  readonly verifyIntervalMs: number
  /** First wait after a failure; doubles up to 30 s. */
  readonly retryMs: number
  readonly logger: Logger
}

interface Entry<S> {
  readonly id: string
  desired: Desired<S> | undefined
  established: Desired<S> | undefined
  suspect: boolean
  verify: boolean
  busy: boolean
  failures: number
  retry: NodeJS.Timeout | undefined
}

const MAX_RETRY_MS = 30_000

/** However many entries there are, no more than five of them a second are verified. */
const MIN_VERIFY_GAP_MS = 200

export function createReconciler<S>(options: ReconcilerOptions): Reconciler<S> {
  const { concurrency, verifyIntervalMs, retryMs, logger } = options
  const entries = new Map<string, Entry<S>>()
  const queue = new Set<Entry<S>>()
  let session: S | undefined
  let closed = false
  let inFlight = 0
  const waiters: (() => void)[] = []
  let verifyTimer: NodeJS.Timeout | undefined

  const isSettled = (entry: Entry<S>) => entry.desired === entry.established && !entry.suspect && !entry.verify

  const enqueue = (entry: Entry<S>): void => {
    if (entry.busy || closed) return
    if (entry.desired === undefined && entry.established === undefined) {
      clearTimeout(entry.retry)
      entries.delete(entry.id)
      queue.delete(entry)
      return
    }
    if (session === undefined || isSettled(entry)) return
    clearTimeout(entry.retry)
    queue.add(entry)
    pump()
  }

  const pump = (): void => {
    for (const entry of queue) {
      if (inFlight >= concurrency || session === undefined) break
      queue.delete(entry)
      void step(entry, session)
    }
    if (inFlight > 0 || (queue.size > 0 && session !== undefined)) return
    for (const resolve of waiters.splice(0)) resolve()
  }

  const step = async (entry: Entry<S>, on: S): Promise<void> => {
    const { desired, established } = entry
    const verifying = entry.verify && !entry.suspect && desired === established
    entry.busy = true
    entry.suspect = entry.verify = false
    inFlight++
    try {
      if (!desired) await established!.release(on)
      else if (verifying) await (desired.verify ?? desired.establish).call(desired, on)
      else await desired.establish(on)
      if (session === on) entry.established = desired
      if (entry.failures > 0) logger.info(`${(desired ?? established)!.label}: works again`)
      entry.failures = 0
    } catch (error) {
      onFailure(entry, on, desired, error)
    }
    inFlight--
    entry.busy = false
    if (entry.retry === undefined) enqueue(entry)
    pump()
  }

  const onFailure = (entry: Entry<S>, on: S, desired: Desired<S> | undefined, error: unknown): void => {
    // With the session gone, the next one starts over; and what is wanted may be something else by now.
    if (session !== on || closed) return
    if (desired && entry.desired !== desired) return
    if (!desired) {
      logger.debug(`${entry.established!.label}: could not be ended: ${messageOf(error)}`)
      entry.established = undefined
      return
    }
    entry.suspect = true
    const waitMs = backOffMs(++entry.failures, { firstMs: retryMs, lastMs: MAX_RETRY_MS, spread: 0.25 })
    if (entry.failures === 1) logger.warn(`${desired.label}: ${messageOf(error)}; trying again`)
    entry.retry = setTimeout(() => {
      entry.retry = undefined
      enqueue(entry)
    }, waitMs)
    entry.retry.unref()
  }

  const armVerify = (): void => {
    const gapMs = Math.max(MIN_VERIFY_GAP_MS, verifyIntervalMs / Math.max(1, entries.size))
    verifyTimer = setTimeout(() => {
      const [entry] = entries.values()
      if (entry && session !== undefined) {
        // To the end of the row: the map keeps the order in which entries were last verified.
        entries.delete(entry.id)
        entries.set(entry.id, entry)
        if (entry.established && entry.retry === undefined) {
          entry.verify = true
          enqueue(entry)
        }
      }
      armVerify()
    }, aboutMs(gapMs))
    verifyTimer.unref()
  }
  armVerify()

  return {
    ensure(id, desired) {
      let entry = entries.get(id)
      if (!entry) {
        entry = {
          id,
          desired,
          established: undefined,
          suspect: false,
          verify: false,
          busy: false,
          failures: 0,
          retry: undefined,
        }
        entries.set(id, entry)
      }
      entry.desired = desired
      clearRetry(entry)
      enqueue(entry)
    },
    release(id) {
      const entry = entries.get(id)
      if (!entry) return
      entry.desired = undefined
      clearRetry(entry)
      enqueue(entry)
    },
    recheck(id) {
      const entry = entries.get(id)
      if (!entry || entry.retry !== undefined) return
      entry.suspect = true
      enqueue(entry)
    },
    attach(next) {
      session = next
      queue.clear()
      for (const entry of [...entries.values()]) {
        entry.established = undefined
        entry.suspect = entry.verify = false
        clearRetry(entry)
        enqueue(entry)
      }
      pump()
    },
    settled: () =>
      new Promise((resolve) => {
        waiters.push(resolve)
        pump()
      }),
    close() {
      closed = true
      session = undefined
      clearTimeout(verifyTimer)
      for (const entry of entries.values()) clearRetry(entry)
      entries.clear()
      queue.clear()
      pump()
    },
  }
}

function clearRetry<S>(entry: Entry<S>): void {
  clearTimeout(entry.retry)
  entry.retry = undefined
}
