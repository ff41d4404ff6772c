import { SidecarError, messageOf } from '../errors.js'
import type { Emit } from '../events.js'
import type { Logger } from '../logger.js'
import type { BeatResult, NacosTransport, PlainRequest } from '../nacos/transport.js'
import type { DiscoverySettings, SidecarSettings } from '../settings/schema.js'
import type { ServiceInstance } from '../types.js'
import { createBackoff, type BackoffOptions } from './backoff.js'
import { systemClock, type Clock } from './clock.js'
import { settledWithin, withDeadline } from './deadline.js'
import { createFailureLog } from './failure-log.js'
import { runHeartbeat } from './heartbeat.js'
import { leaseOf } from './instance.js'
import { findOwnEntry, isSame } from './own-entry.js'
import type { Presence } from './presence.js'

export interface RegistrarOptions {
  readonly transport: NacosTransport
  readonly instance: ServiceInstance
  readonly settings: DiscoverySettings
  readonly sidecar: Pick<SidecarSettings, 'deregisterTimeout'>
  readonly logger: Logger
  readonly emit: Emit
  /** The list entry of this instance, where something follows its service anyway; else the registry is asked. */
  readonly lastKnown?: () => ServiceInstance | undefined
  /** Who else stands for this instance: the last one to leave deregisters. @default nobody */
  readonly presence?: Presence
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
  /** True where this process has left and others go on serving the instance. */
  readonly shared: boolean
  /** Wall clock of the last sign of life that the registry took, in ms since 1970. */
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
  /** Beats now instead of when it is time: something makes it doubtful that the registry still knows the instance. */
  beatNow(): void
  /** Stops beating, awaits the request in flight and deregisters, all within `sidecar.deregister-timeout`. Never rejects. */
  stop(): Promise<void>
  /**
   * What is left to be sent where the process ends before `stop()` could: one request that deregisters. `undefined`
   * where there is nothing to deregister, or the transport has no such request.
   */
  lastRequest(): PlainRequest | undefined
}

/** A beat ends even on a transport that ignores its own deadlines. */
const LONGEST_BEAT_MS = 8_000

/**
 * @example
 * const registrar = createRegistrar({ transport, instance, settings: settings.cloud.nacos.discovery, sidecar: settings.sidecar, logger, emit })
 * void registrar.start()
 * // …
 * await registrar.stop()
 */
