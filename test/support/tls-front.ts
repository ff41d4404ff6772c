import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import { onTestFinished } from 'vitest'

/** TLS in front of a plain port, as a load balancer has it; ends with the test. */
export async function tlsFront(
  target: { readonly port: number },
  identity: { readonly cert: string; readonly key: string },
): Promise<{ readonly port: number }> {
  const server = createServer(identity, (socket) => {
    const plain = connect(target.port, '127.0.0.1')
    socket.on('error', () => plain.destroy())
    plain.on('error', () => socket.destroy())
    socket.pipe(plain).pipe(socket)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void server.close())
  return { port: (server.address() as AddressInfo).port }
}
