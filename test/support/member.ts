import type { RequestListener } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'
import { onTestFinished } from 'vitest'
import { createSidecar } from '../../src/process-sidecar.js'
import type { SidecarOptions } from '../../src/sidecar-options.js'
import type { Sidecar } from '../../src/sidecar.js'
import { startTestRegistry, type TestRegistry } from '../../src/testing.js'
import { collectLog } from './collect.js'

/** A test registry that ends with the test. */
export async function testRegistry(options: Parameters<typeof startTestRegistry>[0] = {}): Promise<TestRegistry> {
  const registry = await startTestRegistry(options)
  onTestFinished(() => registry.stop())
  return registry
}

export interface Member {
  readonly sidecar: Sidecar
  readonly url: string
  /** What it logged, as `level message`. */
  readonly lines: string[]
}

/** An app in this process with a sidecar of its own, registered, until the test ends. */
export async function join(
  app: { listen(port: number, host: string): Server },
  settings: object,
  options: Partial<SidecarOptions> = {},
): Promise<Member> {
  const logger = collectLog()
  const sidecar = createSidecar({ app, configPath: false, settings, logger, signals: false, ...options })
  onTestFinished(() => sidecar.stop({ drain: false }))
  const registered = once(sidecar, 'registered')
  const server = app.listen(0, '127.0.0.1')
  await registered
  return { sidecar, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, lines: logger.lines }
}

/** A sidecar that only looks and calls, until the test ends. */
export async function observer(settings: object, options: Partial<SidecarOptions> = {}): Promise<Sidecar> {
  const sidecar = createSidecar({
    configPath: false,
    settings: { ...settings, 'cloud.nacos.discovery.register-enabled': false },
    logger: collectLog(),
    signals: false,
    ...options,
  })
  onTestFinished(() => sidecar.stop({ drain: false }))
  return sidecar.ready
}

/** Answers everything with this JSON. */
export const answering =
  (body: unknown, status = 200): RequestListener =>
  (_request, response) =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
