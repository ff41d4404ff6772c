import { SidecarError, messageOf } from '../errors.js'
import type { Emit } from '../events.js'
import type { Logger } from '../logger.js'
import type { NacosTransport, PlainRequest } from '../nacos/transport.js'
import type { DiscoverySettings, SidecarSettings } from '../settings/schema.js'
import { DEFAULT_LEASE, SHORTEST_LEASE_MS } from '../settings/lease.js'
import { hostPort } from '../instance.js'
import type { ServiceInstance } from '../types.js'
import { createBackoff, type BackoffOptions } from './backoff.js'
import { sendBeat } from './beat.js'
import { systemClock, type Clock } from './clock.js'
import { cutOff } from '../util/deadline.js'
import { settledWithin } from './settled-within.js'
import { createDeregistration } from './deregistration.js'
import { startHeartbeat, type Heartbeat } from './heartbeat.js'
import { leaseOf } from './instance.js'
import { findInRegistry } from './find-in-registry.js'
import type { WorkerRegistry } from './worker-registry.js'
import { createRegistrationLog } from './registration-log.js'

export interface RegistrarOptions {
  readonly transport: NacosTransport
  readonly instance: ServiceInstance
  readonly settings: DiscoverySettings
  readonly sidecar: Pick<SidecarSettings, 'deregisterTimeout'>
  readonly logger: Logger
  readonly emit: Emit
  /** The list entry of this instance, if its service is followed anyway; otherwise the registry is queried. */
  readonly lastKnown?: () => ServiceInstance | undefined
  /** The other workers of this instance: the last one to stop deregisters. @default none */
  readonly workers?: WorkerRegistry
  /** Pauses between failed attempts. */
  readonly backoff?: BackoffOptions
  /** How long `fail-fast` tries. @default 4500 */
  readonly failFastMs?: number
  readonly clock?: Clock
}

export interface RegistrationState {
  readonly phase: 'idle' | 'registering' | 'registered' | 'leaving' | 'left'
  /** True from the first successful registration until the deregistration: callers may have this instance. */
  readonly listed: boolean
  /** True if this process has stopped and others go on serving the instance. */
  readonly shared: boolean
  /** Wall clock of the last heartbeat that the registry accepted, in ms since 1970. */
  readonly lastBeatAt: number | undefined
  /** Requests that failed in a row. */
  readonly failures: number
  readonly lastError: string | undefined
}

/** Keeps one instance registered. It has one life: once stopped, it stays stopped. */
export interface Registrar {
  /** As it is registered now. */
  readonly instance: ServiceInstance
  readonly state: RegistrationState
  /**
   * Registers, then beats. Settles at the first registration or at `stop()`; rejects with `fail-fast` only, within
   * 5 s. Awaiting it is optional; a second call returns the first one's promise.
   */
  start(): Promise<void>
  /** Sends a heartbeat now, because the registry may have forgotten the instance. */
  beatNow(): void
  /**
   * Stops beating, awaits the request in flight and deregisters, all within `sidecar.deregister-timeout`. Never
   * rejects.
   */
  stop(): Promise<void>
  /**
   * The deregister request, for sending synchronously when the process is exiting. `undefined` if there is nothing to
   * deregister, or the transport has no such request.
   */
  takeDeregisterRequest(): PlainRequest | undefined
}

/** A beat ends even on a transport that ignores its own deadlines. */
const LONGEST_BEAT_MS = 8_000

/**
 * @example
 * const registrar = createRegistrar({ transport, instance, settings: settings.cloud.nacos.discovery, sidecar:
 * settings.sidecar, logger, emit }) void registrar.start() // … await registrar.stop()
 */
