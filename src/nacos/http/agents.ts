import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { ServerAddress } from '../../settings/server-address.js'
import type { PlainTls } from '../transport.js'

interface AgentPair {
  readonly http: HttpAgent
  readonly https: HttpsAgent
}

/** The connections to the nodes of one registry. */
export interface Agents {
  readonly normal: AgentPair
  /** Of long polls: they do not keep the process alive. */
  readonly background: AgentPair
  /** A connection for one request: what a stale one is replaced by. */
  readonly fresh: AgentPair
  /** Ends the idle connections to one node. */
  dropIdle(address: ServerAddress): void
  destroy(): void
}

export type AgentPool = 'normal' | 'background' | 'fresh'

const MAX_SOCKETS_PER_NODE = 16

/** @param secure for the nodes that are spoken to over TLS */
export function createAgents(secure: PlainTls): Agents {
  const pooled = { keepAlive: true, maxSockets: MAX_SOCKETS_PER_NODE, scheduling: 'lifo' as const }
  const pools: Record<AgentPool, AgentPair> = {
    normal: { http: new HttpAgent(pooled), https: new HttpsAgent({ ...pooled, ...secure }) },
    background: {
      http: unrefSockets(new HttpAgent({ keepAlive: true })),
      https: unrefSockets(new HttpsAgent({ keepAlive: true, ...secure })),
    },
    fresh: { http: new HttpAgent(), https: new HttpsAgent(secure) },
  }
  return {
    ...pools,
    dropIdle({ host, port }) {
      for (const { freeSockets } of Object.values(pools.normal) as HttpAgent[]) {
        for (const [name, sockets = []] of Object.entries(freeSockets)) {
          if (name.startsWith(`${host}:${port}:`)) for (const socket of [...sockets]) socket.destroy()
        }
      }
    },
    destroy() {
      for (const { http, https } of Object.values(pools)) {
        http.destroy()
        https.destroy()
      }
    },
  }
}

/** Sockets of this agent do not keep the process alive, in use or not. */
function unrefSockets<T extends HttpAgent>(agent: T): T {
  const { createConnection, reuseSocket } = agent
  agent.createConnection = (...args) => {
    const socket = createConnection.apply(agent, args)
    if (socket && 'unref' in socket) (socket as { unref(): void }).unref()
    return socket
  }
  agent.reuseSocket = (socket, request) => {
    reuseSocket.call(agent, socket, request)
    if ('unref' in socket) (socket as { unref(): void }).unref()
  }
  return agent
}
