import { setImmediate } from 'node:timers/promises'
import type { Emit } from '../events.js'
import type { Logger } from '../logger.js'
import type { Member } from '../registration/member.js'
import { linkSignals } from '../util/deadline.js'
import type { AppServers } from './app-servers.js'
import { BACKLOG_DRAIN_MS } from './close-listener.js'
import { drain, type DrainPlan } from './drain.js'
import type { Hooks } from './hooks.js'
import { ABORTED_START_MS } from './start-hooks.js'
import type { Step } from './steps.js'

/** Work of the app that no request began. */
export interface BackgroundWork {
  /** No further work begins. */
  stop(): void
  /** The names of what is at work: `timers`. */
  busy(): readonly string[]
  /** Settles when nothing runs; what is left when the signal aborts is aborted. */
  finish(signal: AbortSignal): Promise<void>
  /** What stop hooks of the app may have used; `undefined` if there is nothing to close. */
  closing(): (() => Promise<void>) | undefined
}

export interface LeaveOptions {
  readonly member: Member
  readonly servers: AppServers
  readonly hooks: Hooks
  /** What no request began: no further one begins, and what runs is awaited like a request. */
  readonly background: BackgroundWork
  /** `sidecar.drain` */
  readonly drain: DrainPlan
  /** Ends the drain. */
  readonly skipDrain: AbortSignal
  /** `sidecar.deregister-timeout` */
  readonly deregisterTimeoutMs: number
  /** How long requests in progress may take once the server is closed; then they are cut. */
  readonly finishTimeoutMs: number
  /** `sidecar.end-streams` */
  readonly endStreams: boolean
  readonly logger: Logger
  readonly emit: Emit
  /** The app's own close may go on. */
  onDrained(): void
  /** The stop hooks have run: what the app does after its close may run. */
  onHooksDone(): void
  closeClients(): Promise<void>
}

/** Steps that should take no time get this much on top of their own deadline. */
const GRACE_MS = 500
const CLIENTS_MS = 1_000

/** The one order in which a process leaves. Each step is made when the one before it is over. */
export function* leavingSteps(options: LeaveOptions): Generator<Step> {
  const { member, hooks, background, finishTimeoutMs, deregisterTimeoutMs } = options
  if (hooks.starts.busy)
    yield { name: 'the start', deadlineMs: ABORTED_START_MS + GRACE_MS, run: () => hooks.starts.abort() }
  else void hooks.starts.abort()
  yield* hooks.stops.steps('before-deregister')
  background.stop()
  const listed = member.state?.listed ?? false
  yield {
    name: 'deregistration',
    deadlineMs: deregisterTimeoutMs + GRACE_MS,
    run: () => member.deregister(),
  }
  yield {
    name: 'drain',
    deadlineMs: options.drain.atMostMs + BACKLOG_DRAIN_MS + GRACE_MS,
    run: (signal) => drainServers(options, listed, signal),
  }
  yield {
    name: 'closing the server',
    deadlineMs: finishTimeoutMs + GRACE_MS,
    run: (signal) => closeServers(options, signal),
  }
  const busy = background.busy()
  if (busy.length > 0) {
    const run = (signal: AbortSignal) => background.finish(signal)
    yield { name: `work of ${busy.join(' and ')}`, deadlineMs: finishTimeoutMs, run }
  }
  yield* hooks.stops.steps('after-drain')
  options.onHooksDone()
  const close = background.closing()
  if (close) yield { name: 'closing what brings work', deadlineMs: CLIENTS_MS, run: close }
  yield { name: 'closing clients', deadlineMs: CLIENTS_MS, run: () => options.closeClients() }
}

async function drainServers(options: LeaveOptions, listed: boolean, over: AbortSignal): Promise<void> {
  const { drain: plan, servers, member, logger, emit, skipDrain } = options
  const { signal, unlink } = linkSignals(skipDrain, over)
  if (listed) await drain({ plan, servers, member, signal, logger, emit })
  unlink()
  // Before the app's own close goes on: Fastify answers 503 from then on, also on connections that are already in the
  // backlog.
  await servers.stopAccepting()
  options.onDrained()
}

async function closeServers(options: LeaveOptions, over: AbortSignal): Promise<void> {
  const { servers, finishTimeoutMs, endStreams, logger, emit } = options
  // The app's own close goes first, where it is waiting.
  await setImmediate()
  if (servers.size > 0) emit('closing', { connections: servers.busyConnections(), forMs: finishTimeoutMs })
  if (endStreams) servers.endStreams()
  const cut = await servers.closeWithin(finishTimeoutMs, over)
  const since = over.aborted ? 'when sidecar.leave-timeout was over' : `${finishTimeoutMs} ms after the server closed`
  if (cut > 0) logger.warn(`cut ${cut} connections that were still busy ${since}`)
  if (servers.cuts > 0)
    logger.warn(
      `other code in this process cut ${servers.cuts} requests during the drain: see "Beside other shutdown tools" in docs/deployment.md`,
    )
}
