import { setTimeout as wait } from 'node:timers/promises'
import { messageOf, SidecarError } from '../errors.js'
import { holdProcess } from '../util/hold-process.js'
import { mask } from '../util/secrets.js'
import { createSubscription, type Subscription } from '../util/subscription.js'
import type { HookStatus } from './hooks.js'
import { inTime } from '../util/in-time.js'

/** Something that must be done before this process is registered. */
export interface StartTask {
  /** As it is named in messages: `start hook "load prices"`. */
  readonly title: string
  readonly name: string
  readonly timeoutMs: number
  /** It is no hook: `status()` names it elsewhere. */
  readonly resource?: boolean
  /** `signal` aborts at the timeout, and when the start is given up. */
  run(signal: AbortSignal): unknown
}

/** What is done at a start, in the order of its addition, one after the other. */
export interface StartHooks {
  /** True once `run` was called and nothing is waiting or under way; false for ever after a failure. */
  readonly done: boolean
  /** The registration has begun: no further one is added. */
  readonly closed: boolean
  /** A hook is under way. */
  readonly busy: boolean
  /**
   * After `run`, a further one runs at once, and the registration waits for it.
   *
   * @throws SidecarError `SIDECAR_HOOK_INVALID` once the registration has begun; `SIDECAR_STOPPED` while leaving
   */
  add(task: StartTask): Subscription
  /** Runs them; rejects with the first failure, `SIDECAR_START_FAILED`, after which no further one is run. */
  run(): Promise<void>
  /** Settles when none is left, or rejects as `run` does; from then on none is added. */
  close(): Promise<void>
  /** Gives up the start. Settles when the one under way has ended, after a second at the latest. */
  abort(): Promise<void>
  status(): readonly HookStatus[]
}

/** How long a hook under way may still take when the start is given up. */
export const ABORTED_START_MS = 1_000

/** @param onFailure one failed that was added after `run` */
export function createStartHooks(onFailure: (error: unknown) => void): StartHooks {
  const leaving = new AbortController()
  const tasks: { task: StartTask; state: HookStatus['state']; error?: string }[] = []
  let begun = false
  let closed = false
  let failure: unknown
  let running: Promise<void> | undefined
  /** The one under way, whether its result still counts or not. */
  let work: Promise<unknown> | undefined

  const next = () => tasks.find(({ state }) => state === 'waiting')

  async function runAll(): Promise<void> {
    for (let entry = next(); entry; entry = next()) {
      entry.state = 'running'
      try {
        await runTask(entry.task)
        entry.state = 'done'
      } catch (error) {
        entry.state = 'failed'
        entry.error = mask(messageOf((error as Error).cause ?? error))
        failure = error
        throw error
      }
    }
  }

  async function runTask({ title, timeoutMs, run }: StartTask): Promise<void> {
    try {
      await inTime(timeoutMs, [leaving.signal], (signal) => {
        const started = (async () => run(signal))()
        const settled = started.then(
          () => {},
          () => {},
        )
        work = settled
        void settled.then(() => work === settled && (work = undefined))
        return started
      })
    } catch (error) {
      if (leaving.signal.aborted) throw stopping(title)
      // It has had its time.
      work = undefined
      const text = `${title} failed: ${mask(messageOf(error))}. The start ends here`
      throw new SidecarError('SIDECAR_START_FAILED', text, { cause: error })
    }
  }

  function go(): Promise<void> {
    // Else the next one in the list would be begun, and fail because the sidecar is stopping: a reason that is none.
    if (failure) return Promise.reject(failure as Error)
    // Not at once: a hook that adds a further one in its first moment must find that this is running.
    running ??= holdProcess(Promise.resolve().then(runAll)).finally(() => (running = undefined))
    return running
  }

  return {
    get done() {
      return begun && running === undefined && failure === undefined
    },
    get closed() {
      return closed && !leaving.signal.aborted
    },
    get busy() {
      return work !== undefined
    },
    add(task) {
      if (leaving.signal.aborted || failure) throw stopping(task.title)
      if (closed) {
        throw new SidecarError(
          'SIDECAR_HOOK_INVALID',
          `${task.title} comes too late: the registration has begun. Add it before the app listens, or as an option of initSidecar`,
        )
      }
      const entry = { task, state: 'waiting' as const }
      tasks.push(entry)
      if (begun && !running) go().catch(onFailure)
      return createSubscription(() => void tasks.splice(tasks.indexOf(entry), 1))
    },
    run() {
      begun = true
      return go()
    },
    async close() {
      while (running) await running
      if (failure) throw failure as Error
      closed = true
    },
    async abort() {
      leaving.abort()
      await Promise.race([work, wait(ABORTED_START_MS, undefined, { ref: false })])
    },
    status: () =>
      tasks
        .filter(({ task }) => !task.resource)
        .map(({ task: { name }, state, error }) => ({ name, at: 'start', state, error })),
  }
}

function stopping(title: string): SidecarError {
  return new SidecarError('SIDECAR_STOPPED', `${title} is not run: the sidecar is stopping`)
}
