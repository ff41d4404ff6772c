export interface Turns {
  /** Begins the work once all earlier work under the same name has ended, well or not. */
  take<T>(name: string, work: () => Promise<T>): Promise<T>
}

/** One piece of work at a time under each name. */
export function createTurns(): Turns {
  const last = new Map<string, Promise<unknown>>()
  return {
    take(name, work) {
      const before = last.get(name)
      const own = before ? before.then(work, work) : work()
      last.set(name, own)
      const forget = () => void (last.get(name) === own && last.delete(name))
      own.then(forget, forget)
      return own
    },
  }
}
