import { once } from 'node:events'
import { createServer, Socket, type AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

/** What a database's log would say of its sessions. */
export interface SessionLog {
  opened: number
  /** They said goodbye. */
  closed: number
  /** They broke off. */
  aborted: number
  /** Sessions now. */
  open: number
  queries: number
}

export interface TcpDatabase {
  readonly port: number
  readonly log: SessionLog
  /** Settles when no session is open. */
  whenEmpty(): Promise<void>
  close(): Promise<void>
}

/** A server with real sessions: it answers each line with the same line, after `takesMs`, and counts how sessions end. */
export async function startTcpDatabase({ takesMs = 5 } = {}): Promise<TcpDatabase> {
  const log: SessionLog = { opened: 0, closed: 0, aborted: 0, open: 0, queries: 0 }
  const sockets = new Set<Socket>()
  let onEmpty = () => {}
  const server = createServer((socket) => {
    log.opened++
    log.open++
    sockets.add(socket)
    let polite = false
    socket.on('error', () => {})
    socket.on('close', () => {
      sockets.delete(socket)
      if (polite) log.closed++
      else log.aborted++
      if (--log.open === 0) onEmpty()
    })
    createInterface({ input: socket }).on('line', (line) => {
      if (line === 'bye') return void (polite = true)
      log.queries++
      void sleep(takesMs).then(() => socket.writable && socket.write(`${line}\n`))
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    log,
    whenEmpty: () => (log.open === 0 ? Promise.resolve() : new Promise((resolve) => (onEmpty = resolve))),
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A pool of its sessions, which ends as those of databases do: each session at once when it is free, then a goodbye. */
export class TcpPool {
  readonly #free: Socket[] = []
  readonly #waiting: ((socket: Socket) => void)[] = []
  readonly #all = new Set<Socket>()
  #ended = false

  private constructor(readonly port: number) {}

  static async connect(port: number, size = 4): Promise<TcpPool> {
    const pool = new TcpPool(port)
    for (let i = 0; i < size; i++) {
      const socket = new Socket().setEncoding('utf8')
      pool.#all.add(socket)
      socket.connect(port, '127.0.0.1')
      await once(socket, 'connect')
      pool.#free.push(socket)
    }
    return pool
  }

  async query(text: string): Promise<string> {
    if (this.#ended) throw new Error('Cannot use a pool after calling end on the pool')
    const socket = this.#free.pop() ?? (await new Promise<Socket>((resolve) => this.#waiting.push(resolve)))
    socket.write(`${text}\n`)
    const [answer] = (await once(socket, 'data')) as [string]
    const next = this.#waiting.shift()
    if (next) next(socket)
    else this.#free.push(socket)
    return answer.trim()
  }

  /** As pg's: what is under way is finished. */
  async end(): Promise<void> {
    this.#ended = true
    await Promise.all(
      [...this.#all].map(async (socket) => {
        while (!this.#free.includes(socket)) await sleep(1)
        socket.end('bye\n')
        await once(socket, 'close')
      }),
    )
  }

  destroy(): void {
    for (const socket of this.#all) socket.destroy()
  }
}
