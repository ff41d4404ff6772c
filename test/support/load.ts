import { once } from 'node:events'
import { Agent, request, type IncomingMessage } from 'node:http'
import { onTestFinished } from 'vitest'

export interface Answer {
  readonly status: number
  readonly body: string
  /** The server ends the connection. */
  readonly told: boolean
  /** And the clients of sidecars are not to come again. */
  readonly leaving: boolean
}

/** One call without any help: nothing is retried. */
export async function call(port: number, path: string, agent = new Agent(), method = 'GET'): Promise<Answer> {
  const outgoing = request({ port, path, agent, method, headers: { 'content-type': 'application/json' } })
  outgoing.end(method === 'POST' ? '{"some":"body"}' : undefined)
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  let body = ''
  for await (const chunk of response.setEncoding('utf8')) body += chunk as string
  const { connection, 'x-sidecar-leaving': leaving } = response.headers
  return { status: response.statusCode!, body, told: connection === 'close', leaving: leaving !== undefined }
}

export interface Load {
  /** `last`: the body of the latest answer. */
  readonly seen: { ok: number; told: number; leaving: number; failed: string[]; last: string }
  stop(): Promise<void>
}

/** Calls one after the other until told to stop, at the latest when the test ends; GET and POST by turns. */
export function load(port: number, agent: Agent, path = '/echo?wait=20'): Load {
  const seen: Load['seen'] = { ok: 0, told: 0, leaving: 0, failed: [], last: '' }
  let running = true
  onTestFinished(() => void (running = false))
  const done = (async () => {
    for (let i = 0; running; i++) {
      try {
        const { status, told, leaving, body } = await call(port, path, agent, i % 2 ? 'POST' : 'GET')
        if (status === 200) seen.ok++
        else seen.failed.push(String(status))
        seen.last = body
        if (told) seen.told++
        if (leaving) seen.leaving++
      } catch (error) {
        seen.failed.push((error as NodeJS.ErrnoException).code ?? String(error))
      }
    }
  })()
  return { seen, stop: () => ((running = false), done) }
}
