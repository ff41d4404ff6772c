import { setTimeout as sleep } from 'node:timers/promises'
import { pausedSince } from '../support/pauses.js'
import { setStage, type CallOptions, type Calls, type Outcome, type Stage, type StageOptions } from './stage.js'

export interface RunOptions extends StageOptions, CallOptions {
  /** One that stands already, and is left standing. @default one of its own */
  readonly stage?: Stage
  /** One round over the providers follows the other until so many calls have been made. */
  readonly calls: number
  /** How many of the providers a round restarts. @default all */
  readonly providers?: number
  /** Between one step and the next, in ms. @default 1000 */
  readonly restMs?: number
  /** How long after a kill a caller may still write to a connection whose end it has not yet read. @default 100 */
  readonly unnoticedMs?: number
}

export type Kill9Outcome = Outcome & {
  /** POSTs that failed and were under way at a kill. */ readonly cutPosts: number
}
export interface PauseOptions extends RunOptions {
  readonly pauseMs: number
  /** How long the consumer waits for an answer: less than `pauseMs`. @default 1000 */
  readonly readTimeoutMs?: number
  /** Longest time a call may take. @default 5000 */
  readonly deadlineMs?: number
}
export type PauseOutcome = Outcome & { /** GETs that took longer than they may. */ readonly beyondDeadline: number }

async function onStage<T>(options: RunOptions, act: (stage: Stage, calls: Calls) => Promise<T>): Promise<T> {
  const stage = options.stage ?? (await setStage(options))
  try {
    return await act(stage, await stage.startCalls(options))
  } finally {
    if (!options.stage) await stage.clear()
  }
}

/** Rounds over the providers until enough calls have been made. */
async function rounds(
  { providers }: Stage,
  calls: Calls,
  { calls: least, restMs = 1000, providers: count = providers.length }: RunOptions,
  restart: (at: number) => Promise<void>,
): Promise<void> {
  do {
    for (let at = 0; at < count; at++) {
      await restart(at)
      await sleep(restMs)
    }
  } while ((await calls.sent()) < least)
}

/** (a) One provider after the other gets SIGTERM, ends when it has drained, and starts again at the same address. */
export function rolling(options: RunOptions): Promise<Outcome> {
  return onStage(options, async (stage, calls) => {
    await rounds(stage, calls, options, async (at) => {
      const provider = stage.providers[at]!
      provider.child.signal('SIGTERM')
      await provider.child.exited
      await provider.start()
    })
    return calls.finish()
  })
}

/** (b) One provider after the other is killed and starts again. */
export function kill9(options: RunOptions): Promise<Kill9Outcome> {
  return onStage(options, async (stage, calls) => {
    const kills: { readonly from: number; readonly to: number }[] = []
    await rounds(stage, calls, options, async (at) => {
      const provider = stage.providers[at]!
      const from = Date.now()
      await provider.child.kill()
      const [gone, since] = [Date.now(), performance.now()]
      await sleep(options.restMs ?? 1000)
      // A machine that stands still tells no caller of the end.
      kills.push({ from, to: gone + pausedSince(since) })
      await provider.start()
    })
    const outcome = await calls.finish()
    const unnoticedMs = options.unnoticedMs ?? 100
    const cut = outcome.failures.filter(
      ({ verb, startedAt, endedAt }) =>
        verb === 'post' && kills.some(({ from, to }) => startedAt <= to + unnoticedMs && from - unnoticedMs <= endedAt),
    )
    return { ...outcome, cutPosts: cut.length }
  })
}

/** (c) One provider stands still for a while: its connections are open, and nothing comes. */
export function pause({ readTimeoutMs = 1_000, deadlineMs = 5_000, ...options }: PauseOptions): Promise<PauseOutcome> {
  return onStage({ ...options, client: { readTimeoutMs, timeoutMs: deadlineMs } }, async (stage, calls) => {
    const { child } = stage.providers[0]!
    await sleep(options.restMs ?? 1000)
    child.signal('SIGSTOP')
    await sleep(options.pauseMs)
    child.signal('SIGCONT')
    await sleep(options.restMs ?? 1000)
    const outcome = await calls.finish()
    const { slowestMs } = outcome.totals.get
    const late = outcome.failures.filter(
      ({ verb, startedAt, endedAt }) => verb === 'get' && endedAt - startedAt > deadlineMs + 250,
    )
    return { ...outcome, beyondDeadline: Math.max(late.length, slowestMs > deadlineMs + 250 ? 1 : 0) }
  })
}

/** (d) The rolling restart, during which the registry is killed; it stays away for one restart and comes back empty. */
export function registryDown(options: RunOptions): Promise<Outcome> {
  return onStage(options, async (stage, calls) => {
    let restarts = 0
    await rounds(stage, calls, options, async (at) => {
      const provider = stage.providers[at]!
      const down = restarts++ % 3 === 1
      provider.child.signal('SIGTERM')
      if (down) await stage.killRegistry()
      await provider.child.exited
      await provider.start(down ? 'listening' : 'registered')
      if (!down) return
      await stage.startRegistry()
      await provider.child.message('registered', 60_000)
    })
    return calls.finish()
  })
}
