import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Arrival } from '../adapters/adapter.js'
import { verbOf } from '../observe/verb.js'
import type { RequestWork, WorkLocals } from './work.js'

/** A request as a piece of work. */
export class ServedWork implements RequestWork {
  readonly kind = 'request'
  readonly locals: WorkLocals = {}
  /** Something that is around it threw. */
  thrown = false
  /** Settles when the response is finished, or its connection closed. */
  readonly ended: Promise<void>
  private readonly leaving = new AbortController()
  private readonly arrival: Arrival

  constructor(arrival: Arrival) {
    this.arrival = arrival
    const { response } = arrival
    this.ended = new Promise((resolve) => {
      response.once('finish', resolve)
      response.once('close', () => {
        if (!response.writableFinished) this.leaving.abort(new Error('the caller has gone away'))
        resolve()
      })
    })
  }

  get request(): IncomingMessage {
    return this.arrival.request
  }

  get response(): ServerResponse {
    return this.arrival.response
  }

  get method(): string {
    return this.request.method ?? 'GET'
  }

  get url(): string {
    return this.arrival.url ?? this.request.url ?? '/'
  }

  get route(): string | undefined {
    return this.arrival.route()
  }

  get name(): string {
    return `${verbOf(this.method)} ${this.route ?? '*'}`
  }

  get status(): number | undefined {
    return this.response.headersSent ? this.response.statusCode : undefined
  }

  get signal(): AbortSignal {
    return this.leaving.signal
  }

  get failed(): boolean {
    const { status = 0, signal } = this
    return this.thrown || status >= 500 || signal.aborted
  }
}
