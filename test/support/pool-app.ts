import { Agent } from 'node:http'
import { onTestFinished } from 'vitest'
import { startChild, type Child } from './child.js'
import { call } from './load.js'

const APP = new URL('../fixtures/apps/pool-app.ts', import.meta.url)
const CALLERS = 8

/** A service with a pool, registered. @param database see the fixture */
export async function poolApp(
  registry: { readonly address: string },
  database: string,
  drainMs: number,
  wrapper?: readonly string[],
): Promise<Child & { readonly port: number }> {
  const env = { REGISTRY: registry.address, DATABASE: database, DRAIN: String(drainMs) }
  const app = startChild(APP, { env, ...(wrapper && { wrapper }) })
  const { port } = await app.message<{ port: number }>('listening')
  await app.message('registered')
  return Object.assign(app, { port })
}

/** Callers that each ask one thing after the other, and check the answer, until they are stopped, or the test ends. */
export function askForEchoes(port: number) {
  const failed: string[] = []
  let ok = 0
  let running = true
  onTestFinished(() => void (running = false))
  const callers = Array.from({ length: CALLERS }, async (_, caller) => {
    const agent = new Agent({ keepAlive: caller % 2 === 0 })
    for (let i = 0; running; i++) {
      const text = `${caller}-${i}`
      const answer = await call(port, `/echo/${text}`, agent).then(({ body }) => body, String)
      if (answer === text) ok++
      else failed.push(answer)
    }
    agent.destroy()
  })
  return {
    failed,
    get ok() {
      return ok
    },
    async stop() {
      running = false
      await Promise.all(callers)
    },
  }
}
