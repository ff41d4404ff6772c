/** Failed logins that one address may have at once. */
const BURST = 20
/** One more each. */
const REFILL_MS = 1_000
/** Addresses that are remembered at most. */
const MOST_ADDRESSES = 1_000

/** Bounds how fast passwords can be tried. */
export interface LoginThrottle {
  /** Milliseconds until this address may try again; 0 for now. */
  waitMs(address: string): number
  /** Notes a wrong password or an unknown user. */
  failed(address: string): void
}

/** @param clock monotonic milliseconds. */
export function createLoginThrottle(clock: () => number): LoginThrottle {
  /** Address to the time at which all its failures are forgotten. */
  const paidAt = new Map<string, number>()
  return {
    waitMs(address) {
      const debtMs = (paidAt.get(address) ?? 0) - clock()
      return Math.max(0, debtMs - (BURST - 1) * REFILL_MS)
    },
    failed(address) {
      const now = clock()
      const before = Math.max(now, paidAt.get(address) ?? 0)
      paidAt.delete(address)
      paidAt.set(address, before + REFILL_MS)
      if (paidAt.size <= MOST_ADDRESSES) return
      const [oldest] = paidAt.keys()
      paidAt.delete(oldest!)
    },
  }
}
