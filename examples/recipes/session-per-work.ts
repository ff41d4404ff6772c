import { currentWork, type Sidecar, type Work } from 'nacos-sidecar'

/** How a session with a database begins and ends. */
export interface Sessions<S> {
  begin(): Promise<S>
  commit(session: S): Promise<unknown>
  rollback(session: S): Promise<unknown>
}

/**
 * One session for each piece of work. It begins when the work uses it first; it is committed when the work is done, and
 * rolled back when it failed. Work that uses no session has none.
 *
 * @returns the session of the work that runs
 */
export function sessionPerWork<S>(sidecar: Sidecar, { begin, commit, rollback }: Sessions<S>): () => Promise<S> {
  const sessions = new WeakMap<Work, Promise<S>>()

  sidecar.around(async (work, next) => {
    try {
      await next()
    } finally {
      const session = await sessions.get(work)
      if (session) await (work.failed ? rollback(session) : commit(session))
    }
  })

  return () => {
    const work = currentWork()
    if (!work) throw new Error('there is no session outside of a request, an event and a timer')
    let session = sessions.get(work)
    if (!session) sessions.set(work, (session = begin()))
    return session
  }
}
