import type { Server as HttpServer } from 'node:http'
import {
  wrapServer,
  type GracefulServer,
  type GracefulServerOptions,
  type ServerConnections,
} from './graceful-server.js'
import type { RequestTracker } from './request-tracker.js'

export interface AppServersOptions extends Pick<GracefulServerOptions, 'leaving' | 'endsStreams'> {
  /** The app wants to close this server: when it may. */
  mayClose(server: HttpServer): Promise<void>
  /** What the app does after its close waits for this. */
  mayGoOn?(): Promise<void> | undefined
  /** This server has closed, whatever closed it. */
  onClosed(server: HttpServer): void
}

/** The servers that serve the app: mostly one, two for HTTP beside HTTPS. They start and stop together. */
export interface AppServers {
  readonly size: number
  /** True if another sidecar serves by each of them: then that one reports their health. */
  readonly shared: boolean
  /** Requests that something else in this process cut during the drain. */
  readonly cuts: number
  /** Takes over when the server may close. A second call: it listens again. */
  add(server: HttpServer): void
  remove(server: HttpServer): void
  disableKeepAlive(): void
  enableKeepAlive(): void
  /** Counts the requests from now on; `undefined` ends that. */
  observe(requests: RequestTracker | undefined): void
  advertiseDrain(drainHeader: () => string | undefined): void
  stopAccepting(): Promise<void>
  /** After that: settles when the last connection is gone. */
  whenEmpty(): Promise<void>
  busyConnections(): number
  /** Of all servers together. */
  connections(): ServerConnections
  endStreams(): void
  /** Finishes what is in flight, then cuts the rest, at once where `over` aborts; returns how many connections that were. */
  closeWithin(timeoutMs: number, over: AbortSignal): Promise<number>
  /** Gives all servers back as they were. */
  unwrap(): void
}

export function createAppServers({ leaving, endsStreams, mayClose, mayGoOn, onClosed }: AppServersOptions): AppServers {
  const servers = new Map<HttpServer, GracefulServer>()
  let cuts = 0
  const each = (act: (server: GracefulServer) => void) => [...servers.values()].forEach(act)
  const all = <T>(ask: (server: GracefulServer) => T | Promise<T>) => Promise.all([...servers.values()].map(ask))
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0)

  return {
    get size() {
      return servers.size
    },
    get shared() {
      return servers.size > 0 && [...servers.values()].every((server) => server.shared)
    },
    get cuts() {
      return cuts
    },
    add(server) {
      const before = servers.get(server)
      if (before) return before.enableKeepAlive()
      const wrapped = wrapServer(server, {
        leaving,
        endsStreams,
        mayClose: () => mayClose(server),
        mayGoOn,
        onClosed: () => onClosed(server),
        onCut: () => void cuts++,
      })
      servers.set(server, wrapped)
      if (leaving()) wrapped.disableKeepAlive()
    },
    remove(server) {
      servers.get(server)?.unwrap()
      servers.delete(server)
    },
    disableKeepAlive: () => each((server) => server.disableKeepAlive()),
    enableKeepAlive: () => each((server) => server.enableKeepAlive()),
    observe: (requests) => each((server) => server.observe(requests?.record)),
    advertiseDrain: (drainHeader) => each((server) => server.advertiseDrain(drainHeader)),
    async stopAccepting() {
      await all((server) => server.stopAccepting())
    },
    async whenEmpty() {
      await all((server) => server.whenEmpty())
    },
    busyConnections: () => sum([...servers.values()].map((server) => server.busyConnections())),
    connections() {
      const each = [...servers.values()].map((server) => server.connections())
      const total = (name: keyof ServerConnections) => sum(each.map((one) => one[name]))
      return { open: total('open'), answering: total('answering'), upgraded: total('upgraded') }
    },
    endStreams: () => each((server) => server.endStreams()),
    closeWithin: async (timeoutMs, over) => sum(await all((server) => server.closeWithin(timeoutMs, over))),
    unwrap: () => each((server) => server.unwrap()),
  }
}
