import { createServer } from 'node:net'

/**
 * A free port for what goes away and comes back on it: below those that the system gives to connections and to who asks
 * for port 0, so that nobody takes it meanwhile. The one 1,000 above it is as good.
 */
export async function ownPort(): Promise<number> {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 18_000)
    const probe = createServer()
    const free = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false))
      probe.listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!free) continue
    await new Promise((resolve) => probe.close(resolve))
    return port
  }
}
