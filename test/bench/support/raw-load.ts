import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Drive } from './drive.js'

const PATHS = 100

/**
 * Requests per second of a server, by a client that costs the server's core nothing: requests written beforehand, and answers,
 * which are all of one length, counted by their bytes.
 *
 * @throws Error for an answer that is not 200
 */
export async function rawLoad(port: number, token: string, { inFlight, ms }: Drive): Promise<number> {
  const requests = Array.from({ length: PATHS }, (_, n) =>
    Buffer.from(
      `GET /users/${1000 + n} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\naccept: application/json\r\nauthorization: Bearer ${token}\r\n\r\n`,
    ),
  )
  const sockets = await Promise.all(Array.from({ length: inFlight }, () => open(port)))
  let answers = 0
  let running = true
  const since = performance.now()
  setTimeout(() => (running = false), ms)
  // Never asleep: else every answer pays for waking this process up, and the more so the longer it took.
  const stayAwake = () => void (running && setImmediate(stayAwake))
  stayAwake()
  await Promise.all(
    sockets.map(
      (socket, own) =>
        new Promise<void>((resolve, reject) => {
          let length = 0
          let received = 0
          let n = own
          const next = () => socket.write(requests[n++ % PATHS]!)
          socket.on('error', reject).on('close', () => reject(new Error('the server closed a connection')))
          socket.on('data', (chunk) => {
            if (received === 0) {
              if (chunk.toString('latin1', 9, 12) !== '200') return reject(new Error(chunk.toString('latin1')))
              length ||= lengthOf(chunk)
            }
            received += chunk.length
            if (received < length) return
            received = 0
            answers++
            if (running) next()
            else resolve()
          })
          next()
        }),
    ),
  )
  const perSecond = (answers / (performance.now() - since)) * 1000
  for (const socket of sockets) socket.removeAllListeners('close').destroy()
  return perSecond
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').setNoDelay()
  await once(socket, 'connect')
  return socket
}

function lengthOf(chunk: Buffer): number {
  const text = chunk.toString('latin1')
  const body = /content-length: (\d+)/i.exec(text)?.[1]
  if (body === undefined) throw new Error(`an answer without a length:\n${text}`)
  return text.indexOf('\r\n\r\n') + 4 + Number(body)
}
