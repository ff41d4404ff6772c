import type { SidecarError } from '../../errors.js'
import type { Logger } from '../../logger.js'
import type { ServerAddress } from '../../settings/server-address.js'
import { backOffMs } from '../../util/backoff.js'
import { pause } from '../../util/deadline.js'
import type { Connection } from './connection.js'

/** Keeps one connection up over a list of addresses: sticky, the next one on failure, with a back-off. */
export interface Connector {
  /** Moves to this server, or to the next of the list; the old connection stays until the new one is up. */
  move(address?: ServerAddress): void
  /** Skips the rest of a long wait, because the registry answers again. */
  retryNow(): void
  close(): Promise<void>
}

export interface ConnectorOptions {
  readonly addresses: () => readonly ServerAddress[]
  /** Waits until there are some. */
  readonly ready: (signal: AbortSignal) => Promise<void>
  readonly connect: (
    address: ServerAddress,
    signal: AbortSignal,
    onLost: (reason: SidecarError) => void,
  ) => Promise<Connection>
  /** A connection stands; `previous`, if any, is the caller's to close. */
  readonly onUp: (connection: Connection, address: ServerAddress, previous: Connection | undefined) => void
  /** An attempt failed or a connection was lost, and none stands. */
  readonly onDown: (reason: SidecarError) => void
  /** Least time from the start of one attempt to the start of the next. */
  readonly minAttemptMs: number
  /** Longest time from the start of one attempt to the start of the next. */
  readonly maxBackoffMs: number
  /** Waits for a permit to connect. */
  readonly acquirePermit?: (signal: AbortSignal) => Promise<unknown>
  /** Failures are no warning. */
  readonly quiet: boolean
  readonly logger: Logger
}

/** A connection that did not last this long counts as a failed attempt: a flapping server is not hammered. */
const STABLE_MS = 5_000

/** All clients of a server notice its end at the same moment; they need not all return at the same moment. */
const SPREAD_MS = 250

export function createConnector(options: ConnectorOptions): Connector {
  const { addresses, minAttemptMs, maxBackoffMs, logger } = options
  const backoff = { firstMs: minAttemptMs, lastMs: maxBackoffMs, spread: 0.25 }
  const ended = new AbortController()
  let current: Connection | undefined
  let index = Math.floor(Math.random() * 1_000)
  let movingTo: ServerAddress | undefined
  let failures = 0
  let attemptedAt = Number.NEGATIVE_INFINITY
  let standsSince = 0
  let spreadUntil = 0
  /** Ends a wait. */
  let alarm = new AbortController()
  let running: Promise<void> | undefined
  let failureLogged = false

  const next = (): ServerAddress | undefined => {
    const all = addresses()
    return all[index % all.length]
  }

  /** One line an outage, however many attempts it takes, and however often the server flaps. */
  const logFailure = (reason: SidecarError): void => {
    if (failureLogged || options.quiet) logger.debug(`${reason.message}; attempt ${failures}`)
    else logger.warn(`${reason.message}; reconnecting until it works`)
    failureLogged = true
  }

  const attempt = async (address: ServerAddress): Promise<void> => {
    attemptedAt = performance.now()
    let lost: SidecarError | undefined
    let adopted = false
    const connection = await options.connect(address, ended.signal, (reason) => {
      lost = reason
      if (adopted && current === connection) onLost(reason)
    })
    // It may be lost again before this continuation runs.
    if (lost) throw lost
    const previous = current
    current = connection
    adopted = true
    standsSince = performance.now()
    options.onUp(connection, address, previous)
  }

  const onLost = (reason: SidecarError): void => {
    const now = performance.now()
    current = undefined
    const stable = now - standsSince >= STABLE_MS
    failures = stable ? 0 : failures + 1
    if (stable) failureLogged = false
    spreadUntil = now + Math.random() * SPREAD_MS
    index++
    logFailure(reason)
    options.onDown(reason)
    start()
  }

  const untilConnected = async (): Promise<void> => {
    while (!current || movingTo) {
      await untilDue()
      await options.ready(ended.signal).catch(() => {})
      // Rejects only when we are closed.
      await options.acquirePermit?.(ended.signal).catch(() => {})
      if (ended.signal.aborted) return
      const address = movingTo ?? next()
      if (!address) {
        attemptedAt = performance.now()
        continue
      }
      const moving = current !== undefined
      movingTo = undefined
      try {
        await attempt(address)
      } catch (error) {
        if (ended.signal.aborted) return
        const reason = error as SidecarError
        if (moving) logger.warn(`${reason.message}; the registry had asked for the move`)
        if (current) continue
        failures++
        index++
        logFailure(reason)
        options.onDown(reason)
      }
    }
  }

  const untilDue = async (): Promise<void> => {
    const drawn = Math.random()
    for (;;) {
      const rounds = Math.floor(failures / Math.max(1, addresses().length))
      const gapMs = Math.max(minAttemptMs, backOffMs(rounds + 1, { ...backoff, random: () => drawn }))
      const waitMs = Math.max(attemptedAt + gapMs, spreadUntil) - performance.now()
      if (waitMs <= 0 || ended.signal.aborted) return
      alarm = new AbortController()
      await pause(waitMs, alarm.signal)
    }
  }

  const start = (): void => {
    if (ended.signal.aborted) return
    running ??= untilConnected().finally(() => {
      running = undefined
      // Lost, or asked to move, since the last check of the loop.
      if (!current || movingTo) start()
    })
  }
  start()

  return {
    move(address) {
      index++
      movingTo = address ?? next()
      start()
    },
    retryNow() {
      failures = 0
      alarm.abort()
    },
    async close() {
      ended.abort()
      alarm.abort()
      await running
      await current?.close()
    },
  }
}
