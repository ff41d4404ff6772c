import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { startChild } from '../live/support/children.js'

/** What a child process can be asked to do, by name. */
export type Handlers = Readonly<Record<string, (argument: never) => unknown>>

/** A child process that does one thing at a time when asked. */
export interface Worker {
  ask<T>(what: string, argument?: unknown): Promise<T>
  stop(): Promise<void>
}

/** @throws Error where the child ends or cannot do it: a bench with a piece missing is none. */
export async function startWorker(file: string, role: string, options: unknown = {}): Promise<Worker> {
  const child = startChild(file, role, JSON.stringify(options))
  const answer = async <T>(): Promise<T> => {
    const ended = new AbortController()
    const gone = once(child, 'exit', { signal: ended.signal }).then(([code, signal]): never => {
      throw new Error(`the process "${role}" ended with ${code ?? signal}`)
    })
    try {
      const [{ result, error }] = (await Promise.race([once(child, 'message'), gone])) as [
        { result: T; error?: string },
      ]
      if (error !== undefined) throw new Error(`${role}: ${error}`)
      return result
    } finally {
      gone.catch(() => {}) // aborted below
      ended.abort()
    }
  }
  await answer()
  return {
    ask(what, argument) {
      child.send({ what, argument })
      return answer()
    },
    async stop() {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
  }
}

const COLLECTIONS = 10

/**
 * Collects the whole heap a few times, as happens in every process that runs for a while, early in one that loads much code and
 * not within a minute in one that loads little. From then on V8 of Node 20, 22 and 24 takes 0.3 to 0.45 µs longer for each
 * `process.nextTick`, five of which are in a request to Fastify: without this, a bare app would seem faster than it is.
 */
async function settle(): Promise<void> {
  for (let n = 0; n < COLLECTIONS; n++) {
    globalThis.gc?.()
    await pause(5)
  }
}

/** The child's side. */
export function serve(own: Handlers): void {
  const handlers: Handlers = { settle, ...own }
  process.on('message', ({ what, argument }: { what: string; argument: never }) => {
    Promise.resolve()
      .then(() => handlers[what]!(argument))
      .then((result) => process.send!({ result }), report)
  })
  process.send!({})
}

export function report(error: unknown): void {
  process.send!({ error: String((error as Error).stack ?? error) })
}
