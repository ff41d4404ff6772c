import type { Pool } from 'undici'
import type { Endpoint, Outcome } from '../balance/balancer.js'
import { Attempts, type AttemptRules } from './attempts.js'
import type { Connections, ConnectionWaiter } from './connections.js'

/** Attempts over this package's own connections: those of typed clients, fetch and undici. */
export abstract class PooledAttempts<Rules extends AttemptRules = AttemptRules>
  extends Attempts<Rules>
  implements ConnectionWaiter
{
  /** Those that the present attempt has one of, or waits for. */
  private connections: Connections | undefined
  private waiting = false

  /** Sends the request over a connection it has reserved. */
  protected abstract dispatch(pool: Pool): void
  /** No connection was to be had: it is our own limit, and no fault of the instance. */
  abstract onNoConnection(why: string): void

  protected sendTo(endpoint: Endpoint | undefined, connections: Connections): void {
    this.begin(endpoint)
    this.connections = connections
    if (connections.take()) return this.dispatch(connections.current)
    this.waiting = true
    connections.wait(this)
  }

  onConnection(): void {
    this.waiting = false
    this.dispatch(this.connections!.current)
  }

  /** Gives the connection back and reports the outcome of the attempt; both once. */
  protected end(outcome: Outcome): void {
    this.release()
    this.report(outcome)
  }

  /** @param stream the answer goes on: it no longer counts as a call, and keeps its connection */
  protected release(stream = false): void {
    const { connections, waiting } = this
    if (connections === undefined) return
    this.connections = undefined
    this.waiting = false
    if (waiting) connections.forget(this)
    else connections.release(stream)
  }
}