export function createRegistrar(options: RegistrarOptions): Registrar {
  const { transport, settings, sidecar, presence, logger, emit, clock = systemClock } = options
  const failureLog = createFailureLog(logger, clock)
  /** No further request begins. */
  const stopping = new AbortController()
  /** The request in flight ends too. */
  const cutting = new AbortController()
  /** The pause between two beats ends. */
  let alarm = new AbortController()
  stopping.signal.addEventListener('abort', () => alarm.abort(), { once: true })

  let instance = options.instance
  let phase: RegistrationState['phase'] = 'idle'
  let lastBeatAt: number | undefined
  let failures = 0
  let lastError: string | undefined
  let beatsFail = false
  let requested = false
  let listed = false
  let shared = false
  let deregistering = false
  let deregistered = false
  let starting: Promise<void> | undefined
  let running: Promise<void> = Promise.resolve()
  let stopped: Promise<void> | undefined

  const name = `${instance.group}@@${instance.service} (${addressOf(instance)})`
  const server = () => transport.describe().server

  function onSuccess(): void {
    const missed = failures
    lastBeatAt = Date.now()
    failures = 0
    lastError = undefined
    failureLog.clear()
    if (!beatsFail) return
    beatsFail = false
    logger.info(`${server()} takes the heartbeat of ${name} again, after ${missed} failures`)
    emit('beatRecovered', { instance, failures: missed })
  }

  function onFailure(what: string, error: unknown, advice: string): void {
    failures++
    lastError = messageOf(error)
    failureLog.report(lastError, `${what} ${name} at ${server()}, attempt ${failures}: ${lastError}; ${advice}`)
  }

  async function register(again: boolean): Promise<void> {
    const backoff = createBackoff(options.backoff)
    phase = 'registering'
    while (!stopping.signal.aborted) {
      try {
        requested = true
        await transport.register(instance, cutting.signal)
        return onRegistered(again)
      } catch (error) {
        if (stopping.signal.aborted) return
        onFailure('cannot register', error, 'the app serves meanwhile, the next attempt follows')
        if (!again && settings.failFast && isRefusal(error)) throw error
        await clock.wait(backoff.nextMs(), stopping.signal)
      }
    }
  }

  function onRegistered(again: boolean): void {
    listed = true
    // stop() gave up waiting for this answer; the deregistration may have overtaken the registration.
    if (deregistering) return void transport.deregister(instance).catch(() => {})
    onSuccess()
    if (stopping.signal.aborted) return
    phase = 'registered'
    const { server, protocol } = transport.describe()
    logger.info(`registered ${name}${again ? ' again' : ''} at ${server}, ${protocol}, cluster ${instance.cluster}`)
    emit('registered', { instance, again })
  }

  async function registerFirst(): Promise<void> {
    if (!settings.failFast) return register(false)
    try {
      await withDeadline(options.failFastMs ?? 4500, undefined, () => register(false))
    } catch (error) {
      stopping.abort()
      cutting.abort()
      presence?.leave()
      phase = 'left'
      throw new SidecarError(
        error instanceof SidecarError ? error.code : 'SIDECAR_REGISTRY_UNAVAILABLE',
        `cannot register ${name} at ${server()}, attempt ${failures}: ${lastError ?? messageOf(error)}; cloud.nacos.discovery.fail-fast is on, so the start ends here: check cloud.nacos.discovery.server-addr and its credentials`,
        { cause: error },
      )
    }
  }

  async function revive(): Promise<void> {
    logger.warn(`${server()} does not know ${name} any more: registering again`)
    // What an operator has switched off stays off, even in a registry that forgot it.
    const known = options.lastKnown?.() ?? (await findOwnEntry(transport, instance, stopping.signal))
    if (known && known.enabled !== instance.enabled) instance = Object.freeze({ ...instance, enabled: known.enabled })
    await register(true)
  }

  /**
   * A beat brings a forgotten instance back switched on (v1). Registries do not list what is switched off, so such an
   * instance is registered anew instead, for as long as nobody has switched it on.
   */
  async function beat(signal: AbortSignal): Promise<BeatResult> {
    if (instance.enabled) {
      const result = await transport.beat!(instance, signal)
      // A registry that was away may have forgotten; r-nacos then makes an instance of a beat, without its weight.
      if (result === 'ok' && beatsFail) await transport.register(instance, signal)
      return result
    }
    const { namespace, group, service } = instance
    const all = await transport.list({ namespace, group, service }, signal)
    if (all.some((one) => isSame(one, instance) && one.enabled)) return transport.beat!(instance, signal)
    await transport.register(instance, signal)
    return 'ok'
  }

  async function keepAlive(): Promise<void> {
    if (!transport.beat || !instance.ephemeral || stopping.signal.aborted) return
    const { intervalMs } = leaseOf(settings)
    const hooks = {
      clock,
      intervalMs,
      async pause(ms: number) {
        alarm = new AbortController()
        if (stopping.signal.aborted) return
        return clock.wait(ms, alarm.signal)
      },
      backoff: options.backoff,
      beat: () => withDeadline(LONGEST_BEAT_MS, cutting.signal, beat),
      revive,
      onBeat: onSuccess,
      onFailure(error: unknown) {
        beatsFail = true
        onFailure('no heartbeat for', error, 'if that lasts, the registry takes the instance out')
        emit('beatFailed', { instance, error, failures })
      },
      onStandstill(forMs: number) {
        const message = `no heartbeat was possible for ${(forMs / 1000).toFixed(1)} s: the event loop was blocked, or the process suspended`
        if (forMs >= intervalMs / 2) logger.warn(message)
        else logger.debug(message)
      },
    }
    await runHeartbeat(hooks, stopping.signal)
  }

  async function stop(): Promise<void> {
    stopping.abort()
    phase = 'leaving'
    const giveUpAt = clock.now() + sidecar.deregisterTimeout
    // Nothing that creates the instance may reach the registry after its deregistration.
    await settledWithin(running, sidecar.deregisterTimeout / 2, clock)
    cutting.abort()
    const restMs = () => Math.max(1, giveUpAt - clock.now())
    if (requested && presence?.leave() === false) leaveToOthers()
    else if (requested) await deregister(restMs())
    // Somebody has come while the last one left, and this deregistration may have overtaken that registration.
    if (requested && !shared && presence?.alone() === false)
      await withDeadline(restMs(), undefined, (signal) => transport.register(instance, signal)).catch(() => {})
    phase = 'left'
  }

  function leaveToOthers(): void {
    shared = deregistered = true
    listed = false
    logger.info(`${name} stays registered: other workers serve it`)
  }

  async function deregister(timeoutMs: number): Promise<void> {
    deregistering = true
    try {
      await withDeadline(timeoutMs, undefined, (signal) => transport.deregister(instance, signal))
      if (!listed) return
      listed = false
      logger.info(`deregistered ${name} at ${server()}`)
      emit('deregistered', { instance })
    } catch (error) {
      lastError = messageOf(error)
      const message = `cannot deregister ${name} at ${server()}: ${lastError}; the registry removes it ${leaseOf(settings).deleteAfterMs} ms after its last heartbeat`
      if (listed) logger.warn(message)
      else logger.debug(message)
    } finally {
      deregistered = true
    }
  }

  return {
    get instance() {
      return instance
    },
    get state() {
      return { phase, listed, shared, lastBeatAt, failures, lastError }
    },
    start() {
      if (stopped) return Promise.resolve()
      if (!starting) {
        presence?.enter()
        starting = registerFirst()
        running = starting.then(keepAlive).catch(() => {})
      }
      return starting
    },
    beatNow: () => alarm.abort(),
    stop: () => (stopped ??= stop()),
    lastRequest() {
      if (!requested || deregistered || presence?.leave() === false) return undefined
      return transport.deregisterRequest?.(instance)
    },
  }
}

/** The registry answered, and said no: another attempt would hear the same. */
function isRefusal(error: unknown): boolean {
  return error instanceof SidecarError && ['SIDECAR_REGISTRY_REFUSED', 'SIDECAR_REGISTRY_LOGIN'].includes(error.code)
}

function addressOf({ ip, port }: ServiceInstance): string {
  return `${ip.includes(':') ? `[${ip}]` : ip}:${port}`
}
