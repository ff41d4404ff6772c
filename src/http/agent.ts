import { AsyncLocalStorage } from 'node:async_hooks'
import { Agent as HttpAgent, type AgentOptions, type ClientRequest, type RequestOptions } from 'node:http'
import { Agent as HttpsAgent, type AgentOptions as HttpsAgentOptions } from 'node:https'
import type { Socket } from 'node:net'
import { activeRuntime } from '../calls/active-runtime.js'
import type { CallRuntime } from '../calls/runtime.js'
import type { SidecarDispatcher } from './dispatcher.js'
import { listedBy, readLogicalUrl, type LogicalUrl } from './logical-name.js'
import { RelaySocket, type Relay } from './relay-socket.js'
import { ResponseBytes } from './response-bytes.js'

/** The agents of one sidecar, as `got` and others take them. */
export interface SidecarAgents {
  readonly http: HttpAgent
  readonly https: HttpsAgent
}

/** Not in Node's documentation, and what every agent of npm is made of. */
interface RequestQueue {
  addRequest(request: ClientRequest, options: RequestOptions & { _defaultAgent?: HttpAgent }): void
}

/** Agents that know logical names. By a symbol of the process: the package may be there twice. */
const ATTACHED = Symbol.for('nacos-sidecar/attached-agent')

/**
 * Gives an agent of `node:http` or `node:https` logical names: a request to `http://user-service/…` is balanced, sent
 * again, traced and counted as a call of `sidecar.fetch` is, and has the caller's token. Every other request goes the
 * agent's own way, with its own connections.
 *
 * @returns the same agent
 * @example
 * attachSidecar(http.globalAgent)
 * http.get('http://user-service/users/1', (response) => response.pipe(process.stdout))
 */
export function attachAgent<T extends HttpAgent>(agent: T, runtime: () => CallRuntime = activeRuntime): T {
  const own = agent as unknown as RequestQueue & { [ATTACHED]?: true }
  if (own[ATTACHED]) return agent
  const { addRequest } = own
  const { destroy } = agent
  const open = new Set<RelaySocket>()
  let dispatcher: Promise<SidecarDispatcher> | undefined
  // Loaded with the first request: it brings undici.
  const load = () =>
    (dispatcher ??= import('./dispatcher.js').then(({ SidecarDispatcher }) => new SidecarDispatcher(runtime)))

  const relayTo =
    (logical: LogicalUrl): Relay =>
    (request, socket) => {
      const { method, path, headers, upgrade, content: body } = request
      const handler = new ResponseBytes(socket, method)
      load()
        .then((by) => {
          // A client of node:http has its own deadlines.
          const times = { headersTimeout: 0, bodyTimeout: 0 }
          const options = { ...times, method: method as 'GET', path, headers, body, ...(upgrade && { upgrade }) }
          by.send(runtime(), logical, options, handler)
        })
        .catch((error: Error) => socket.destroy(error))
    }

  const relay = (request: ClientRequest, options: RequestOptions, logical: LogicalUrl) => {
    const inContext = AsyncLocalStorage.snapshot()
    const send = relayTo(logical)
    const socket = new RelaySocket((...args) => inContext(send, ...args), logical.secure)
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    if (options.timeout) socket.setTimeout(options.timeout)
    request.onSocket(socket as unknown as Socket)
  }

  own.addRequest = function (this: RequestQueue, request, options, ...legacy: []) {
    const pass = () => addRequest.call(agent, request, options, ...legacy)
    const logical = typeof options === 'object' ? logicalHost(options, agent, runtime) : undefined
    if (logical === undefined) return pass()
    const known = logical.sure || isService(runtime, logical.service)
    const decide = (service: boolean) => (service ? relay(request, options, logical) : pass())
    if (typeof known === 'boolean') decide(known)
    else known.then(decide).catch((error: Error) => request.destroy(error))
  }
  agent.destroy = () => {
    for (const socket of open) socket.destroy()
    return destroy.call(agent)
  }
  own[ATTACHED] = true
  return agent
}

/** The agents of a sidecar. What is no logical name is sent as by Node's global agent. */
export function createAgents(runtime: () => CallRuntime): SidecarAgents {
  const like: AgentOptions & HttpsAgentOptions = { keepAlive: true, scheduling: 'lifo', timeout: 5_000 }
  return {
    http: attachAgent(new HttpAgent(like), runtime),
    https: attachAgent(new HttpsAgent(like), runtime),
  }
}

/** A process without a sidecar has hosts only; what is wrong with its settings is an error of other calls. */
function isService(runtime: () => CallRuntime, name: string): boolean | Promise<boolean> {
  try {
    return runtime().names.isService(name, 'known')
  } catch {
    return false
  }
}

function logicalHost(
  { host, port, socketPath, _defaultAgent }: RequestOptions & { _defaultAgent?: HttpAgent },
  agent: HttpAgent,
  runtime: () => CallRuntime,
): LogicalUrl | undefined {
  if (socketPath || typeof host !== 'string') return undefined
  const { protocol = 'http:' } = (_defaultAgent ?? agent) as { protocol?: string }
  if (Number(port) !== (protocol === 'https:' ? 443 : 80)) return undefined
  return readLogicalUrl(`${protocol}//${host}`, listedBy(runtime))
}
