import type { Server as HttpServer } from 'node:http'
import type { Server as NetServer } from 'node:net'
import { setImmediate, setTimeout } from 'node:timers/promises'
import type { MountedApp } from '../adapters/adapter.js'
import { messageOf } from '../errors.js'
import type { Emit } from '../events.js'
import type { Logger } from '../logger.js'
import { BACKLOG_DRAIN_MS } from './close-listener.js'
import { waitForDrain, reasonNotToDrain, type DrainPlan } from './drain.js'
import { wrapServer, type GracefulServer } from './graceful-server.js'
import { deregisterOnExit } from './exit-hook.js'
import { createRequestTracker } from './request-tracker.js'
import { watchListening, type ListeningServer } from './listening.js'
import type { ServerProbe } from './server-probe.js'
import { shutDownOnSignals } from './signals.js'
import { runSteps } from './steps.js'

export interface LifecycleOptions {
  /** Without one, the process's own HTTP server is sought. */
  readonly app?: MountedApp
  /** `server.port` of the settings. */
  readonly serverPort?: number
  /** Finds the app's server where the app is hidden in it. */
  readonly probe?: ServerProbe
  /** By which names callers address the app. */
  hosts?(): readonly string[]
  /** `sidecar.drain`. */
  readonly drain: DrainPlan
  /** `sidecar.deregister-timeout`. */
  readonly deregisterTimeoutMs: number
  /** How long requests in flight may take once the server is closed; then they are cut. @default 9000 */
  readonly finishTimeoutMs?: number
  /** `sidecar.end-streams`. @default false */
  readonly endStreams?: boolean
  /** How long a process may stay after its shutdown on a signal. @default 500 */
  readonly forceExitAfterMs?: number
  /** `false` leaves signals to the app. @default true */
  readonly signals?: boolean
  /** `false` for a sidecar without an app that only calls: it is no owner of a server. @default true */
  readonly ownsServer?: boolean
  readonly logger: Logger
  readonly emit: Emit
  /** An HTTP server of the process listens and has not yet accepted a connection; it need not be the app's. */
  onSeen?(server: HttpServer): void
  /**
   * The app listens: time to register. Again, where it closed its server and listens anew, or goes on by another one;
   * the promise settles when the instance of before is deregistered. Never while leaving.
   */
  onListening(found: ListeningServer): Promise<unknown> | void
  /** True while the registry may list this process. */
  registered(): boolean
  /** Stops the heartbeat and deregisters; harmless where there is nothing to do. */
  deregister(): Promise<void>
  /** After that: true where other processes go on answering at the same address (cluster workers). */
  shared?(): boolean
  /** The drain header: sidecar clients skip this instance for `forMs`. */
  drainHeader?(forMs: number): string | undefined
  /** Ends the sidecar's own connections. */
  closeClients(): Promise<void>
  /** Deregisters before it returns, if need be: for a crash, or `process.exit()` out of the blue. */
  deregisterSync?(timeoutMs: number): void
}

export interface StopOptions {
  /** Go on serving for `sidecar.drain` after the deregistration. @default true */
  readonly drain?: boolean
}

/** Detects when the app listens, and shuts it down in order. */
export interface Lifecycle {
  /** `leaving`, too, while the app closes its own server; `starting` again once it has. */
  readonly phase: 'starting' | 'serving' | 'leaving' | 'left'
  /** The server that was found. */
  readonly server: ListeningServer | undefined
  /** True from the first moment of leaving: readiness is 503, answers carry `Connection: close`. */
  leaving(): boolean
  /** True if another sidecar serves by the same server: then that one reports its health. */
  shared(): boolean
  /** Names the app's server by hand. */
  listening(server: NetServer): void
  /**
   * Shuts down in order. Calls share one promise; one with `drain: false` ends the drain of an earlier one. Never
   * rejects.
   */
  stop(options?: StopOptions): Promise<void>
}

/** Steps that should take no time get this much on top of their own deadline. */
const GRACE_MS = 500
const CLIENTS_MS = 1_000

/**
 * Watches for the app's server and for the end. Call it in the synchronous part of a start.
 *
 * Leaving: deregister → keep serving for the drain → close the server → close clients. The app's own `server.close`
 * waits for the drain, whatever code calls it.
 */
