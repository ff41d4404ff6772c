import type { Server as HttpServer } from 'node:http'
import type { Server as NetServer } from 'node:net'
import { setImmediate, setTimeout } from 'node:timers/promises'
import type { MountedApp } from '../adapters/adapter.js'
import { messageOf } from '../errors.js'
import type { Emit } from '../events.js'
import type { Logger } from '../logger.js'
import { DOOR_MS } from './door.js'
import { reasonNotToDrain } from './drain.js'
import { holdServer, type HeldServer } from './held-server.js'
import { haveLastWords } from './last-words.js'
import { watchListening, type ListeningServer } from './listening.js'
import { leaveOnSignals } from './signals.js'
import { runSteps } from './steps.js'

export interface LifecycleOptions {
  /** Without one, the process's own HTTP server is sought. */
  readonly app?: MountedApp
  /** `server.port` of the settings. */
  readonly serverPort?: number
  /** `sidecar.drain`. */
  readonly drainMs: number
  /** `sidecar.deregister-timeout`. */
  readonly deregisterTimeoutMs: number
  /** How long requests in flight may take once the server is closed; then they are cut. @default 9000 */
  readonly finishTimeoutMs?: number
  /** How long a process may stay after it has left on a signal. @default 500 */
  readonly forceExitAfterMs?: number
  /** `false` leaves SIGTERM and SIGINT to the app. @default true */
  readonly signals?: boolean
  readonly logger: Logger
  readonly emit: Emit
  /** The app listens: time to register. Called once, never while leaving. */
  onListening(found: ListeningServer): void
  /** True while the registry may list this process. */
  registered(): boolean
  /** Stops the heartbeat and deregisters; harmless where there is nothing to do. */
  deregister(): Promise<void>
  /** After that: true where other processes go on answering at the same address (cluster workers). */
  shared?(): boolean
  /** By which answers tell the clients of sidecars not to come again for so long. */
  leavingMark?(forMs: number): string | undefined
  /** Ends the sidecar's own connections. */
  closeClients(): Promise<void>
  /** Deregisters before it returns, if need be: for a crash, or `process.exit()` out of the blue. */
  deregisterSync?(timeoutMs: number): void
}

export interface LeaveOptions {
  /** Go on serving for `sidecar.drain` after the deregistration. @default true */
  readonly drain?: boolean
}

/** When the app listens, and how it leaves. */
export interface Lifecycle {
  readonly phase: 'starting' | 'serving' | 'leaving' | 'left'
  /** The server that was found. */
  readonly server: ListeningServer | undefined
  /** True from the first moment of leaving: readiness is 503, answers carry `Connection: close`. */
  leaving(): boolean
  /** Names the app's server by hand. */
  listening(server: NetServer): void
  /** Leaves in order. Calls share one promise; one with `drain: false` ends the drain of an earlier one. Never rejects. */
  stop(options?: LeaveOptions): Promise<void>
}

/** Steps that should take no time get this much on top of their own deadline. */
const GRACE_MS = 500
const CLIENTS_MS = 1_000

/**
 * Watches for the app's server and for the end. Call it in the synchronous part of a start.
 *
 * Leaving: deregister → keep serving for the drain → close the server → close clients. The app's own `server.close`
 * waits for the drain, whoever calls it.
 */
