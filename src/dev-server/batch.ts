/** Work that is due for some keys in a moment: what a key gathers until then is done at once. */
export interface Batch {
  add(key: string): void
  close(): void
}

export function createBatch(delayMs: number, run: (key: string) => void): Batch {
  const due = new Map<string, NodeJS.Timeout>()
  return {
    add(key) {
      if (due.has(key)) return
      const perform = () => {
        due.delete(key)
        run(key)
      }
      due.set(key, setTimeout(perform, delayMs).unref())
    },
    close() {
      for (const timer of due.values()) clearTimeout(timer)
      due.clear()
    },
  }
}
