import type { Server as HttpServer } from 'node:http'
import type { Server as NetServer } from 'node:net'
import type { MountedApp } from '../adapters/adapter.js'
import { messageOf } from '../errors.js'
import type { Emit } from '../events.js'
import type { Logger } from '../logger.js'
import type { Member } from '../registration/member.js'
import type { Unsubscribe } from '../types.js'
import { createAppServers } from './app-servers.js'
import type { ServerConnections } from './graceful-server.js'
import { findDevWatcher } from './dev-watcher.js'
import { reasonNotToDrain, type DrainPlan } from './drain.js'
import { deregisterOnExit } from './exit-hook.js'
import { createHooks, type Hooks } from './hooks.js'
import { leavingSteps, type BackgroundWork } from './leave.js'
import { watchListening, type ListeningServer, type ListeningWatch } from './listening.js'
import type { ServerProbe } from './server-probe.js'
import { shutDownOnSignals } from './signals.js'
import { runSteps } from './steps.js'

export interface LifecycleOptions {
  /** What is registered when the app listens, and deregistered when it stops. */
  readonly member: Member
  /** `sidecar.drain`. */
  readonly drain: DrainPlan
  /** `sidecar.deregister-timeout`. */
  readonly deregisterTimeoutMs: number
  /** `sidecar.leave-timeout`. @default none */
  readonly leaveTimeoutMs?: number | undefined
  /** How long requests in flight may take once the server is closed; then they are cut. @default 9000 */
  readonly finishTimeoutMs?: number
  /** `sidecar.end-streams`. @default false */
  readonly endStreams?: boolean
  /** How long a process may stay after its shutdown on a signal. @default 500 */
  readonly forceExitAfterMs?: number
  /** `false` leaves signals to the app. @default true */
  readonly signals?: boolean
  /** The service runs in production. @default by `NODE_ENV` */
  readonly production?: boolean
  /** Ends the process after a start that failed. @default false */
  readonly exitOnFailure?: boolean
  /** What the app does without a request: timers, events. @default nothing */
  readonly background?: BackgroundWork
  readonly logger: Logger
  readonly emit: Emit
  /** Ends the sidecar's own connections. */
  closeClients(): Promise<void>
}

/** Where the app's server is looked for. */
export interface AppToWatch {
  /** Without one, the process's own HTTP server is sought. */
  readonly app?: MountedApp | undefined
  /** `server.port` of the settings. */
  readonly serverPort?: number | undefined
  /** Finds the app's server where the app is hidden in it. */
  readonly probe?: ServerProbe | undefined
  /** An HTTP server of the process listens and has not yet accepted a connection; it need not be the app's. */
  onSeen?(server: HttpServer): void
  /** The app listens, perhaps again. */
  onListening?(server: HttpServer): void
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
  /** What the app does before it is registered, and while it leaves. */
  readonly hooks: Hooks
  /** True from the first moment of leaving: readiness is 503, answers carry `Connection: close`. */
  leaving(): boolean
  /** True if another sidecar serves by the same server: then that one reports its health. */
  shared(): boolean
  /** The connections of the app's servers. */
  connections(): ServerConnections
  /** Watches for the app's server and for the end. Call it in the synchronous part of a start. */
  start(what: AppToWatch): void
  /** From now on the app is registered when it listens. Called again: tries again after a registration that was given up. */
  allowRegistration(): void
  /** The start failed: logs, sets the exit code, and stops; with `exitOnFailure` the process ends. */
  fail(error: unknown): void
  /** Names the app's server by hand. */
  listening(server: NetServer): void
  /**
   * Shuts down in order. Calls share one promise; one with `drain: false` ends the drain of an earlier one. Never
   * rejects.
   */
  stop(options?: StopOptions): Promise<void>
}

const NO_WORK: BackgroundWork = { stop() {}, busy: () => [], finish: () => Promise.resolve(), closing: () => undefined }

/** A process whose start failed has this long to end by itself. */
const EXIT_AFTER_MS = 500

/**
 * Leaving: `leavingSteps`. The app's own `server.close` waits for the drain, whatever code calls it, and its callback for
 * the stop hooks.
 */
