import { setTimeout as wait } from 'node:timers/promises'
import { messageOf, SidecarError } from '../errors.js'
import type { Logger } from '../logger.js'
import { linkSignals } from '../util/deadline.js'
import { mask } from '../util/secrets.js'
import { createSubscription, type Subscription } from '../util/subscription.js'
import type { HookStatus, StopContext, StopMoment } from './hooks.js'
import type { Step } from './steps.js'

/** Something that must be done before this process ends. */
export interface StopTask {
  /** As it is named in messages: `stop hook "close the pool"`. */
  readonly title: string
  readonly name: string
  readonly when: StopMoment
  readonly timeoutMs: number
  /** It is no hook: `status()` names it elsewhere. */
  readonly resource?: boolean
  run(context: StopContext): unknown
}

/** What is done at a stop: each once, in reverse order of its addition. */
export interface StopHooks {
  /** @throws SidecarError `SIDECAR_STOPPED` where the hooks of this moment have run already */
  add(task: StopTask): Subscription
  /** A step for each task of this moment; one that is added meanwhile is the next. */
  steps(when: StopMoment): Iterable<Step>
  /** True from the first step of this moment on. */
  began(when: StopMoment): boolean
  /**
   * The process must end: aborts those that run, and calls those that have not begun, at once. `undefined` if there is
   * none; else it settles when they have ended, after a second at the latest.
   */
  kill(): Promise<void> | undefined
  status(): readonly HookStatus[]
}

interface Entry {
  readonly task: StopTask
  state: HookStatus['state']
  /** Of one that runs; aborted if it is no longer awaited. */
  signal?: AbortSignal
  ended?: Promise<unknown>
  error?: string
}

/** How long all hooks together have after a second signal. */
export const KILL_MS = 1_000

export function createStopHooks(logger: Logger): StopHooks {
  const entries: Entry[] = []
  const moments = new Map<StopMoment, 'begun' | 'over'>()
  const killing = new AbortController()

  async function run(entry: Entry, parent?: AbortSignal): Promise<void> {
    const { signal, unlink } = linkSignals(parent, killing.signal)
    entry.signal = signal
    entry.state = 'running'
    try {
      await entry.task.run({
        signal,
        get killed() {
          return killing.signal.aborted || (parent?.aborted ?? false)
        },
      })
      entry.state = 'done'
    } catch (error) {
      entry.state = 'failed'
      entry.error = mask(messageOf(error))
      throw new Error(entry.error, { cause: error })
    } finally {
      unlink()
    }
  }

  const begin = (entry: Entry, parent?: AbortSignal) => (entry.ended = run(entry, parent))
  const isOpen = ({ state, signal }: Entry) => state === 'waiting' || (state === 'running' && !signal?.aborted)

  return {
    add(task) {
      if (moments.get(task.when) === 'over' || killing.signal.aborted) {
        throw new SidecarError(
          'SIDECAR_STOPPED',
          `${task.title} comes too late: the hooks of this moment have run. Do at once what it would have done`,
        )
      }
      const entry: Entry = { task, state: 'waiting' }
      entries.push(entry)
      return createSubscription(() => void entries.splice(entries.indexOf(entry), 1))
    },
    *steps(when) {
      moments.set(when, 'begun')
      const next = () => entries.findLast(({ task, state }) => task.when === when && state === 'waiting')
      for (let entry = next(); entry; entry = next()) {
        const { task } = entry
        const own = entry
        const run = (signal: AbortSignal) => {
          // The leave is out of time: what waits is begun, and nothing more is taken on.
          if (signal.aborted) moments.set(when, 'over')
          return begin(own, signal)
        }
        yield { name: task.title, deadlineMs: task.timeoutMs, run }
      }
      moments.set(when, 'over')
    },
    began: (when) => moments.has(when),
    kill() {
      const open = entries.filter(isOpen).reverse()
      if (open.length === 0) return undefined
      killing.abort(new Error('a second signal ends the process'))
      const ends = open.map((entry) =>
        (entry.ended && entry.state === 'running' ? entry.ended : begin(entry)).catch((error: unknown) =>
          logger.warn(`leaving: ${entry.task.title} failed: ${messageOf(error)}`),
        ),
      )
      return Promise.race([Promise.all(ends), wait(KILL_MS)]).then(() => {
        const left = open.filter(({ state }) => state === 'running').map(({ task }) => task.title)
        if (left.length > 0) logger.warn(`a second signal ends the process, still open: ${left.join(', ')}`)
      })
    },
    status: () =>
      entries
        .filter(({ task }) => !task.resource)
        .map(({ task: { name }, state, error }) => ({ name, at: 'stop', state, error })),
  }
}
