import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/**
 * A TCP port that accepts connections and resets them, as a gRPC port in front of a failing server; `times` says when.
 *
 * @param finished that of the test's own context where tests run at the same time.
 */
export async function startResettingPort(
  finished: (cleanUp: () => void) => void = onTestFinished,
): Promise<{ port: number; times: number[] }> {
  const times: number[] = []
  const server = createServer((socket) => {
    times.push(performance.now())
    socket.resetAndDestroy()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  finished(() => void server.close())
  return { port: (server.address() as AddressInfo).port, times }
}
