const SLOT_MS = 1_000
const SLOTS = 10
/** Retries that are always granted within the window: a client of few calls may still repeat one. */
const FLOOR = 10

/**
 * How many requests that may have arrived are sent again, at most a share of the calls of the last ten seconds: a
 * service that fails because it is overloaded must not get twice the load for it.
 */
export class RetryBudget {
  private readonly calls = new Uint32Array(SLOTS)
  private readonly retries = new Uint32Array(SLOTS)
  private slot = 0

  /** @param percent of the calls. @param now monotonic, in ms */
  constructor(
    private readonly percent: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Every call counts once, whatever becomes of it. */
  deposit(): void {
    this.calls[this.advance()]!++
  }

  /** Whether one more retry is granted; it is counted as done. */
  withdraw(): boolean {
    const at = this.advance()
    const allowed = this.percent === 0 ? 0 : Math.max(FLOOR, (sum(this.calls) * this.percent) / 100)
    if (sum(this.retries) + 1 > allowed) return false
    this.retries[at]!++
    return true
  }

  /** Empties the slots that have come round again. */
  private advance(): number {
    const slot = Math.floor(this.now() / SLOT_MS)
    for (let past = Math.max(this.slot + 1, slot - SLOTS + 1); past <= slot; past++) {
      this.calls[past % SLOTS] = this.retries[past % SLOTS] = 0
    }
    this.slot = slot
    return slot % SLOTS
  }
}

function sum(slots: Uint32Array): number {
  let total = 0
  for (const count of slots) total += count
  return total
}
