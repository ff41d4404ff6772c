import type { ServerAddress } from '../../settings/server-address.js'
import type { Credentials } from './credentials.js'
import type { ServerList } from './server-list.js'
import type { PlainRequest } from '../transport.js'
import { signConfig, signNaming, type AccessKey, type Signature } from '../signing.js'
import type { HttpClient } from './client.js'
import type { Operation, SignedResource } from './dialects/dialect.js'
import { isFailure, RequestFailure } from './failure.js'
import type { WireRequest, WireResponse } from './wire.js'

/** How to send one operation. */
export interface SendOptions {
  /** For each address. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** A heartbeat or the like: goes first while requests are limited. */
  readonly priority?: boolean
  /** A long poll. */
  readonly background?: boolean
  /** Longest wait for a permit while the registry fails. @default timeoutMs */
  readonly waitMs?: number
}

/** Sends an operation with its credentials to a node that answers. */
export interface Exchange {
  <T>(operation: Operation<T>, options: SendOptions): Promise<T>
  /** The same as one plain request to the node in use, once there is one, with the credentials that are at hand. */
  plain(operation: Operation<unknown>): PlainRequest
}

export interface ExchangeOptions {
  readonly client: HttpClient
  readonly servers: ServerList
  readonly credentials?: Credentials | undefined
  readonly accessKey?: AccessKey | undefined
}

/** @throws RequestFailure */
export function createExchange({ client, servers, credentials, accessKey }: ExchangeOptions): Exchange {
  /** The request with its credentials. A signature expires, so each attempt gets a new one. */
  function authenticate({ request, resource }: Operation<unknown>, token: string | undefined): WireRequest {
    const authenticated = { ...request, headers: { ...request.headers, ...bearer(token) } }
    return accessKey ? withSignature(authenticated, sign(accessKey, resource)) : authenticated
  }

  async function attempt<T>(operation: Operation<T>, options: SendOptions, token: string | undefined): Promise<T> {
    const { timeoutMs, signal, background = false } = options
    const idempotent = operation.idempotent ?? true
    const ask = (address: ServerAddress, one: Operation<T>) =>
      client.send(address, authenticate(one, token), { timeoutMs, signal, idempotent, background })
    const send = async (address: ServerAddress) => {
      const response = await ask(address, operation)
      const instead = operation.instead?.(response)
      return instead ? decode(instead, await ask(address, instead)) : decode(operation, response)
    }
    const result = await servers.run(send, {
      idempotent,
      priority: options.priority ?? false,
      waitMs: options.waitMs ?? timeoutMs,
      signal,
    })
    if (token === undefined) credentials?.onAnonymousAccepted()
    return result
  }

  const exchange = async <T>(operation: Operation<T>, options: SendOptions): Promise<T> => {
    if (!credentials) return attempt(operation, options, undefined)
    if (credentials.blocked) throw loginFailure(credentials)
    const token = await credentials.token()
    try {
      return await attempt(operation, options, token)
    } catch (error) {
      if (!isDenied(error)) throw error
      const fresh = await credentials.renew(token)
      if (fresh === undefined) throw credentials.failure ? loginFailure(credentials) : error
      return attempt(operation, options, fresh).catch((again: unknown) => {
        if (isDenied(again)) credentials.onRenewedTokenRejected()
        throw again
      })
    }
  }
  const plain = (operation: Operation<unknown>) =>
    client.plain(servers.currentAddress!, authenticate(operation, credentials?.current))
  return Object.assign(exchange, { plain })
}

function decode<T>(operation: Operation<T>, response: WireResponse): T {
  try {
    return operation.decode(response)
  } catch (error) {
    if (error instanceof RequestFailure) throw error
    throw new RequestFailure('malformed', 'the answer cannot be read')
  }
}

const isDenied = (error: unknown): boolean => isFailure(error, 'denied')

function loginFailure({ failure }: Credentials): RequestFailure {
  // A login without an answer proves nothing about the password.
  if (failure?.blamesNode) return new RequestFailure(failure.kind, `the login failed: ${failure.detail}`, failure.code)
  return new RequestFailure('login', `the login was refused: ${failure?.detail ?? 'no reason given'}`)
}

// A header: all recorded servers read it, and a URL must not hold a secret.
const bearer = (token: string | undefined): Record<string, string> =>
  token === undefined ? {} : { Authorization: `Bearer ${token}` }

function sign(key: AccessKey, resource: SignedResource): Signature {
  return resource.type === 'naming'
    ? signNaming(key, Date.now(), resource.group, resource.service)
    : signConfig(key, Date.now(), resource.namespace, resource.group)
}

function withSignature(request: WireRequest, { params, headers }: Signature): WireRequest {
  return {
    ...request,
    ...(request.form ? { form: { ...request.form, ...params } } : { query: { ...request.query, ...params } }),
    headers: { ...request.headers, ...headers },
  }
}
