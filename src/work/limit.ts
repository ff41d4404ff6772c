/** So many at once; further ones wait for their turn, in order. */
export class Limit {
  private running = 0
  /** In the order in which they came; each is called when it has a place. */
  private readonly waiting = new Set<() => void>()

  constructor(private readonly atMost: number) {}

  /** How many wait. */
  get queued(): number {
    return this.waiting.size
  }

  get full(): boolean {
    return this.running >= this.atMost
  }

  /** @returns `undefined` if there is a place at once; rejects with the reason of the signal */
  enter(signal: AbortSignal): Promise<void> | undefined {
    if (!this.full) {
      this.running++
      return undefined
    }
    return new Promise((resolve, reject) => {
      const settle = (end: () => void) => {
        this.waiting.delete(go)
        signal.removeEventListener('abort', abort)
        end()
      }
      const go = () => settle(resolve)
      const abort = () => settle(() => reject(signal.reason as Error))
      if (signal.aborted) return reject(signal.reason as Error)
      this.waiting.add(go)
      signal.addEventListener('abort', abort)
    })
  }

  leave(): void {
    const [next] = this.waiting
    // It takes the place over.
    if (next) next()
    else this.running--
  }
}
