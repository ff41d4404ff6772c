import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'

export interface SteadyLoad {
  readonly seen: { sent: number; readonly failed: string[]; readonly pids: Set<number> }
  /** Settles when so many requests have been sent. */
  reached(count: number): Promise<void>
  stop(): Promise<void>
}

export interface LoadOptions {
  /** Callers at work at the same time. @default 32 */
  readonly callers?: number
  /** What each of them waits between two requests, in ms. @default 5 */
  readonly restMs?: number
}

/** Sends one request and reads its answer. */
export type Send = (method: 'GET' | 'POST', path: string, body?: string) => Promise<{ status: number; text: string }>

/** Over connections that are kept, or one for each request. Nothing is repeated. */
export function plainSend(origin: string, { keepAlive = true } = {}): Send {
  const agent = new Agent({ connections: 32, pipelining: 1 })
  return async (method, path, body) => {
    const answer = await request(origin + path, {
      ...{ dispatcher: agent, method, reset: !keepAlive },
      ...(body !== undefined && { body, headers: { 'content-type': 'application/json' } }),
    })
    return { status: answer.statusCode, text: await answer.body.text() }
  }
}

/**
 * Requests to `orders`, GET and POST by turns, from callers that do not repeat any; each answer is compared with what was
 * asked.
 *
 * @param ways to send, which take turns
 */
export function steadyLoad(ways: readonly Send[], { callers = 32, restMs = 5 }: LoadOptions = {}): SteadyLoad {
  const seen: SteadyLoad['seen'] = { sent: 0, failed: [], pids: new Set() }
  const waiting = new Set<{ readonly count: number; readonly resolve: () => void }>()
  let running = true

  async function ask(number: number): Promise<void> {
    const id = String(number)
    const [method, path, expected] =
      number % 2 ? (['POST', '/orders', 201] as const) : (['GET', `/orders/${id}`, 200] as const)
    const send = ways[Math.floor(number / 2) % ways.length]!
    try {
      const { status, text } = await send(method, path, method === 'POST' ? JSON.stringify({ id }) : undefined)
      if (status !== expected) throw new Error(`${status} ${text.slice(0, 80)}`)
      const answer = JSON.parse(text) as { id: string; pid: number }
      if (answer.id !== id) throw new Error(`asked for ${id}, got ${text}`)
      seen.pids.add(answer.pid)
    } catch (error) {
      seen.failed.push(`${method}: ${String(error)}`)
    }
  }

  const done = Promise.all(
    Array.from({ length: callers }, async () => {
      while (running) {
        await ask(seen.sent++)
        for (const wanted of waiting) if (seen.sent >= wanted.count) (waiting.delete(wanted), wanted.resolve())
        await sleep(restMs)
      }
    }),
  )
  return {
    seen,
    reached: (count) =>
      seen.sent >= count ? Promise.resolve() : new Promise((resolve) => void waiting.add({ count, resolve })),
    async stop() {
      running = false
      await done
    },
  }
}
