import { onTestFinished } from 'vitest'
import type { SidecarOptions } from 'nacos-sidecar'
import { frameworks, type Framework, type TestApp } from '../../support/frameworks.js'
import { observer } from '../../support/member.js'
import { createMemoryTransport } from '../../support/memory-transport.js'

/** An app with the pages of the actuator, until the test ends; its registry is in memory. */
export async function actuatorApp(
  settings: object = {},
  { framework = frameworks[0]!, routes = () => {}, ...options }: ActuatorAppOptions = {},
) {
  const app = framework.create()
  const transport = createMemoryTransport()
  const quiet = { 'application.name': 'portal', 'cloud.nacos.config.enabled': false, ...settings }
  const sidecar = await observer(quiet, { app: app.app, transport, ...options } as Partial<SidecarOptions>)
  routes(app)
  const { url, close } = await app.listen()
  onTestFinished(close)
  return { sidecar, url, transport, lines: (sidecar as unknown as { lines: string[] }).lines }
}

type ActuatorAppOptions = Partial<SidecarOptions> & {
  readonly framework?: Framework
  readonly routes?: (app: TestApp) => void
}

export const EXPOSED = { 'management.endpoints.web.exposure.include': '*' }

export async function page(url: string, init: RequestInit = {}): Promise<string> {
  const response = await fetch(url, init)
  const text = await response.text()
  if (response.status !== 200) throw new Error(`${url}: ${response.status} ${text}`)
  return text
}
