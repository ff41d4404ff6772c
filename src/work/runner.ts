import { AsyncLocalStorage } from 'node:async_hooks'
import { runWithContext } from '../context.js'
import { SidecarError } from '../errors.js'
import type { Recorder } from '../observe/recorder.js'
import { traced } from '../observe/traced.js'
import { inTime } from '../util/in-time.js'
import { createSubscription } from '../util/subscription.js'
import { createArounds } from './arounds.js'
import { runAsWork } from './current-work.js'
import { startedWork } from './started-work.js'
import type { WorkRunner, WorkSource } from './work.js'

/** All that begins work by itself, as the start and the leave of the sidecar see it. */
export interface WorkSources {
  /** The service has started: sources begin, and later ones at once. */
  start(): void
  /** No further work begins. */
  stop(): void
  /** The names of those in which something runs. */
  busy(): readonly string[]
  /** Settles when nothing runs; what is left when the signal aborts is aborted. */
  finish(signal: AbortSignal): Promise<void>
  /** The last step; `undefined` if there is nothing to close. */
  closing(): (() => Promise<void>) | undefined
}

export function createWorkRunner(recorder: Recorder, arounds = createArounds()): WorkRunner & WorkSources {
  const sources = new Set<WorkSource>()
  let state: 'waiting' | 'started' | 'stopped' = 'waiting'
  // What a request makes (a timer, a consumer) must not run in the context of that request, with its token.
  const outside = AsyncLocalStorage.snapshot()

  return {
    operate(start, run) {
      const { kind, name, context, span, timeout } = start
      const begin = (own?: AbortSignal) => {
        const work = startedWork(start, own)
        return runAsWork(work, () => arounds.run(work, () => run(work)))
      }
      const inTimeout = () => (timeout ? inTime(timeout.ms, [start.signal], begin, () => timeout.error()) : begin())
      const operation = () => traced(recorder, name, inTimeout, {}, kind, span)
      return outside(() => (context ? runWithContext(context, operation) : operation()))
    },
    add(source) {
      if (state === 'stopped') throw new SidecarError('SIDECAR_STOPPED', `${source.name}: the sidecar is leaving`)
      sources.add(source)
      if (state === 'started') source.start()
      return createSubscription(() => {
        source.stop()
        sources.delete(source)
      })
    },
    start() {
      if (state !== 'waiting') return
      state = 'started'
      for (const source of [...sources]) source.start()
    },
    stop() {
      state = 'stopped'
      for (const source of sources) source.stop()
    },
    busy: () => [...new Set([...sources].filter((source) => source.busy).map(({ name }) => name))],
    async finish(signal) {
      await Promise.all([...sources].map((source) => source.finish(signal)))
    },
    closing() {
      const open = [...sources].filter((source) => source.close !== undefined)
      return open.length === 0 ? undefined : async () => void (await Promise.all(open.map((source) => source.close!())))
    },
  }
}