export function createLifecycle(options: LifecycleOptions): Lifecycle {
  const { member, logger, emit, finishTimeoutMs = 9_000, endStreams = false } = options
  const skipDrain = new AbortController()
  let openGate = () => {}
  /** Opens when the app's own close may go on. */
  const gate = new Promise<void>((resolve) => (openGate = resolve))
  let openExit = () => {}
  /** Opens when the stop hooks have run. */
  const exit = new Promise<void>((resolve) => (openExit = resolve))
  let openRegistration = () => {}
  const registrationOpen = new Promise<void>((resolve) => (openRegistration = resolve))
  let registrationAllowed = false
  let phase: Lifecycle['phase'] = 'starting'
  let watch: ListeningWatch | undefined
  /** The app has closed itself, not just its server. */
  let final = false
  /** Settles when the instance of before, at another address, is deregistered. */
  let previousDeregistered: Promise<unknown> = Promise.resolve()
  /** A stop hook closes the app, so that close must not wait for the stop hooks. */
  let closedByHook = false
  let secondSignal = false
  let stopped: Promise<void> | undefined
  const ends: Unsubscribe[] = []

  const hooks = createHooks(logger, fail)
  const leaving = () => phase === 'leaving' || phase === 'left'
  const servers = createAppServers({ leaving, endsStreams: endStreams, mayClose, mayGoOn, onClosed })

  /** One that a hook closes cannot wait for that hook. */
  function mayGoOn(): Promise<void> | undefined {
    return stopped && !hooks.stops.began('after-drain') ? exit : undefined
  }

  /** The app closes a server, or itself for good, on its own or because it got the same signal. */
  async function mayClose(server?: HttpServer): Promise<void> {
    if (!server && hooks.stops.began('after-drain')) closedByHook = true
    if (stopped) return gate
    // Another one goes on serving.
    if (server !== undefined && server !== watch?.found?.server) return
    if (server) watch?.closed(server)
    else final = true
    if (server && watch?.found) return void (await previousDeregistered)
    // Callers must not be sent to a server that closes; but a close outside of a shutdown has no drain to wait for.
    phase = 'leaving'
    servers.disableKeepAlive()
    await member.deregister()
  }

  /** The app has closed a server outside of a shutdown: it may listen again, or goes on by another one. */
  function onClosed(server: HttpServer): void {
    if (stopped) return
    servers.remove(server)
    watch?.closed(server)
    if (!watch?.found && !final) phase = 'starting'
  }

  /** The app listens; again, where it closed its server and listens anew, or goes on by another one. */
  function onListening(found: ListeningServer): void {
    try {
      previousDeregistered = member.attach(found)
    } catch (error) {
      // Rethrown, it would be an uncaught exception inside the app's listen().
      return logger.error(`the app listens on port ${found.port}, but is not registered: ${messageOf(error)}`)
    }
    registrationOpen
      .then(() => hooks.starts.close())
      .then(() => member.register())
      .catch(fail)
  }

  function allowRegistration(): void {
    if (registrationAllowed && watch?.found && !leaving()) void member.register().catch(fail)
    registrationAllowed = true
    openRegistration()
  }

  function fail(error: unknown): void {
    // Stopped in the middle of its start, or logged already.
    if (leaving()) return
    logger.error(messageOf(error))
    process.exitCode = 1
    const done = stop({ drain: false })
    // A database pool would keep a process alive that serves no request.
    if (options.exitOnFailure) void done.then(() => setTimeout(() => process.exit(), EXIT_AFTER_MS).unref())
  }

  async function shutDown(): Promise<void> {
    phase = 'leaving'
    servers.disableKeepAlive()
    watch?.close()
    const steps = leavingSteps({
      background: options.background ?? NO_WORK,
      ...{ member, servers, hooks, drain: options.drain, skipDrain: skipDrain.signal, finishTimeoutMs, endStreams },
      ...{ deregisterTimeoutMs: options.deregisterTimeoutMs, logger, emit, onDrained: openGate, onHooksDone: openExit },
      closeClients: () => options.closeClients(),
    })
    await runSteps(steps, { logger, limitMs: options.leaveTimeoutMs, endIsWanted: () => secondSignal })
    phase = 'left'
    servers.unwrap()
    for (const end of ends) end()
    emit('stopped')
  }

  function stop({ drain = true }: StopOptions = {}): Promise<void> {
    if (!drain) skipDrain.abort()
    return (stopped ??= shutDown())
  }

  function endWithProcess(): void {
    const { signals = true, forceExitAfterMs } = options
    if (signals) {
      const end = shutDownOnSignals({
        forceExitAfterMs,
        shutDown(signal) {
          const watcher = findDevWatcher(process.env, undefined, options.production) ?? false
          const reason = reasonNotToDrain(signal, process.env, undefined, watcher)
          logger.info(`${signal}: leaving${reason ? ` without a drain, ${reason}` : ''}`)
          return stop({ drain: reason === undefined })
        },
        onSecondSignal() {
          secondSignal = true
          return hooks.stops.kill()
        },
      })
      ends.push(end)
    }
    ends.push(deregisterOnExit({ logger, enabled: () => !secondSignal, member }))
  }

  return {
    get phase() {
      return phase
    },
    get server() {
      return watch?.found
    },
    hooks,
    leaving,
    shared: () => servers.shared,
    connections: () => servers.connections(),
    start({ app, serverPort: port, probe, ...told }) {
      // A sidecar without an app that only calls owns no server.
      const own = (server: HttpServer) => void ((app || member.registers) && servers.add(server))
      watch = watchListening({
        ...{ app, port, probe, logger, onSeen: told.onSeen, onFurther: own },
        hosts: () => [member.host ?? 'localhost'],
        onListening(found) {
          phase = 'serving'
          own(found.server)
          servers.enableKeepAlive()
          told.onListening?.(found.server)
          onListening(found)
        },
        onUnreachable(server) {
          phase = 'serving'
          own(server)
        },
      })
      app?.holdClose?.(
        () => mayClose(),
        () => (closedByHook ? Promise.resolve() : stop({ drain: false })),
      )
      endWithProcess()
    },
    allowRegistration,
    fail,
    listening: (server) => watch?.announce(server),
    stop,
  }
}
