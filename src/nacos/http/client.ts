import type { IncomingHttpHeaders } from 'node:http'
import { StringDecoder } from 'node:string_decoder'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { registryRequests } from '../../diagnostics.js'
import type { ConnectionTls } from '../../settings/connection.js'
import type { ServerAddress } from '../../settings/server-address.js'
import { startDeadline } from '../../util/deadline.js'
import type { PlainRequest } from '../transport.js'
import { tlsOptions } from '../tls.js'
import { createAgents, type AgentPool } from './agents.js'
import { RequestFailure } from './failure.js'
import { failureOf, lostKeptConnection } from './http-error.js'
import { request as requestOnce } from './request.js'
import { encodeParams, type WireRequest, type WireResponse } from './wire.js'

/** Sends one request to one address; knows HTTP, not Nacos. */
export interface HttpClient {
  /** @throws RequestFailure of a kind that blames the node, or `aborted` */
  send(address: ServerAddress, request: WireRequest, how: HttpSendOptions): Promise<WireResponse>
  /** The request as it goes over the wire, for sending without this client. */
  plain(address: ServerAddress, request: WireRequest): PlainRequest
  /** Ends every socket. */
  close(): void
}

export interface HttpSendOptions {
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

/** What an answer that waits in the socket needs to be read. */
const UNREAD_MS = 100

export function createHttpClient({ contextPath, tls, maxResponseBytes }: HttpClientOptions): HttpClient {
  const secure = tls.enabled ? tlsOptions(tls) : {}
  const agents = createAgents(secure)

  function plain(address: ServerAddress, request: WireRequest): PlainRequest {
    const query = request.query ? encodeParams(request.query) : ''
    const form = request.form && encodeParams(request.form)
    return {
      method: request.method,
      url: `${address.tls ? 'https' : 'http'}://${address.authority}${request.root ? '' : contextPath}${request.path}${query && `?${query}`}`,
      headers: {
        'User-Agent': 'nacos-sidecar',
        Accept: '*/*',
        'Accept-Encoding': 'identity',
        ...(form !== undefined && { 'Content-Type': 'application/x-www-form-urlencoded;charset=UTF-8' }),
        ...request.headers,
      },
      ...(form !== undefined && { body: form }),
      ...(address.tls && { tls: secure }),
    }
  }

  async function once(address: ServerAddress, request: WireRequest, signal: AbortSignal, pool: AgentPool) {
    const { status, headers, body } = await requestOnce({
      ...plain(address, request),
      agent: agents[pool][address.tls ? 'https' : 'http'],
      signal,
      maxResponseBytes,
    })
    return { status, headers: textual(headers), body: await textOf(body) }
  }

  return {
    plain,
    async send(address, request, { timeoutMs, signal, idempotent, background }) {
      const deadline = startDeadline(timeoutMs, [signal], UNREAD_MS)
      const ended = watch(address, request)
      try {
        try {
          return ended(await once(address, request, deadline.signal, background ? 'background' : 'normal'))
        } catch (error) {
          // Servers close idle connections (r-nacos after 5 s): losing that race proves nothing about the node.
          if (!idempotent || deadline.signal.aborted || !lostKeptConnection(error)) throw error
          return ended(await once(address, request, deadline.signal, 'fresh'))
        }
      } catch (error) {
        // Idle connections to the same node are probably dead as well, and its name may resolve to another address by
        // now.
        if (deadline.expired && !background) agents.dropIdle(address)
        const failure = deadline.expired
          ? new RequestFailure('timeout', `no answer within ${timeoutMs} ms`)
          : signal.aborted
            ? new RequestFailure('aborted', 'it was cancelled')
            : failureOf(error)
        ended(failure)
        throw failure
      } finally {
        deadline.dispose()
      }
    },
    close: () => agents.destroy(),
  }
}

/** For `diagnostics.ts`: what is called with the answer or the failure, and gives back the answer. */
function watch({ authority: server }: ServerAddress, { method, path }: WireRequest) {
  const since = registryRequests.active ? performance.now() : 0
  return <T extends WireResponse | RequestFailure>(end: T): T => {
    if (since > 0) {
      const [status, error] = end instanceof RequestFailure ? [undefined, end.detail] : [end.status, undefined]
      registryRequests.publish({ server, protocol: 'http', method, path, status, error, ms: performance.now() - since })
    }
    return end
  }
}

/** A larger answer is decoded in steps of this size, between which the event loop turns. */
const STEP_BYTES = 1024 * 1024

async function textOf(bytes: Buffer): Promise<string> {
  if (bytes.length < STEP_BYTES) return bytes.toString('utf8')
  const decoder = new StringDecoder('utf8')
  let text = ''
  for (let at = 0; at < bytes.length; at += STEP_BYTES) {
    await nextTurn()
    text += decoder.write(bytes.subarray(at, at + STEP_BYTES))
  }
  await nextTurn()
  return text + decoder.end()
}

function textual(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}
