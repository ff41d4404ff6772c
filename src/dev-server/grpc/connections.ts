import { EventEmitter } from 'node:events'
import { Connection } from './connection.js'
import type { ClientInfo, Line } from './connection.js'
import type { GrpcTimes } from './times.js'

interface ConnectionsEvents {
  /** Everything that lives by the connection ends. */
  close: [connection: Connection]
}

/** The connections. A silent one is probed, and closed if it does not answer. */
export class Connections extends EventEmitter<ConnectionsEvents> {
  readonly #open = new Set<Connection>()
  readonly #asked = new WeakSet<Connection>()
  #lastRequestId = 0
  #timer: NodeJS.Timeout | undefined

  constructor(
    private readonly times: GrpcTimes,
    private readonly clock: () => number,
  ) {
    super()
  }

  all(): Connection[] {
    return [...this.#open]
  }

  add(id: string, client: ClientInfo, line: Line): Connection {
    const connection = new Connection(id, client, line, this.clock, () => String(++this.#lastRequestId))
    this.#open.add(connection)
    return connection
  }

  /** Ends it on our side, whatever became of the stream; twice is harmless. */
  remove(connection: Connection): void {
    if (!this.#open.delete(connection)) return
    connection.closed()
    this.emit('close', connection)
  }

  startDetection(): void {
    // Nacos looks every 3 s; a short patience is looked at within its span.
    const everyMs = Math.max(10, Math.min(3_000, this.times.silentAfterMs / 3))
    this.#timer = setInterval(() => this.#detect(), everyMs)
    this.#timer.unref()
  }

  stopDetection(): void {
    clearInterval(this.#timer)
  }

  #detect(): void {
    const now = this.clock()
    for (const connection of this.#open) {
      if (now - connection.lastActiveMs <= this.times.silentAfterMs || this.#asked.has(connection)) continue
      this.#asked.add(connection)
      connection
        .request('ClientDetectionRequest', { module: 'internal' }, this.times.detectionTimeoutMs)
        .catch(() => {
          connection.line.cut()
          this.remove(connection)
        })
        .finally(() => this.#asked.delete(connection))
        .catch(() => {})
    }
  }
}
