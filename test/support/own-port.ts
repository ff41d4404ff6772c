import { createServer } from 'node:net'

/** Above it, the gRPC port of a registry on the port itself. */
const GRPC_OFFSET = 1_000
/** Below those that the system gives to connections and to who asks for port 0, so that nobody takes one meanwhile. */
const FIRST = 12_000
const WORKERS = 9

// Each worker has its own thousand, and goes through it: who is away for a moment finds its port as it left it.
const base = FIRST + (Number(process.env['VITEST_POOL_ID'] ?? 0) % WORKERS) * 2 * GRPC_OFFSET
let next = Math.floor(Math.random() * GRPC_OFFSET)

/** A free port for what goes away and comes back on it. The one 1,000 above it is as good. */
export async function ownPort(): Promise<number> {
  for (;;) {
    const port = base + (next++ % GRPC_OFFSET)
    if ((await isFree(port)) && (await isFree(port + GRPC_OFFSET))) return port
  }
}

/** Whether somebody could listen there now. */
export async function isFree(port: number): Promise<boolean> {
  const probe = createServer()
  const free = await new Promise<boolean>((resolve) => {
    probe.once('error', () => resolve(false))
    probe.listen(port, () => resolve(true))
  })
  if (free) await new Promise((resolve) => probe.close(resolve))
  return free
}
