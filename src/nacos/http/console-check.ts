import type { ServerAddress } from '../../settings/server-address.js'
import type { HttpClient } from './client.js'
import { CONSOLE_ADVICE } from './dialects/parse-response.js'
import { open } from './dialects/v3.js'
import type { RequestFailure } from './failure.js'

export interface ConsoleCheckOptions {
  readonly client: HttpClient
  readonly address: () => ServerAddress | undefined
  readonly closed: AbortSignal
}

/** What leads to a console: it answers 403 or 404 to every path of the API, as a Nacos may that is set up otherwise. */
const DOUBTFUL: readonly string[] = ['denied', 'no-route', 'login']
const TIMEOUT_MS = 1_000
/** A console stays one for as long as this. */
const ASK_EVERY_MS = 60_000

/**
 * Says of a refusal that the console of a Nacos 3 is behind the address, where it is: that one has a server of its own,
 * on another port than the API.
 */
export function createConsoleCheck({ client, address, closed }: ConsoleCheckOptions) {
  let askedAtMs = -Infinity
  let isConsole = false

  async function ask(): Promise<boolean> {
    const request = { method: 'GET', path: '/v3/console/health/liveness', root: true } as const
    const node = address()
    if (!node) return false
    try {
      const response = await client.send(node, request, { timeoutMs: TIMEOUT_MS, signal: closed, idempotent: true })
      return response.status === 200 && open(response)?.code === 0
    } catch {
      return false
    }
  }

  return async (failure: RequestFailure): Promise<void> => {
    if (!DOUBTFUL.includes(failure.kind) || closed.aborted) return
    if (performance.now() - askedAtMs > ASK_EVERY_MS) {
      askedAtMs = performance.now()
      isConsole = await ask()
    }
    if (isConsole) failure.advice = CONSOLE_ADVICE
  }
}
