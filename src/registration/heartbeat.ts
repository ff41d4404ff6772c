import { SidecarError } from '../errors.js'
import { isSameInstance } from '../instance.js'
import type { Logger } from '../logger.js'
import type { BeatResult, NacosTransport } from '../nacos/transport.js'
import { DEFAULT_LEASE, SHORTEST_LEASE_MS, type Lease } from '../settings/lease.js'
import type { ServiceInstance } from '../types.js'
import { backOffMs, type BackOff } from '../util/backoff.js'
import { cutOff, pause } from '../util/deadline.js'
import { monitorEventLoop } from './event-loop-monitor.js'
import type { RegistrationLog } from './registration-log.js'

export interface HeartbeatOptions {
  /** One that has `beat`. */
  readonly transport: NacosTransport
  /** As it is registered now. */
  readonly instance: () => ServiceInstance
  /** Of the instance, for the log. */
  readonly name: string
  readonly lease: Lease
  /** When the instance was last registered. The process may have been suspended since. */
  readonly originMs: number
  readonly backoff: BackOff
  readonly log: RegistrationLog
  readonly logger: Logger
  /** Ends the beat in flight. */
  readonly cut: AbortSignal
  /**
   * The registry does not know the instance: registers it again. Settles when that is done, or when the heartbeat ends.
   */
  reregister(): Promise<void>
}

export interface Heartbeat {
  /** Settles once the signal has aborted and the beat in flight has ended. */
  readonly ended: Promise<void>
  /** Ends the pause between two beats. */
  beatNow(): void
}

/** A beat ends even on a transport that ignores its own deadlines. */
const LONGEST_BEAT_MS = 8_000

/**
 * Beats until the signal aborts: one loop, so there are never two. Beats stand on a fixed grid and do not drift; one
 * that is late is sent at once, and the grid stays.
 */
export function startHeartbeat(options: HeartbeatOptions, signal: AbortSignal): Heartbeat {
  const { transport, instance, name, lease, originMs, backoff, log, logger, cut, reregister } = options
  /** The registry may ask for another interval with each answer. */
  let intervalMs = lease.intervalMs
  const pulseMs = Math.min(1000, intervalMs / 4)
  const loop = monitorEventLoop({ pulseMs, toleranceMs: pulseMs, onStall }, signal)
  const untilNextMs = () => intervalMs - ((performance.now() - originMs) % intervalMs)
  let alarm = new AbortController()
  signal.addEventListener('abort', () => alarm.abort(), { once: true })

  async function untilBeat(ms: number): Promise<void> {
    alarm = new AbortController()
    if (!signal.aborted) await pause(ms, alarm.signal)
  }

  /** Without a setting, the interval of the registry counts: Nacos before 1.2 and r-nacos know no `preserved.*`. */
  function onInterval(askedMs: number): void {
    if (lease.intervalMs !== DEFAULT_LEASE.intervalMs) return
    const nextMs = Math.min(Math.max(askedMs, SHORTEST_LEASE_MS), Math.max(lease.intervalMs, lease.timeoutMs / 2))
    if (nextMs !== intervalMs)
      logger.info(`${transport.describe().server} asks for a heartbeat of ${name} every ${nextMs} ms`)
    intervalMs = nextMs
  }

  function onStall(forMs: number): void {
    const message = `no heartbeat was possible for ${(forMs / 1000).toFixed(1)} s: the event loop was blocked, or the process suspended`
    if (forMs >= intervalMs / 2) logger.warn(message)
    else logger.debug(message)
  }

  /**
   * Sends one heartbeat. A v1 heartbeat re-creates a forgotten instance as enabled. Registries do not list disabled
   * instances, so a disabled one is registered again instead, until an operator enables it.
   */
  async function beat(cut: AbortSignal): Promise<BeatResult> {
    const own = instance()
    if (own.enabled || (await isEnabledInRegistry(own, cut))) {
      const mayBeForgotten = own.enabled && log.beatsFail
      const result = await transport.beat!(own, cut, onInterval)
      // r-nacos makes an instance of the beat of one that it has forgotten, without its weight.
      if (result === 'ok' && mayBeForgotten) await transport.register(own, cut)
      return result
    }
    await transport.register(own, cut)
    return 'ok'
  }

  async function isEnabledInRegistry(own: ServiceInstance, cut: AbortSignal): Promise<boolean> {
    const { namespace, group, service } = own
    const all = await transport.list({ namespace, group, service }, cut).catch((error: unknown) => {
      // A list of some clusters holds our own: what is not in it is not listed.
      if (error instanceof SidecarError && error.code === 'SIDECAR_REGISTRY_UNSUPPORTED') return []
      throw error
    })
    return all.some((one) => isSameInstance(one, own) && one.enabled)
  }

  async function run(): Promise<void> {
    let pauseMs = Math.max(0, originMs + intervalMs - performance.now())
    for (let failures = 0; ;) {
      await untilBeat(pauseMs)
      if (signal.aborted) return
      const startedAt = performance.now()
      try {
        const result = await cutOff(LONGEST_BEAT_MS, [cut], beat)
        if (signal.aborted) return
        if (result === 'unknown') await reregister()
        if (signal.aborted) return
        log.succeeded(instance())
        failures = 0
        // It may have been answered before this process was suspended: by now the instance may be forgotten.
        pauseMs = performance.now() - startedAt < intervalMs ? untilNextMs() : 0
      } catch (error) {
        if (signal.aborted) return
        log.beatFailed(instance(), error)
        // A beat that timed out because this process was stalled proves nothing about the registry: retry now.
        pauseMs = loop.stalledSince(startedAt) ? 0 : Math.min(backOffMs(++failures, backoff), intervalMs)
      }
    }
  }

  return { ended: run(), beatNow: () => alarm.abort() }
}
