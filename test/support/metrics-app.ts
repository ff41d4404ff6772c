import { onTestFinished } from 'vitest'
import { startChild } from './child.js'

const METRICS_APP = new URL('../fixtures/apps/metrics-app.mjs', import.meta.url)

/** A service in a process of its own that serves and calls itself; see the fixture for its routes. */
export async function metricsApp(registry: { readonly address: string }, settings: object = {}) {
  const child = startChild(METRICS_APP, { env: { REGISTRY: registry.address, SETTINGS: JSON.stringify(settings) } })
  onTestFinished(() => void child.kill())
  const { port, management } = await child.message<{ port: number; management?: string }>('listening')
  await child.message('registered')
  const url = `http://127.0.0.1:${port}`
  return { url, port, managementPort: management === undefined ? undefined : Number(management) }
}

/** Sends each request so many times, and waits for all answers. */
export async function sendEach(url: string, wanted: Readonly<Record<string, number>>): Promise<void> {
  for (const [request, times] of Object.entries(wanted)) {
    const [method, path] = request.split(' ')
    for (let n = 0; n < times; n++) await (await fetch(url + path, { method: method! })).arrayBuffer()
  }
}
