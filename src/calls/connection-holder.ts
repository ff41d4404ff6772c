import type { Pool } from 'undici'
import type { Connections, ConnectionWaiter } from './connections.js'

/** A request that goes over this package's own connections: it reserves one, or waits for its turn, and gives it back. */
export abstract class ConnectionHolder implements ConnectionWaiter {
  /** Those of which it has one, or waits for one. */
  private connections: Connections | undefined
  private waiting = false

  /** Sends the request over a connection it has reserved. */
  protected abstract dispatch(pool: Pool): void
  /** No connection was to be had: it is our own limit, and no fault of the instance. */
  abstract onNoConnection(why: string): void

  protected sendOver(connections: Connections): void {
    this.connections = connections
    if (connections.take()) return this.dispatch(connections.current)
    this.waiting = true
    connections.wait(this)
  }

  onConnection(): void {
    this.waiting = false
    this.dispatch(this.connections!.current)
  }

  /** @param stream the response goes on: it no longer counts as a call, and keeps its connection */
  protected release(stream = false): void {
    const { connections, waiting } = this
    if (connections === undefined) return
    this.connections = undefined
    this.waiting = false
    if (waiting) connections.forget(this)
    else connections.release(stream)
  }
}
