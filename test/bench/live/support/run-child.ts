import type { Job, Result } from '../scenarios/scenario.js'
import { startChild } from './children.js'

/** No scenario takes as long. */
const LONGEST_MS = 60_000

export interface ChildHooks {
  /** The window opens, and closes. */
  window?(): void
}

/** Runs one contender through one scenario; a child that fails or hangs is a result that says so. */
export function runChild<T>(file: string, job: Job, hooks: ChildHooks = {}): Promise<Result<T>> {
  return new Promise((resolve) => {
    const child = startChild(file, JSON.stringify(job))
    const timer = setTimeout(() => done({ notAvailable: `no result within ${LONGEST_MS / 1000} s` }), LONGEST_MS)
    const done = (result: Result<T>) => {
      clearTimeout(timer)
      child.kill('SIGKILL')
      resolve(result)
    }
    child.on('message', (message: { window?: true; result?: Result<T>; error?: string }) => {
      if (message.window) hooks.window?.()
      if (message.error) done({ notAvailable: message.error })
      if (message.result) done(message.result)
    })
    child.on('exit', (code, signal) => done({ notAvailable: `its process ended with ${code ?? signal}` }))
  })
}
