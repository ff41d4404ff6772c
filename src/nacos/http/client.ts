import { Agent as HttpAgent, type ClientRequest } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { setImmediate as nextTurn } from 'node:timers/promises'
import axios, { type AxiosError, type AxiosInstance } from 'axios'
import type { ConnectionTls } from '../../settings/connection.js'
import type { ServerAddress } from '../../settings/server-address.js'
import { startDeadline } from './deadline.js'
import { RequestFailure } from './failure.js'
import { tlsOptions } from '../tls.js'
import { encodeParams, type WireRequest, type WireResponse } from './wire.js'

/** Sends one request to one address; knows HTTP, not Nacos. */
export interface HttpClient {
  /** @throws RequestFailure of a kind that blames the node, or `aborted` */
  send(address: ServerAddress, request: WireRequest, how: SendOptions): Promise<WireResponse>
  /** Ends every socket. */
  close(): void
}

export interface SendOptions {
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** May go out a second time when the server closed a kept connection under it. */
  readonly idempotent: boolean
  /** A long poll: has a pool of its own and does not keep the process alive. */
  readonly background?: boolean
}

export interface HttpClientOptions {
  readonly contextPath: string
  readonly tls: ConnectionTls
  /** Largest accepted answer, decompressed. */
  readonly maxResponseBytes: number
}

const MAX_SOCKETS_PER_NODE = 16

export function createHttpClient({ contextPath, tls, maxResponseBytes }: HttpClientOptions): HttpClient {
  const secure = tls.enabled ? tlsOptions(tls) : {}
  const pooled = { keepAlive: true, maxSockets: MAX_SOCKETS_PER_NODE, scheduling: 'lifo' as const }
  const pools = {
    normal: { httpAgent: new HttpAgent(pooled), httpsAgent: new HttpsAgent({ ...pooled, ...secure }) },
    background: {
      httpAgent: unrefSockets(new HttpAgent({ keepAlive: true })),
      httpsAgent: unrefSockets(new HttpsAgent({ keepAlive: true, ...secure })),
    },
    /** A connection for one request: what a stale one is replaced by. */
    fresh: { httpAgent: new HttpAgent(), httpsAgent: new HttpsAgent(secure) },
  }
  type Pool = keyof typeof pools

  // Everything spelt out: `create` starts from axios.defaults, which the application may have changed.
  const http: AxiosInstance = axios.create({
    adapter: 'http',
    proxy: false,
    maxRedirects: 0,
    validateStatus: () => true,
    // Bytes, because axios would drop a byte order mark from text, and the MD5 of a document with one would be off.
    responseType: 'arraybuffer',
    transformRequest: [(data: unknown) => data],
    transformResponse: [(data: unknown) => data],
    maxContentLength: maxResponseBytes,
    maxBodyLength: Infinity,
    timeout: 0,
    baseURL: '',
    params: undefined,
    auth: undefined,
  })

  async function once(address: ServerAddress, request: WireRequest, signal: AbortSignal, pool: Pool) {
    const query = request.query ? encodeParams(request.query) : ''
    const form = request.form && encodeParams(request.form)
    const response = await http.request<Buffer>({
      method: request.method,
      url: `${address.tls ? 'https' : 'http'}://${address.authority}${contextPath}${request.path}${query && `?${query}`}`,
      headers: {
        'User-Agent': 'nacos-sidecar',
        Accept: '*/*',
        'Accept-Encoding': 'identity',
        ...(form !== undefined && { 'Content-Type': 'application/x-www-form-urlencoded;charset=UTF-8' }),
        ...request.headers,
      },
      ...(form !== undefined && { data: form }),
      signal,
      ...pools[pool],
    })
    return {
      status: response.status,
      headers: lowerCase(response.headers),
      body: await textOf(response.data),
    }
  }

  function dropIdle({ host, port }: ServerAddress): void {
    for (const { freeSockets } of [pools.normal.httpAgent, pools.normal.httpsAgent]) {
      for (const [name, sockets = []] of Object.entries(freeSockets)) {
        if (name.startsWith(`${host}:${port}:`)) for (const socket of [...sockets]) socket.destroy()
      }
    }
  }

  return {
    async send(address, request, { timeoutMs, signal, idempotent, background }) {
      const deadline = startDeadline(timeoutMs, signal)
      try {
        try {
          return await once(address, request, deadline.signal, background ? 'background' : 'normal')
        } catch (error) {
          // Servers close idle connections (r-nacos after 5 s): losing that race says nothing about the node.
          if (!idempotent || deadline.signal.aborted || !lostKeptConnection(error)) throw error
          return await once(address, request, deadline.signal, 'fresh')
        }
      } catch (error) {
        // Whatever swallowed this request swallows those on its sisters, and a name may lead elsewhere by now.
        if (deadline.expired && !background) dropIdle(address)
        if (deadline.expired) throw new RequestFailure('timeout', `no answer within ${timeoutMs} ms`)
        if (signal.aborted) throw new RequestFailure('aborted', 'it was given up')
        throw failureOf(error)
      } finally {
        deadline.dispose()
      }
    },
    close() {
      for (const { httpAgent, httpsAgent } of Object.values(pools)) {
        httpAgent.destroy()
        httpsAgent.destroy()
      }
    },
  }
}