export function createRegistrar(options: RegistrarOptions): Registrar {
  const { transport, settings, sidecar, workers, logger, emit, clock = systemClock } = options
  /** No further request begins. */
  const stopping = new AbortController()
  /** The request in flight ends too. */
  const cutting = new AbortController()

  let instance = options.instance
  let phase: RegistrationState['phase'] = 'idle'
  let requested = false
  let accepted = false
  /** When the registry was last asked to list it. */
  let askedAtMs = 0
  let starting: Promise<void> | undefined
  let heartbeat: Heartbeat | undefined
  let running: Promise<void> = Promise.resolve()
  let stopped: Promise<void> | undefined

  const name = `${instance.group}@@${instance.service} (${hostPort(instance)})`
  const server = () => transport.describe().server
  const log = createRegistrationLog({ name, server, logger, emit, clock })
  const { intervalMs, timeoutMs, deleteAfterMs } = leaseOf(settings)
  let beatEveryMs = intervalMs
  const listed = () => accepted && !deregistration.done
  const onDeregistered = () => emit('deregistered', { instance })
  const deregistration = createDeregistration({
    transport,
    workers,
    name,
    deleteAfterMs,
    logger,
    listed,
    onDeregistered,
  })

  async function register(again: boolean): Promise<void> {
    const backoff = createBackoff(options.backoff)
    phase = 'registering'
    while (!stopping.signal.aborted) {
      try {
        requested = true
        askedAtMs = clock.now()
        await transport.register(instance, cutting.signal)
        return onRegistered(again)
      } catch (error) {
        if (stopping.signal.aborted) return
        log.registrationFailed(error)
        if (!again && settings.failFast && isRefusal(error)) throw error
        await clock.wait(backoff.nextMs(), stopping.signal)
      }
    }
  }

  function onRegistered(again: boolean): void {
    accepted = true
    // stop() gave up waiting for this answer; the deregistration may have overtaken the registration.
    if (deregistration.started) return void transport.deregister(instance).catch(() => {})
    log.succeeded(instance)
    if (stopping.signal.aborted) return
    phase = 'registered'
    const { server, protocol } = transport.describe()
    logger.info(`registered ${name}${again ? ' again' : ''} at ${server}, ${protocol}, cluster ${instance.cluster}`, {
      ...{ service: instance.service, instance: hostPort(instance), server, again },
    })
    emit('registered', { instance, again })
  }

  async function registerFirst(): Promise<void> {
    if (!settings.failFast) return register(false)
    try {
      await cutOff(options.failFastMs ?? 4500, [], () => register(false))
    } catch (error) {
      stopping.abort()
      cutting.abort()
      workers?.remove()
      phase = 'left'
      throw new SidecarError(
        error instanceof SidecarError ? error.code : 'SIDECAR_REGISTRY_UNAVAILABLE',
        `cannot register ${name} at ${server()}, attempt ${log.failures}: ${log.lastError ?? messageOf(error)}; cloud.nacos.discovery.fail-fast is on, so the start ends here: check cloud.nacos.discovery.server-addr and its credentials`,
        { cause: error },
      )
    }
  }

  async function reregister(): Promise<void> {
    logger.warn(`${server()} does not know ${name} any more: registering again`)
    // What an operator has switched off stays off, even in a registry that forgot it.
    const known = options.lastKnown?.() ?? (await findInRegistry(transport, instance, stopping.signal))
    if (known && known.enabled !== instance.enabled) instance = Object.freeze({ ...instance, enabled: known.enabled })
    await register(true)
  }

  /** Without a setting, the interval of the registry counts: Nacos before 1.2 and r-nacos know no `preserved.*`. */
  function onInterval(askedMs: number): void {
    if (intervalMs !== DEFAULT_LEASE.intervalMs) return
    const nextMs = Math.min(Math.max(askedMs, SHORTEST_LEASE_MS), Math.max(intervalMs, timeoutMs / 2))
    if (nextMs !== beatEveryMs) logger.info(`${server()} asks for a heartbeat of ${name} every ${nextMs} ms`)
    beatEveryMs = nextMs
  }

  async function keepAlive(): Promise<void> {
    if (!transport.beat || !instance.ephemeral || stopping.signal.aborted) return
    heartbeat = startHeartbeat(
      {
        clock,
        intervalMs: () => beatEveryMs,
        originMs: askedAtMs,
        backoff: options.backoff,
        logger,
        beat: () =>
          cutOff(LONGEST_BEAT_MS, [cutting.signal], (signal) =>
            sendBeat(transport, instance, log.beatsFail, signal, onInterval),
          ),
        reregister,
        onBeat: () => log.succeeded(instance),
        onFailure: (error) => log.beatFailed(instance, error),
      },
      stopping.signal,
    )
    await heartbeat.ended
  }

  async function stop(): Promise<void> {
    stopping.abort()
    phase = 'leaving'
    const giveUpAt = clock.now() + sidecar.deregisterTimeout
    // Nothing that creates the instance may reach the registry after its deregistration.
    await settledWithin(running, sidecar.deregisterTimeout / 2, clock)
    cutting.abort()
    const restMs = () => Math.max(1, giveUpAt - clock.now())
    if (requested) await deregistration.run(instance, restMs)
    phase = 'left'
  }

  return {
    get instance() {
      return instance
    },
    get state() {
      const { lastSuccessAt: lastBeatAt, failures, lastError } = log
      const { shared, error } = deregistration
      return { phase, listed: listed(), shared, lastBeatAt, failures, lastError: error ?? lastError }
    },
    start() {
      if (stopped) return Promise.resolve()
      if (!starting) {
        workers?.add()
        starting = registerFirst()
        running = starting.then(keepAlive).catch(() => {})
      }
      return starting
    },
    beatNow: () => heartbeat?.beatNow(),
    stop: () => (stopped ??= stop()),
    takeDeregisterRequest: () => (requested ? deregistration.takeRequest(instance) : undefined),
  }
}

/** The registry answered and refused: another attempt would get the same answer. */
function isRefusal(error: unknown): boolean {
  return error instanceof SidecarError && ['SIDECAR_REGISTRY_REFUSED', 'SIDECAR_REGISTRY_LOGIN'].includes(error.code)
}
