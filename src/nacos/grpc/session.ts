import type { Connection } from './connection.js'
import { AnswerError, ErrorCode } from './errors.js'
import type { Message, Request, SignedResource } from './messages.js'

export type Headers = Readonly<Record<string, string>>

/** What proves to the registry who asks. */
export interface Credentials {
  /**
   * Headers of a login, such as `accessToken`. Called before each request, so it answers from memory; `refused` is what
   * it gave before and what the server would not take (any more).
   */
  readonly credentials?: (refused?: Headers) => Promise<Headers>
  /** Headers of an AK/SK signature over what the request is about. */
  readonly sign?: (resource: SignedResource) => Headers
}

/** A connection together with who we are: what subscriptions and operations talk to. */
export interface Session {
  readonly connection: Connection
  /** The configured address, `host:port`. */
  readonly server: string
  request(request: Request, options?: { signal?: AbortSignal; timeoutMs?: number }): Promise<Message>
}

export function createSession(
  connection: Connection,
  server: string,
  { credentials, sign }: Credentials,
  requestTimeoutMs: number,
): Session {
  return {
    connection,
    server,
    async request(request, { signal, timeoutMs = requestTimeoutMs } = {}) {
      const { resource } = request
      const send = (login: Headers | undefined) =>
        connection.request(request, {
          headers: { ...login, ...(resource ? sign?.(resource) : undefined) },
          timeoutMs,
          signal,
        })
      const login = await credentials?.()
      try {
        return await send(login)
      } catch (error) {
        if (!credentials || !(error instanceof AnswerError) || error.errorCode !== ErrorCode.NO_RIGHT) throw error
        return await send(await credentials(login))
      }
    },
  }
}
