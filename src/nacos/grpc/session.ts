import type { ConnectionOptions } from '../../settings/connection.js'
import type { AccessTokenSource } from '../access-token.js'
import { signConfig, signNaming } from '../signing.js'
import type { Connection } from './connection.js'
import { AnswerError, ErrorCode } from './errors.js'
import type { Message, Request, GrpcResource } from './messages.js'

export type Headers = Readonly<Record<string, string>>

/** What authenticates the requests of a session. */
export interface SessionCredentials {
  /** A login, made over HTTP: gRPC has none of its own. */
  readonly tokens?: AccessTokenSource | undefined
  /** Headers of a signature over what the request is about. @default AK/SK, where there are keys */
  readonly sign?: (resource: GrpcResource) => Headers
}

type Keys = Pick<ConnectionOptions, 'accessKey' | 'secretKey' | 'securityToken' | 'regionId'>

/** A connection with its credentials: subscriptions and operations send their requests through it. */
export interface Session {
  readonly connection: Connection
  /** The configured address, `host:port`. */
  readonly server: string
  request(request: Request, options?: { signal?: AbortSignal; timeoutMs?: number }): Promise<Message>
}

export function createSession(
  connection: Connection,
  server: string,
  options: SessionCredentials & Keys,
  requestTimeoutMs: number,
): Session {
  const { tokens, sign = signerOf(options) } = options
  return {
    connection,
    server,
    async request(request, { signal, timeoutMs = requestTimeoutMs } = {}) {
      const { resource } = request
      const send = (accessToken: string | undefined) =>
        connection.request(request, {
          headers: { ...(accessToken !== undefined && { accessToken }), ...(resource ? sign?.(resource) : undefined) },
          timeoutMs,
          signal,
        })
      const token = await tokens?.token()
      try {
        return await send(token)
      } catch (error) {
        if (!tokens || !isDenied(error)) throw error
        const renewed = await tokens.renew(token)
        if (renewed === undefined) throw error
        return await send(renewed).catch((again: unknown) => {
          if (isDenied(again)) tokens.onRenewedTokenRejected()
          throw again
        })
      }
    },
  }
}

function isDenied(error: unknown): boolean {
  return error instanceof AnswerError && error.errorCode === ErrorCode.NO_RIGHT
}

function signerOf({ accessKey, secretKey, securityToken, regionId }: Keys): SessionCredentials['sign'] {
  if (!accessKey || !secretKey) return undefined
  const key = { accessKey, secretKey, securityToken, regionId }
  return (resource) => {
    const { params, headers } =
      resource.module === 'naming'
        ? signNaming(key, Date.now(), resource.group, resource.service)
        : signConfig(key, Date.now(), resource.tenant, resource.group)
    // Over gRPC there are no parameters: all of it travels as headers.
    return { ...params, ...headers }
  }
}
