import type { Message } from './message.js'

/** What a client says of itself when it connects. */
export interface ClientInfo {
  /** Such as `Nacos-Java-Client:v2.5.1`. */
  readonly version: string
  readonly ip: string
  /** Namespace id, '' for the public one. */
  readonly namespace: string
  readonly labels: Readonly<Record<string, string>>
}

/** The way to the client: its stream, and the socket below it. */
export interface Line {
  send(type: string, message: Message): void
  /** Ends the stream in good order. */
  end(): void
  /** Resets the socket, with whatever else is on it. */
  cut(): void
}

interface Waiting {
  readonly resolve: () => void
  readonly reject: (why: Error) => void
  readonly timer: NodeJS.Timeout
}

/** One client that has set up its stream; what it subscribed to and registered lives as long as this. */
export class Connection {
  /** Monotonic ms of the last sign of life. */
  lastActiveMs: number
  open = true
  readonly #waiting = new Map<string, Waiting>()

  constructor(
    readonly id: string,
    readonly client: ClientInfo,
    readonly line: Line,
    private readonly clock: () => number,
    private readonly nextRequestId: () => string,
  ) {
    this.lastActiveMs = clock()
  }

  /** Notes a sign of life. */
  touch(): void {
    this.lastActiveMs = this.clock()
  }

  /** Sends what needs no acknowledgement. */
  tell(type: string, message: Message): void {
    if (this.open) this.line.send(type, message)
  }

  /** Sends, and settles with the client's acknowledgement; rejects where it refuses, is silent or gone. */
  request(type: string, message: Message, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!this.open) return reject(new Error('the connection is closed'))
      const requestId = this.nextRequestId()
      const timer = setTimeout(() => this.#settle(requestId)?.reject(new Error('no acknowledgement')), timeoutMs)
      timer.unref()
      this.#waiting.set(requestId, { resolve, reject, timer })
      this.line.send(type, { headers: {}, requestId, ...message })
    })
  }

  /** An answer of the client; one to nothing that was asked is ignored. */
  acknowledge(requestId: string, accepted: boolean): void {
    const waiting = this.#settle(requestId)
    if (accepted) waiting?.resolve()
    else waiting?.reject(new Error('refused by the client'))
  }

  /** Called by `Connections` alone. */
  closed(): void {
    this.open = false
    for (const requestId of [...this.#waiting.keys()]) {
      this.#settle(requestId)?.reject(new Error('the connection is closed'))
    }
  }

  #settle(requestId: string): Waiting | undefined {
    const waiting = this.#waiting.get(requestId)
    this.#waiting.delete(requestId)
    clearTimeout(waiting?.timer)
    return waiting
  }
}
