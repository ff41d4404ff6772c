import { connect, createServer, type Server, type Socket } from 'node:net'
import { ownPort } from './own-port.js'

/**
 * What the proxy does to traffic:
 * - `pass` hands bytes through,
 * - `refuse` closes the port itself, so that a connect gets ECONNREFUSED,
 * - `reset` accepts and sends an RST at the first byte of a request,
 * - `hang` accepts, reads, and never answers (a black hole, a stopped process),
 * - `delay` hands the answer through `delayMs` later,
 * - `truncate` hands the first `truncateAfterBytes` of the answer through and cuts the connection.
 */
export type ProxyMode = 'pass' | 'refuse' | 'reset' | 'hang' | 'delay' | 'truncate'

export interface FaultProxy {
  readonly host: string
  readonly port: number
  /** Connections accepted so far. */
  readonly connections: number
  /** Connections open now. */
  readonly open: number
  mode(): ProxyMode
  /** Switches for new connections and for those that are open. */
  set(mode: 'pass' | 'reset' | 'hang'): Promise<void>
  set(mode: 'refuse'): Promise<void>
  set(mode: 'delay', delayMs: number): Promise<void>
  set(mode: 'truncate', afterBytes: number): Promise<void>
  /** RST to every open connection, once. */
  resetAll(): void
  close(): Promise<void>
}

interface Pair {
  readonly client: Socket
  readonly upstream: Socket
  answered: number
}

/** A TCP proxy in front of `target`, whose fault is switched at run time. The port stays the same throughout. */
export async function startFaultProxy(target: { host?: string; port: number }): Promise<FaultProxy> {
  const pairs = new Set<Pair>()
  let mode: ProxyMode = 'pass'
  let amount = 0
  let connections = 0
  let server: Server
  const port = await ownPort()

  const listen = () =>
    new Promise<void>((resolve, reject) => {
      server = createServer({ noDelay: true }, accept)
      server.once('error', reject)
      server.listen(port, '127.0.0.1', resolve)
    })

  function accept(client: Socket): void {
    connections += 1
    const upstream = connect(target.port, target.host ?? '127.0.0.1')
    upstream.setNoDelay(true)
    const pair: Pair = { client, upstream, answered: 0 }
    pairs.add(pair)
    const end = () => {
      pairs.delete(pair)
      client.destroy()
      upstream.destroy()
    }
    client.on('error', end).on('close', end)
    upstream.on('error', end).on('close', () => mode !== 'hang' && end())
    client.on('data', (chunk) => {
      if (mode === 'reset') return void client.resetAndDestroy()
      if (mode !== 'hang') upstream.write(chunk)
    })
    upstream.on('data', (chunk) => answer(pair, chunk))
  }

  function answer(pair: Pair, chunk: Buffer): void {
    const write = (bytes: Buffer) => !pair.client.destroyed && pair.client.write(bytes)
    if (mode === 'hang') return
    if (mode === 'reset') return void pair.client.resetAndDestroy()
    if (mode === 'delay') return void setTimeout(write, amount, chunk).unref()
    if (mode !== 'truncate') return void write(chunk)
    const rest = amount - pair.answered
    pair.answered += chunk.length
    if (chunk.length < rest) return void write(chunk)
    pair.client.end(chunk.subarray(0, rest), () => pair.client.destroy())
  }

  function dropAll(how: 'destroy' | 'resetAndDestroy'): void {
    for (const pair of pairs) {
      pair.client[how]()
      pair.upstream.destroy()
    }
    pairs.clear()
  }

  const stopListening = () =>
    new Promise<void>((resolve) => (server.listening ? server.close(() => resolve()) : resolve()))

  await listen()
  return {
    host: '127.0.0.1',
    port,
    get connections() {
      return connections
    },
    get open() {
      return pairs.size
    },
    mode: () => mode,
    async set(next: ProxyMode, value: number = 0) {
      mode = next
      amount = value
      for (const pair of pairs) pair.answered = 0
      if (next === 'refuse') {
        const stopped = stopListening()
        dropAll('resetAndDestroy')
        await stopped
      } else if (!server.listening) {
        await listen()
      }
    },
    resetAll: () => dropAll('resetAndDestroy'),
    async close() {
      const stopped = stopListening()
      dropAll('destroy')
      await stopped
    },
  }
}
