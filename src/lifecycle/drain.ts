import { isatty } from 'node:tty'
import { setTimeout } from 'node:timers/promises'
import { formatDrainHeader } from '../drain-header.js'
import type { Emit } from '../events.js'
import type { Logger } from '../logger.js'
import type { Member } from '../registration/member.js'
import type { AppServers } from './app-servers.js'
import { BACKLOG_DRAIN_MS } from './close-listener.js'
import { findDevWatcher } from './dev-watcher.js'
import { findPm2 } from './pm2.js'
import { createRequestTracker, type RequestTracker } from './request-tracker.js'
import type { ShutdownSignal } from './signals.js'

/** How long an instance goes on serving after its deregistration. */
export interface DrainPlan {
  readonly atLeastMs: number
  readonly atMostMs: number
  /** Between the two: no caller has come for so long. */
  readonly quietMs: number
}

/** Longer than a caller's list is polled. */
const AUTO_MS = 12_000
const QUIET_MS = 3_000

/** What a limit of the whole shutdown leaves for what follows the drain. */
const MOST_LEFT_MS = 5_000

/** `sidecar.drain`, `sidecar.drain-timeout`, `sidecar.leave-timeout` and `sidecar.deregister-on-exit`. */
export interface DrainSettings {
  readonly drain: number | 'auto'
  readonly drainTimeout: number
  readonly leaveTimeout?: number | undefined
  /** @default true */
  readonly deregisterOnExit?: boolean
}

export function planDrain({ drain, drainTimeout, leaveTimeout, deregisterOnExit = true }: DrainSettings): DrainPlan {
  // Callers that still have the instance in their list would never go away.
  if (!deregisterOnExit) return { atLeastMs: 0, atMostMs: 0, quietMs: 0 }
  const limitMs = leaveTimeout === undefined ? Infinity : leaveTimeout - Math.min(MOST_LEFT_MS, leaveTimeout / 4)
  const longestMs = Math.min(drainTimeout, limitMs)
  if (drain === 'auto') return { atLeastMs: Math.min(AUTO_MS, longestMs), atMostMs: longestMs, quietMs: QUIET_MS }
  const fixedMs = Math.min(drain, limitMs)
  return { atLeastMs: fixedMs, atMostMs: fixedMs, quietMs: 0 }
}

export interface DrainOptions {
  readonly plan: DrainPlan
  readonly servers: AppServers
  /** It is deregistered by now. */
  readonly member: Pick<Member, 'instance' | 'state'>
  /** Ends it. */
  readonly signal: AbortSignal
  readonly logger: Logger
  readonly emit: Emit
}

/** Keeps serving until callers have a list without this instance. Never rejects. */
export async function drain(options: DrainOptions): Promise<void> {
  const { plan, servers, member, signal } = options
  if (servers.size === 0 || plan.atLeastMs === 0 || signal.aborted) return
  if (member.state?.shared) await drainWorker(options)
  else await drainInstance(options)
}

/** Other workers go on answering at the same address. */
async function drainWorker({ plan: { atLeastMs }, servers, signal, logger, emit }: DrainOptions): Promise<void> {
  logger.info(`no new connections; open ones are served for another ${atLeastMs} ms`)
  emit('draining', { forMs: atLeastMs, atMostMs: atLeastMs })
  const over = setTimeout(atLeastMs, undefined, { signal }).catch(() => {})
  await servers.stopAccepting()
  await Promise.race([over, servers.whenEmpty()])
}

async function drainInstance({ plan, servers, member, signal, logger, emit }: DrainOptions): Promise<void> {
  const { atLeastMs, atMostMs, quietMs } = plan
  const longer = atMostMs > atLeastMs ? `, and up to ${atMostMs} ms while requests still arrive` : ''
  logger.info(`serving for another ${atLeastMs} ms, until callers have a new list${longer}`)
  emit('draining', { forMs: atLeastMs, atMostMs })
  const began = performance.now()
  const requests = createRequestTracker()
  const restMs = () => Math.max(began + atLeastMs - performance.now(), quietMs) + BACKLOG_DRAIN_MS
  servers.observe(requests)
  servers.advertiseDrain(() => member.instance && formatDrainHeader(member.instance, restMs()))
  const late = await waitForDrain(plan, requests, signal, () =>
    logger.info(
      `requests still arrive from callers with an old list: ${requests.describe()}; the drain lasts until they stop`,
    ),
  )
  servers.observe(undefined)
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  if (late)
    logger.warn(
      `the longest drain ends after ${seconds} s although requests still arrive: ${requests.describe()}; further requests fail. sidecar.drain-timeout and sidecar.leave-timeout set it`,
    )
  else if (atMostMs > atLeastMs) logger.info(`drained after ${seconds} s: no more requests arrive`)
}

/**
 * Settles when the drain is over.
 *
 * @param onExtended the shortest time is over, and callers still come
 * @returns true where callers still came at its end
 */
async function waitForDrain(
  { atLeastMs, atMostMs, quietMs }: DrainPlan,
  requests: RequestTracker,
  signal: AbortSignal,
  onExtended: () => void,
): Promise<boolean> {
  const began = performance.now()
  const until = async (at: number) => {
    const ms = at - performance.now()
    if (ms > 0) await setTimeout(ms, undefined, { signal }).catch(() => {})
  }
  const quietAt = () => (requests.lastRequestAt === undefined ? began : requests.lastRequestAt + quietMs)
  await until(began + atLeastMs)
  let extended = false
  for (;;) {
    const now = performance.now()
    if (signal.aborted || quietMs === 0 || quietAt() <= now) return false
    if (now >= began + atMostMs) return true
    if (!extended) onExtended()
    extended = true
    await until(Math.min(quietAt(), began + atMostMs))
  }
}

/** Why to skip the drain, or `undefined`. */
export function reasonNotToDrain(
  signal: ShutdownSignal | undefined,
  env: NodeJS.ProcessEnv = process.env,
  terminal: boolean = isatty(0) || isatty(1),
  watcher: string | false = findDevWatcher(env) ?? false,
  pm2 = findPm2(env),
): string | undefined {
  if (signal === undefined) return undefined
  // PM2 sends SIGINT where others send SIGTERM; its kill_timeout leaves time for the drain.
  const stopOfPm2 = signal === 'SIGINT' && pm2?.killTimeoutMs !== undefined
  if (signal !== 'SIGTERM' && !stopOfPm2) return `${signal} asks for a quick shutdown`
  if (watcher) return `${watcher} wants to restart`
  if (terminal) return 'the process runs in a terminal'
  return undefined
}