export function createLifecycle(options: LifecycleOptions): Lifecycle {
  const { app, logger, emit, drain: plan, finishTimeoutMs = 9_000 } = options
  const skipDrain = new AbortController()
  let openGate = () => {}
  /** Opens when the app's own close may go on. */
  const gate = new Promise<void>((resolve) => (openGate = resolve))
  let phase: Lifecycle['phase'] = 'starting'
  const servers = new Map<HttpServer, GracefulServer>()
  /** The current step of the shutdown, for the log line if it is cut short. */
  let step: string | undefined
  /** The app has closed itself, not just its server. */
  let final = false
  /** Settles when the instance of before, at another address, is deregistered. */
  let previousDeregistered: Promise<unknown> = Promise.resolve()
  let secondSignal = false
  let cuts = 0
  let stopped: Promise<void> | undefined

  const leaving = () => phase === 'leaving' || phase === 'left'
  const allServers = () => [...servers.values()]

  /** The app closes a server, or itself for good, on its own or because it got the same signal. */
  async function mayClose(server?: HttpServer): Promise<void> {
    if (stopped) return gate
    // Another one goes on serving.
    if (server !== undefined && server !== watch.found?.server) return
    if (server) watch.closed(server)
    else final = true
    if (server && watch.found) return void (await previousDeregistered)
    // Callers must not be sent to a server that closes; but a close outside of a shutdown has no drain to wait for.
    phase = 'leaving'
    disableKeepAlive()
    await options.deregister()
  }

  /** The app has closed a server outside of a shutdown: it may listen again, or goes on by another one. */
  function closed(server: HttpServer): void {
    if (stopped) return
    servers.get(server)?.unwrap()
    servers.delete(server)
    watch.closed(server)
    if (!watch.found && !final) phase = 'starting'
  }

  const disableKeepAlive = () => allServers().forEach((server) => server.disableKeepAlive())
  const stopAccepting = () => Promise.all(allServers().map((server) => server.stopAccepting()))

  async function drain(listed: boolean): Promise<void> {
    if (listed && servers.size > 0 && plan.atLeastMs > 0 && !skipDrain.signal.aborted) {
      if (options.shared?.()) await drainWorker()
      else await drainInstance()
    }
    // Before the app's own close goes on: Fastify answers 503 from then on, also on connections that are already in the
    // backlog.
    await stopAccepting()
    openGate()
  }

  /** Others go on answering at the same address. */
  async function drainWorker(): Promise<void> {
    const { atLeastMs } = plan
    logger.info(`no new connections; those there are may go on for ${atLeastMs} ms`)
    emit('draining', { forMs: atLeastMs, atMostMs: atLeastMs })
    const over = setTimeout(atLeastMs, undefined, { signal: skipDrain.signal }).catch(() => {})
    await stopAccepting()
    await Promise.race([over, Promise.all(allServers().map((server) => server.whenEmpty()))])
  }

  async function drainInstance(): Promise<void> {
    const { atLeastMs, atMostMs, quietMs } = plan
    const longer = atMostMs > atLeastMs ? `, and for ${atMostMs} ms at most while callers still come` : ''
    logger.info(`serving for another ${atLeastMs} ms, until callers have a list without this instance${longer}`)
    emit('draining', { forMs: atLeastMs, atMostMs })
    const began = performance.now()
    const requests = createRequestTracker()
    const restMs = () => Math.max(began + atLeastMs - performance.now(), quietMs) + BACKLOG_DRAIN_MS
    for (const server of allServers()) {
      server.observe(requests.record)
      server.advertiseDrain(() => options.drainHeader?.(restMs()))
    }
    const seconds = () => ((performance.now() - began) / 1000).toFixed(1)
    const late = await waitForDrain({
      plan,
      requests,
      signal: skipDrain.signal,
      onExtended: () =>
        logger.info(`callers still come by a list of before: ${requests.describe()}; serving until they are quiet`),
    })
    for (const server of allServers()) server.observe(undefined)
    if (late)
      logger.warn(
        `sidecar.leave-timeout ends the drain after ${seconds()} s, while callers still come: ${requests.describe()}; what they send from now on fails`,
      )
    else if (plan.atMostMs > plan.atLeastMs) logger.info(`drained after ${seconds()} s: no caller comes any more`)
  }

  async function closeServer(): Promise<void> {
    // The app's own close goes first, where it is waiting.
    await setImmediate()
    const open = allServers().reduce((sum, server) => sum + server.busyConnections(), 0)
    if (servers.size > 0) emit('closing', { connections: open, forMs: finishTimeoutMs })
    if (options.endStreams) for (const server of allServers()) server.endStreams()
    const counts = await Promise.all(allServers().map((server) => server.closeWithin(finishTimeoutMs)))
    const cut = counts.reduce((sum, count) => sum + count, 0)
    if (cut > 0)
      logger.warn(`cut ${cut} connections that were still busy ${finishTimeoutMs} ms after the server closed`)
    if (cuts > 0)
      logger.warn(
        `something else in this process cut ${cuts} requests during the drain: see "Beside other shutdown tools" in docs/deployment.md`,
      )
  }

  async function shutDown(): Promise<void> {
    phase = 'leaving'
    disableKeepAlive()
    watch.close()
    const listed = options.registered()
    const began = performance.now()
    // Code that ends the process meanwhile logs nothing itself.
    const onExit = () => {
      if (secondSignal) return
      logger.warn(
        `the process ends ${Math.round(performance.now() - began)} ms into its leave, in the middle of ${step}: something else called process.exit(); see "Beside other shutdown tools" in docs/deployment.md`,
      )
    }
    process.on('exit', onExit)
    const named = (name: string, deadlineMs: number, run: () => Promise<unknown>) => ({
      name,
      deadlineMs,
      run: () => ((step = name), run()),
    })
    await runSteps(
      [
        named('deregistration', options.deregisterTimeoutMs + GRACE_MS, () => options.deregister()),
        named('drain', plan.atMostMs + BACKLOG_DRAIN_MS + GRACE_MS, () => drain(listed)),
        named('closing the server', finishTimeoutMs + GRACE_MS, closeServer),
        named('closing clients', CLIENTS_MS, () => options.closeClients()),
      ],
      logger,
    )
    process.off('exit', onExit)
    phase = 'left'
    for (const server of allServers()) server.unwrap()
    for (const end of ends) end()
    emit('stopped')
  }

  function stop({ drain = true }: StopOptions = {}): Promise<void> {
    if (!drain) skipDrain.abort()
    return (stopped ??= shutDown())
  }

  function wrap(server: HttpServer): void {
    if (options.ownsServer === false) return
    const before = servers.get(server)
    if (before) return before.enableKeepAlive()
    servers.set(
      server,
      wrapServer(server, {
        leaving,
        mayClose: () => mayClose(server),
        endsStreams: options.endStreams,
        onClosed: () => closed(server),
        onCut: () => void cuts++,
      }),
    )
    if (leaving()) disableKeepAlive()
  }

  const watch = watchListening({
    app,
    port: options.serverPort,
    probe: options.probe,
    hosts: options.hosts,
    logger,
    onSeen: options.onSeen,
    onListening(found) {
      phase = 'serving'
      wrap(found.server)
      for (const server of allServers()) server.enableKeepAlive()
      try {
        previousDeregistered = Promise.resolve(options.onListening(found))
      } catch (error) {
        // Rethrown, it would be an uncaught exception inside the app's listen().
        logger.error(`the app listens on port ${found.port}, but is not registered: ${messageOf(error)}`)
      }
    },
    onUnreachable(server) {
      phase = 'serving'
      wrap(server)
    },
    onFurther: wrap,
  })
  app?.holdClose?.(
    () => mayClose(),
    () => stop({ drain: false }),
  )

  const ends = [
    options.signals !== false &&
      shutDownOnSignals({
        forceExitAfterMs: options.forceExitAfterMs,
        shutDown(signal) {
          const reason = reasonNotToDrain(signal)
          logger.info(`${signal}: leaving${reason ? ` without a drain, ${reason}` : ''}`)
          return stop({ drain: reason === undefined })
        },
        onSecondSignal: () => void (secondSignal = true),
      }),
    options.deregisterSync &&
      deregisterOnExit({
        logger,
        enabled: () => !secondSignal,
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
    shared: () => servers.size > 0 && allServers().every((server) => server.shared),
    listening: (server) => watch.announce(server),
    stop,
  }
}
