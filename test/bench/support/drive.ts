/** What one window gave. */
export interface Window {
  readonly perSecond: number
  /** CPU time of this process a call, in µs: says more than `perSecond` where others use the machine too. */
  readonly cpuMicros: number
}

export interface Drive {
  readonly inFlight: number
  readonly ms: number
}

/** Keeps `inFlight` calls under way for `ms`. */
export async function drive(call: (n: number) => Promise<unknown>, { inFlight, ms }: Drive): Promise<Window> {
  let running = true
  let calls = 0
  setTimeout(() => (running = false), ms)
  const one = async () => {
    while (running) await call(calls++)
  }
  const since = performance.now()
  const before = process.cpuUsage()
  await Promise.all(Array.from({ length: inFlight }, one))
  const { user, system } = process.cpuUsage(before)
  return { perSecond: (calls / (performance.now() - since)) * 1000, cpuMicros: (user + system) / calls }
}