export function createLifecycle(options: LifecycleOptions): Lifecycle {
  const { app, logger, emit, drainMs, finishTimeoutMs = 9_000 } = options
  const hurry = new AbortController()
  let openGate = () => {}
  /** Opens when the app's own close may go on. */
  const gate = new Promise<void>((resolve) => (openGate = resolve))
  let phase: Lifecycle['phase'] = 'starting'
  const held: HeldServer[] = []
  let appCloses = false
  let impatient = false
  let left: Promise<void> | undefined

  const leaving = () => appCloses || phase === 'leaving' || phase === 'left'

  /** The app closes its server, on its own or because it heard the same signal. */
  async function mayClose(): Promise<void> {
    if (left) return gate
    // Nobody may be sent to a server that closes; but a close outside of a shutdown has no drain to wait for.
    appCloses = true
    turnAway()
    await options.deregister()
  }

  const turnAway = () => held.forEach((server) => server.turnAway())
  const stopAccepting = () => Promise.all(held.map((server) => server.stopAccepting()))

  async function drain(listed: boolean): Promise<void> {
    if (listed && held.length > 0 && drainMs > 0 && !hurry.signal.aborted) {
      const over = setTimeout(drainMs, undefined, { signal: hurry.signal }).catch(() => {})
      if (options.shared?.()) {
        logger.info(`no new connections; those there are may go on for ${drainMs} ms`)
        emit('draining', { forMs: drainMs })
        await stopAccepting()
        await Promise.race([over, Promise.all(held.map((server) => server.emptied()))])
      } else {
        logger.info(`serving for another ${drainMs} ms, until callers have a list without this instance`)
        emit('draining', { forMs: drainMs })
        const shutAt = performance.now() + drainMs + DOOR_MS
        held.forEach((server) =>
          server.sendElsewhere(() => options.leavingMark?.(Math.max(0, shutAt - performance.now()))),
        )
        await over
      }
    }
    // Before the app's own close goes on: Fastify answers 503 from then on, also to those who are at the door already.
    await stopAccepting()
    openGate()
  }

  async function closeServer(): Promise<void> {
    // The app's own close goes first, where it is waiting.
    await setImmediate()
    const cuts = await Promise.all(held.map((server) => server.finish(finishTimeoutMs)))
    const cut = cuts.reduce((sum, count) => sum + count, 0)
    if (cut > 0)
      logger.warn(`cut ${cut} connections that were still busy ${finishTimeoutMs} ms after the server closed`)
  }

  async function leave(): Promise<void> {
    phase = 'leaving'
    turnAway()
    watch.close()
    const listed = options.registered()
    await runSteps(
      [
        { name: 'deregistration', deadlineMs: options.deregisterTimeoutMs + GRACE_MS, run: options.deregister },
        { name: 'drain', deadlineMs: drainMs + DOOR_MS + GRACE_MS, run: () => drain(listed) },
        { name: 'closing the server', deadlineMs: finishTimeoutMs + GRACE_MS, run: closeServer },
        { name: 'closing clients', deadlineMs: CLIENTS_MS, run: options.closeClients },
      ],
      logger,
    )
    phase = 'left'
    for (const server of held) server.release()
    for (const end of ends) end()
    emit('stopped')
  }

  function stop({ drain = true }: LeaveOptions = {}): Promise<void> {
    if (!drain) hurry.abort()
    return (left ??= leave())
  }

  function hold(server: HttpServer): void {
    held.push(holdServer(server, { leaving, mayClose }))
    if (leaving()) turnAway()
  }

  const watch = watchListening({
    app,
    port: options.serverPort,
    logger,
    onListening(found) {
      phase = 'serving'
      hold(found.server)
      try {
        options.onListening(found)
      } catch (error) {
        // Thrown on, it would be an uncaught exception in the middle of somebody's listen().
        logger.error(`the app listens on port ${found.port}, but is not registered: ${messageOf(error)}`)
      }
    },
    onFurther: hold,
  })
  app?.holdClose?.(mayClose)

  const ends = [
    options.signals !== false &&
      leaveOnSignals({
        forceExitAfterMs: options.forceExitAfterMs,
        leave(signal) {
          const reason = reasonNotToDrain(signal)
          logger.info(`${signal}: leaving${reason ? ` without a drain, ${reason}` : ''}`)
          return stop({ drain: reason === undefined })
        },
        onImpatience: () => void (impatient = true),
      }),
    options.deregisterSync &&
      haveLastWords({
        logger,
        wanted: () => !impatient,
        deregisterSync: (timeoutMs) => options.deregisterSync?.(timeoutMs),
      }),
  ].filter((end) => typeof end === 'function')

  return {
    get phase() {
      return phase
    },
    get server() {
      return watch.found
    },
    leaving,
    listening: (server) => watch.announce(server),
    stop,
  }
}
