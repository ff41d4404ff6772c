import { AsyncLocalStorage } from 'node:async_hooks'
import { processSlot } from '../process-state.js'
import type { Work } from './work.js'

const storage = processSlot('work', () => new AsyncLocalStorage())

/**
 * The piece of work that is being done: an event, a request by messages, a run of a timer; a request where `sidecar.around` is used
 * for requests. `undefined` outside of work.
 *
 * @example
 * const db = () => currentWork()?.locals.db ?? pool
 */
export function currentWork(): Work | undefined {
  return storage.getStore()
}

export function runAsWork<T>(work: Work, run: () => T): T {
  return storage.run(work, run)
}
