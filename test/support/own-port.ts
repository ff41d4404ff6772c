import { createServer } from 'node:net'

/** Above it, the gRPC port of a registry on the port itself. */
const GRPC_OFFSET = 1_000
/** Below those that the system assigns to connections and for port 0, so that none is taken meanwhile. */
const FIRST = 12_000
const WORKERS = 9

// Each worker has its own thousand, and goes through it: a server that restarts finds its port still free.
const base = FIRST + (Number(process.env['VITEST_POOL_ID'] ?? 0) % WORKERS) * 2 * GRPC_OFFSET
let next = Math.floor(Math.random() * GRPC_OFFSET)

/** A free port for what goes away and comes back on it. The one 1,000 above it is as good. */
export async function ownPort(): Promise<number> {
  for (;;) {
    const port = base + (next++ % GRPC_OFFSET)
    if ((await isFree(port)) && (await isFree(port + GRPC_OFFSET))) return port
  }
}

/** Whether the port is free now. */
export async function isFree(port: number): Promise<boolean> {
  const probe = createServer()
  const free = await new Promise<boolean>((resolve) => {
    probe.once('error', () => resolve(false))
    probe.listen(port, () => resolve(true))
  })
  if (free) await new Promise((resolve) => probe.close(resolve))
  return free
}
