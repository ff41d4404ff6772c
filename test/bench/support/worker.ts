import { once } from 'node:events'
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

/** The child's side. */
export function serve(handlers: Handlers): void {
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
