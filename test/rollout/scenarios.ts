import { setTimeout as sleep } from 'node:timers/promises'
import { setStage, type Outcome, type Stage, type StageOptions } from './stage.js'

export interface RunOptions extends StageOptions {
  /** One round over the providers follows the other until so many calls have been made. */
  readonly calls: number
  /** Between one step and the next, in ms. @default 1000 */
  readonly restMs?: number
  /** How long after a kill a caller may still write to a connection whose end it has not yet read. @default 100 */
  readonly unnoticedMs?: number
}

export type Kill9Outcome = Outcome & {
  /** POSTs that failed and were under way at a kill. */ readonly cutPosts: number
}
export type PauseOutcome = Outcome & { /** GETs that took longer than they may. */ readonly beyondDeadline: number }

/** Longest time a call may take in the scenario of a stopped provider. */
export const DEADLINE_MS = 5_000

async function onStage<T>(options: StageOptions, act: (stage: Stage) => Promise<T>): Promise<T> {
  const stage = await setStage(options)
  try {
    return await act(stage)
  } finally {
    await stage.clear()
  }
}

/** Rounds over all providers until enough calls have been made. */
async function rounds(stage: Stage, options: RunOptions, restart: (at: number) => Promise<void>): Promise<void> {
  const { calls, restMs = 1000 } = options
  do {
    for (let at = 0; at < stage.providers.length; at++) {
      await restart(at)
      await sleep(restMs)
    }
  } while ((await stage.sent()) < calls)
}

/** (a) One provider after the other gets SIGTERM, ends when it has drained, and starts again at the same address. */
export function rolling(options: RunOptions): Promise<Outcome> {
  return onStage(options, async (stage) => {
    await rounds(stage, options, async (at) => {
      const provider = stage.providers[at]!
      provider.child.signal('SIGTERM')
      await provider.child.exited
      await provider.start()
    })
    return stage.finish()
  })
}

/** (b) One provider after the other is killed and starts again. */
export function kill9(options: RunOptions): Promise<Kill9Outcome> {
  return onStage(options, async (stage) => {
    const kills: number[] = []
    await rounds(stage, options, async (at) => {
      const provider = stage.providers[at]!
      kills.push(Date.now())
      await provider.child.kill()
      await sleep(options.restMs ?? 1000)
      await provider.start()
    })
    const outcome = await stage.finish()
    const unnoticedMs = options.unnoticedMs ?? 100
    const cut = outcome.failures.filter(
      ({ verb, startedAt, endedAt }) =>
        verb === 'post' && kills.some((at) => startedAt <= at + unnoticedMs && at - unnoticedMs <= endedAt),
    )
    return { ...outcome, cutPosts: cut.length }
  })
}

/** (c) One provider stands still for a while: its connections are open, and nothing comes. */
export function pause(options: RunOptions & { readonly pauseMs: number }): Promise<PauseOutcome> {
  return onStage({ ...options, client: { readTimeoutMs: 1_000, timeoutMs: DEADLINE_MS } }, async (stage) => {
    const { child } = stage.providers[0]!
    await sleep(options.restMs ?? 1000)
    child.signal('SIGSTOP')
    await sleep(options.pauseMs)
    child.signal('SIGCONT')
    await sleep(options.restMs ?? 1000)
    const outcome = await stage.finish()
    const { slowestMs } = outcome.totals.get
    const late = outcome.failures.filter(
      ({ verb, startedAt, endedAt }) => verb === 'get' && endedAt - startedAt > DEADLINE_MS + 250,
    )
    return { ...outcome, beyondDeadline: Math.max(late.length, slowestMs > DEADLINE_MS + 250 ? 1 : 0) }
  })
}

/** (d) The rolling restart, during which the registry is killed; it stays away for one restart and comes back empty. */
export function registryDown(options: RunOptions): Promise<Outcome> {
  return onStage(options, async (stage) => {
    let restarts = 0
    await rounds(stage, options, async (at) => {
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
    return stage.finish()
  })
}