/** An answer this big is read in steps, so that the event loop turns in between. */
const BIG_BYTES = 1024 * 1024

async function textOf(bytes: Buffer): Promise<string> {
  if (bytes.length < BIG_BYTES) return bytes.toString('utf8')
  await nextTurn()
  const text = bytes.toString('utf8')
  await nextTurn()
  return text
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

function lostKeptConnection(error: unknown): boolean {
  const { request, response, code } = error as AxiosError
  const reused = (request as ClientRequest | undefined)?.reusedSocket === true
  return reused && response === undefined && (code === 'ECONNRESET' || code === 'EPIPE')
}

const NOT_CONNECTED: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'the host name has no address',
  EAI_AGAIN: 'the host name could not be looked up',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  EADDRNOTAVAIL: 'no local address left to connect from',
  ETIMEDOUT: 'the connection could not be made in time',
}

/** Reads what is needed from an axios error and lets go of it: it holds the request with its credentials. */
function failureOf(error: unknown): RequestFailure {
  const { code = '', message, response, cause } = error as AxiosError
  const detail = (text: string) => (code ? `${text} (${code})` : text)
  if (NOT_CONNECTED[code]) return new RequestFailure('connect', detail(NOT_CONNECTED[code]), code)
  if (/maxContentLength/.test(message)) return new RequestFailure('too-large', message, code)
  if (response || /aborted/.test(message)) {
    return new RequestFailure('truncated', 'the answer broke off before its end', code || 'ECONNRESET')
  }
  if (code === 'ECONNRESET' || code === 'EPIPE') {
    return new RequestFailure('reset', detail('the connection was closed without an answer'), code)
  }
  if (code.startsWith('HPE_')) return new RequestFailure('malformed', detail('the answer is not HTTP'), code)
  if (isTlsCode(code) || /certificate|altnames|ssl|tls/i.test(message)) {
    return new RequestFailure('tls', detail(tlsReason(code, message)), code)
  }
  return new RequestFailure('reset', detail(message || String(cause)), code)
}

function isTlsCode(code: string): boolean {
  return /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|EPROTO)/.test(code)
}

function tlsReason(code: string, message: string): string {
  if (/SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/.test(code))
    return 'its certificate is not signed by a known authority'
  if (code === 'CERT_HAS_EXPIRED') return 'its certificate has expired'
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'its certificate is for another host'
  // OpenSSL's errors carry a thread id and a source line; the reason is the part between the last colons.
  return (
    message
      .split(':')
      .map((part) => part.trim())
      .filter((part) => /[a-z] [a-z]/i.test(part))
      .at(-1) ?? 'the TLS handshake failed'
  )
}

function lowerCase(headers: object): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]))
}
