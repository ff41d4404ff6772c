import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { AuthSettings } from 'nacos-sidecar'
import type { CallAuthService } from '../../src/auth/verifier.js'
import { settingsSchema } from '../../src/settings/schema.js'

export interface AuthService {
  readonly url: string
  readonly call: CallAuthService
  /** What it was asked, in order. */
  readonly asked: { readonly url: URL; readonly headers: IncomingMessage['headers'] }[]
  /** How it answers from now on. */
  answer: (request: IncomingMessage, response: ServerResponse) => void
  close(): Promise<void>
}

/** A central auth service on a real socket. */
export async function startAuthService(): Promise<AuthService> {
  const server = createServer((incoming, response) => {
    service.asked.push({ url: new URL(incoming.url!, 'http://auth'), headers: incoming.headers })
    service.answer(incoming, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  const service: AuthService = {
    url,
    asked: [],
    answer: say({ data: true }),
    async call({ path, query, headers, signal }) {
      const response = await fetch(`${url}${path}?${new URLSearchParams(query)}`, {
        headers,
        signal,
        redirect: 'manual',
      })
      return { status: response.status, body: await response.text() }
    },
    async close() {
      server.closeAllConnections()
      if (server.listening) await new Promise((resolve) => server.close(resolve))
    },
  }
  return service
}

export const say =
  (body: unknown, status = 200): AuthService['answer'] =>
  (_request, response) => {
    response.statusCode = status
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  }

/** `auth` of a bootstrap.yml. */
export function authSettings(auth: object = {}): AuthSettings {
  return settingsSchema.parse({ auth: { enabled: true, service: 'auth-service', timeout: 5_000, ...auth } }).auth
}

/** An incoming request as the guard looks at it. */
export function incoming(url: string, headers: IncomingMessage['headers'] = {}, method = 'GET'): IncomingMessage {
  return { url, headers, method } as IncomingMessage
}
