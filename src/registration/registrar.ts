import { SidecarError, messageOf } from '../errors.js'
import type { Emit } from '../events.js'
import { hostPort, isSameInstance, serviceKeyText } from '../instance.js'
import type { Logger } from '../logger.js'
import type { NacosTransport } from '../nacos/transport.js'
import type { DiscoverySettings, SidecarSettings } from '../settings/schema.js'
import type { ServiceInstance } from '../types.js'
import { backOffMs, type BackOff } from '../util/backoff.js'
import { cutOff, pause } from '../util/deadline.js'
import { LONGEST_TIMER_MS } from '../util/longest-timer.js'
import { startHeartbeat, type Heartbeat } from './heartbeat.js'
import { leaseOf } from './instance.js'
import { changedInstance, type InstanceChange } from './instance-change.js'
import { createRegistrationLog } from './registration-log.js'
import { requestSync } from './request-sync.js'
import type { WorkerRegistry } from './worker-registry.js'

export interface RegistrarOptions {
  readonly transport: NacosTransport
  readonly instance: ServiceInstance
  readonly settings: DiscoverySettings
  readonly sidecar: Pick<SidecarSettings, 'deregisterTimeout'> &
    Partial<Pick<SidecarSettings, 'deregisterOnExit' | 'registerRetries' | 'registerRetryInterval'>>
  readonly logger: Logger
  readonly emit: Emit
  /** The list entry of this instance, if its service is followed anyway; otherwise the registry is queried. */
  readonly lastKnown?: ((instance: ServiceInstance) => ServiceInstance | undefined) | undefined
  /** The other workers of this instance: the last one to stop deregisters. @default none */
  readonly workers?: WorkerRegistry | undefined
  /** Pauses between failed attempts. @default 1 to 2 s, then 2 to 4 s */
  readonly backoff?: BackOff
  /** How long `fail-fast` tries. @default 4500 */
  readonly failFastMs?: number
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

/** Keeps one instance registered. It has one life: once deregistered, it stays deregistered. */
export interface Registrar {
  /** As it is registered now. */
  readonly instance: ServiceInstance
  readonly state: RegistrationState
  /**
   * Registers, then beats. Settles at the first registration, at `deregister()`, or when `sidecar.register-retries` are
   * used up: a later call then begins anew, while any other returns the first one's promise. Rejects with `fail-fast`
   * only, within 5 s or after those tries. Awaiting it is optional.
   */
  register(): Promise<void>
  /**
   * Changes the instance, in the registry too if it is listed there. Rejects if the registry does not take it; the change is kept, and
   * goes with the next registration.
   */
  update(change: InstanceChange): Promise<void>
  /** Sends a heartbeat now, because the registry may have forgotten the instance. */
  beatNow(): void
  /**
   * Stops beating, awaits the request in flight and deregisters, all within `sidecar.deregister-timeout`. Never
   * rejects; a second call returns the first one's promise.
   *
   * @param replaced another instance takes its place: it is deregistered whatever `sidecar.deregister-on-exit` says
   */
  deregister(replaced?: boolean): Promise<void>
  /**
   * Sends the deregister request and blocks until the answer: the process is exiting. Does nothing if there is nothing
   * to deregister, or the transport has no such request.
   */
  deregisterSync(timeoutMs: number): void
}

/** So that a failing registry gets no more than one request a second, and a returned one waits less than 5 s. */
const BACK_OFF: BackOff = { firstMs: 2_000, lastMs: 4_000, spread: 0.5 }
/** The lookup is optional: a re-registration must not wait long for it. */
const LOOKUP_MS = 1_000

/**
 * @example
 * const registrar = createRegistrar({ transport, instance, settings: settings.cloud.nacos.discovery, sidecar, logger, emit })
 * void registrar.register()
 * // …
 * await registrar.deregister()
 */
export function createRegistrar(options: RegistrarOptions): Registrar {
  const { transport, settings, sidecar, workers, logger, emit, backoff = BACK_OFF } = options
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
  /** A registration that is answered from here on may have been overtaken by the deregistration. */
  let deregistering = false
  /** This process is no longer responsible: it has deregistered, or another worker goes on. */
  let done = false
  let shared = false
  let deregisterError: string | undefined
  let replaced = false
  const stays = () => sidecar.deregisterOnExit === false && !replaced
  const { registerRetries = Infinity, registerRetryInterval } = sidecar
  const firstBackoff: BackOff =
    registerRetryInterval === undefined
      ? backoff
      : { firstMs: registerRetryInterval, lastMs: registerRetryInterval, spread: 0 }

  const name = `${serviceKeyText(instance)} (${hostPort(instance)})`
  const server = () => transport.describe().server
  const log = createRegistrationLog({ name, server, logger, emit })
  const lease = leaseOf(settings)
  const listed = () => accepted && !done

  async function sendRegistration(again: boolean): Promise<void> {
    phase = 'registering'
    for (let attempt = 1; !stopping.signal.aborted; attempt++) {
      try {
        requested = true
        askedAtMs = performance.now()
        await transport.register(instance, cutting.signal)
        return onRegistered(again)
      } catch (error) {
        if (stopping.signal.aborted) return
        log.registrationFailed(instance, error)
        if (!again && settings.failFast && isRefusal(error)) throw error
        if (!again && attempt > registerRetries) return giveUp(error)
        await pause(backOffMs(attempt, again ? backoff : firstBackoff), stopping.signal)
      }
    }
  }

  function giveUp(error: unknown): void {
    if (settings.failFast) throw error
    phase = 'idle'
    starting = undefined
    logger.error(
      `gave up registering ${name} at ${server()} after ${log.failures} attempts (sidecar.register-retries): ${messageOf(error)}; the app keeps serving, and is registered if it calls sidecar.register()`,
    )
  }

  function onRegistered(again: boolean): void {
    accepted = true
    if (deregistering) return void transport.deregister(instance).catch(() => {})
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
    if (!settings.failFast) return sendRegistration(false)
    try {
      const limitMs = sidecar.registerRetries === undefined ? (options.failFastMs ?? 4500) : LONGEST_TIMER_MS
      await cutOff(limitMs, [], () => sendRegistration(false))
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
    logger.warn(`${server()} no longer knows ${name}: registering again`)
    // What an operator has switched off stays off, even in a registry that forgot it.
    const known = options.lastKnown?.(instance) ?? (await findInRegistry())
    if (known && known.enabled !== instance.enabled) instance = changedInstance(instance, { enabled: known.enabled })
    await sendRegistration(true)
  }

  async function update(change: InstanceChange): Promise<void> {
    instance = changedInstance(instance, change)
    if (!listed() || stopping.signal.aborted) return
    // Lists hide what an operator has switched off, and a registration would switch it on again.
    if (change.enabled === undefined && !(await findInRegistry())) {
      throw new SidecarError(
        'SIDECAR_NO_INSTANCE',
        `${server()} does not list ${name}: it may be switched off there. The change goes with the next registration; with enabled: true it is sent now`,
      )
    }
    await transport.register(instance, cutting.signal)
    logger.info(`changed ${name} at ${server()}: ${Object.keys(change).join(', ')}`)
  }

  /** The list entry of this instance, if the registry answers quickly. */
  async function findInRegistry(): Promise<ServiceInstance | undefined> {
    const { namespace, group, service } = instance
    const list = (signal: AbortSignal) => transport.list({ namespace, group, service }, signal)
    try {
      const all = await cutOff(LOOKUP_MS, [stopping.signal], list)
      return all.find((one) => isSameInstance(one, instance))
    } catch {
      return undefined
    }
  }

  async function keepAlive(): Promise<void> {
    if (!accepted || !transport.beat || !instance.ephemeral || stopping.signal.aborted) return
    heartbeat = startHeartbeat(
      {
        ...{ transport, name, lease, originMs: askedAtMs, backoff, log, logger, reregister, cut: cutting.signal },
        instance: () => instance,
      },
      stopping.signal,
    )
    await heartbeat.ended
  }

  async function stop(): Promise<void> {
    stopping.abort()
    phase = 'leaving'
    const giveUpAt = performance.now() + sidecar.deregisterTimeout
    const restMs = () => Math.max(1, giveUpAt - performance.now())
    // Nothing that creates the instance may reach the registry after its deregistration.
    await cutOff(sidecar.deregisterTimeout / 2, [], () => running).catch(() => {})
    cutting.abort()
    if (requested) await handOver(restMs)
    phase = 'left'
  }

  async function handOver(restMs: () => number): Promise<void> {
    if (workers?.remove() === false) {
      shared = done = true
      return logger.info(`${name} stays registered: other workers serve it`)
    }
    if (stays()) {
      done = true
      return logger.info(
        `${name} stays registered (sidecar.deregister-on-exit): the registry removes it ${lease.deleteAfterMs} ms after its last heartbeat`,
      )
    }
    await sendDeregistration(restMs())
    // A worker started meanwhile, and this deregistration may have overtaken its registration.
    if (workers?.isLast() === false)
      await cutOff(restMs(), [], (signal) => transport.register(instance, signal)).catch(() => {})
  }

  async function sendDeregistration(timeoutMs: number): Promise<void> {
    deregistering = true
    try {
      await cutOff(timeoutMs, [], (signal) => transport.deregister(instance, signal))
      const was = listed()
      done = true
      if (!was) return
      logger.info(`deregistered ${name} at ${server()}`, {
        ...{ service: instance.service, instance: hostPort(instance), server: server() },
      })
      emit('deregistered', { instance })
    } catch (error) {
      deregisterError = messageOf(error)
      const message = `cannot deregister ${name} at ${server()}: ${deregisterError}; the registry removes it ${lease.deleteAfterMs} ms after its last heartbeat`
      if (listed()) logger.warn(message)
      else logger.debug(message)
    }
  }

  return {
    get instance() {
      return instance
    },
    get state() {
      const { lastSuccessAt: lastBeatAt, failures, lastError } = log
      return { phase, listed: listed(), shared, lastBeatAt, failures, lastError: deregisterError ?? lastError }
    },
    register() {
      if (stopped) return Promise.resolve()
      if (!starting) {
        workers?.add()
        starting = registerFirst()
        running = starting.then(keepAlive).catch(() => {})
      }
      return starting
    },
    update,
    beatNow: () => heartbeat?.beatNow(),
    deregister(replacedByAnother = false) {
      replaced ||= replacedByAnother
      return (stopped ??= stop())
    },
    deregisterSync(timeoutMs) {
      if (stays() || !requested || done || deregisterError !== undefined || workers?.remove() === false) return
      const request = transport.deregisterRequest?.(instance)
      if (!request) return
      const status = requestSync(request, timeoutMs)
      if (status === 200) return logger.info(`deregistered at ${server()} while exiting`)
      const why = status ?? `no answer in ${timeoutMs} ms`
      logger.warn(`cannot deregister at ${server()} while exiting: ${why}`)
    },
  }
}

/** The registry answered and refused: another attempt would get the same answer. */
function isRefusal(error: unknown): boolean {
  return error instanceof SidecarError && ['SIDECAR_REGISTRY_REFUSED', 'SIDECAR_REGISTRY_LOGIN'].includes(error.code)
}
