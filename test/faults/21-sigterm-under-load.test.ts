import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Agent, get, type IncomingMessage } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { killChildren, startChild, type Child } from '../support/child.js'
import { devRegistry } from '../support/dev-registry.js'
import { duration } from '../support/scale.js'

const APP = new URL('../fixtures/apps/registered-app.ts', import.meta.url)
const DRAIN = duration(12_000, 1_500)
const namespaces = spawnSync('unshare', ['-r', '-p', '-f', 'true']).status === 0
afterEach(killChildren)

async function call(port: number, path: string, agent: Agent): Promise<IncomingMessage> {
  const [response] = (await once(get({ port, path, agent }), 'response')) as [IncomingMessage]
  response.resume()
  await once(response, 'end')
  return response
}

/** Calls one after the other until told to stop, or until nobody listens any more. */
function load(port: number, agent: Agent) {
  const seen = { ok: 0, told: 0, failed: [] as string[] }
  let running = true
  const done = (async () => {
    while (running) {
      try {
        const response = await call(port, '/slow/20', agent)
        seen.ok++
        if (response.headers.connection === 'close') seen.told++
      } catch (error) {
        seen.failed.push((error as NodeJS.ErrnoException).code ?? String(error))
      }
    }
  })()
  return { seen, stop: () => ((running = false), done) }
}

test.each([
  { handler: 'none', pid1: false, exit: { code: null, signal: 'SIGTERM' } },
  { handler: 'close', pid1: false, exit: { code: 0, signal: null } },
  { handler: 'none', pid1: true, exit: { code: 143, signal: null } },
  { handler: 'close', pid1: true, exit: { code: 0, signal: null } },
])('fault 21: SIGTERM under load, handler $handler, as PID 1: $pid1', async ({ handler, pid1, exit }) => {
  if (pid1 && !namespaces) return
  const registry = await devRegistry()
  const app = startChild(APP, {
    env: { REGISTRY: registry.address, DRAIN: String(DRAIN), HANDLER: handler },
    ...(pid1 && { wrapper: ['unshare', '-r', '-p', '-f', '--mount-proc', '--kill-child'] }),
  })
  const { port } = await app.message<{ port: number }>('listening')
  await app.message('registered')
  const loads = [load(port, new Agent({ keepAlive: true })), load(port, new Agent({ keepAlive: false }))]
  const long = call(port, `/slow/${DRAIN + 500}`, new Agent({ keepAlive: true }))

  const deregistered = once(registry, 'deregister')
  const began = performance.now()
  process.kill(pid1 ? innerPid(app) : app.pid, 'SIGTERM')
  await deregistered
  expect(performance.now() - began).toBeLessThan(3000)

  // Callers go on for as long as their lists may be old, and then have turned away.
  await new Promise((resolve) => setTimeout(resolve, DRAIN * 0.8))
  await Promise.all(loads.map((one) => one.stop()))
  for (const { seen } of loads) {
    expect(seen.failed).toEqual([])
    expect(seen.ok).toBeGreaterThan(10)
  }
  expect(loads[0]!.seen.told).toBeGreaterThan(5)
  expect((await long).statusCode).toBe(200)
  expect(await app.exited).toEqual(exit)
  const took = performance.now() - began
  expect(took).toBeGreaterThan(DRAIN)
  expect(took).toBeLessThan(25_000)
})

/** The only child of `unshare`: node, as PID 1 of its namespace. */
function innerPid({ pid }: Child): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'))
}
